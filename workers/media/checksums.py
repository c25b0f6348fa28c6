"""Lists of checksums as sha256sum and its kin write them, plain or tagged. Pure but for reading the list."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from workers.errors import ErrorClass, JobFailed
from workers.media.digest import Algorithm
from workers.media.names import path_to_key
from workers.text import clean

MAX_LIST_BYTES = 256 << 20
_PLAIN = re.compile(rb"(\\?)([0-9a-fA-F]{32,128})(?: [ *]|\t)(.+)")
_TAGGED = re.compile(rb"(\\?)([A-Z0-9a-z_-]+) \((.+)\) = ([0-9a-fA-F]{32,128})")
_TAGS: dict[str, Algorithm] = {
    "sha256": "sha256",
    "sha512": "sha512",
    "sha1": "sha1",
    "md5": "md5",
    "blake2b": "blake2b",
    "blake3": "blake3",
    "xxh128": "xxh3",
}
_BY_LENGTH: dict[int, tuple[Algorithm, ...]] = {
    32: ("md5", "xxh3"),
    40: ("sha1",),
    64: ("sha256", "blake3"),
    128: ("sha512", "blake2b"),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a list: the file, and the checksum that it should have, in lower case hexadecimal."""

    path: Path
    algorithm: Algorithm
    digest: str


@dataclass(frozen=True, slots=True)
class Checklist:
    """What a list says. `bad_lines` are the numbers of the lines that are neither comments nor checksums."""

    entries: tuple[Entry, ...]
    bad_lines: tuple[int, ...]


def read_list(path: Path, preferred: str) -> Checklist:
    """The list at `path`; names are relative to its folder.

    A plain line does not tell its algorithm: the length of the checksum does, and where two have that length, the
    `preferred` one is taken, else the older. JobFailed bad_input when the list cannot be read or is no such list.
    """
    key = path_to_key(path)
    try:
        if not path.is_file():
            reason = "is no file" if path.exists() else "does not exist"
            raise JobFailed(ErrorClass.BAD_INPUT, f"the list {clean(key)} {reason}", input=key)
        if path.stat().st_size > MAX_LIST_BYTES:
            raise JobFailed(ErrorClass.BAD_INPUT, f"{clean(key)} is too large for a list of checksums", input=key)
        data = path.read_bytes()
    except OSError as error:
        raise JobFailed(ErrorClass.BAD_INPUT, f"cannot read {clean(key)}: {error.strerror}", input=key) from error
    found = parse(data, path.parent, preferred)
    if not found.entries:
        raise JobFailed(ErrorClass.BAD_INPUT, f"{clean(key)} is no list of checksums", input=key)
    return found


def parse(data: bytes, folder: Path, preferred: str) -> Checklist:
    """The list in `data`, as `read_list`."""
    entries: list[Entry] = []
    bad: list[int] = []
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        line = line.removesuffix(b"\r")
        if not line.strip() or line.startswith(b"#"):
            continue
        entry = _entry(line, folder, preferred)
        if entry is None:
            bad.append(number)
        else:
            entries.append(entry)
    return Checklist(tuple(entries), tuple(bad))


def _entry(line: bytes, folder: Path, preferred: str) -> Entry | None:
    if found := _PLAIN.fullmatch(line):
        escaped, digest, name = found.groups()
        fitting = _BY_LENGTH.get(len(digest), ())
        algorithm = next((one for one in fitting if one == preferred), fitting[0] if fitting else None)
    elif found := _TAGGED.fullmatch(line):
        escaped, tag, name, digest = found.groups()
        algorithm = _TAGS.get(tag.decode().lower())
        if algorithm is not None and algorithm not in _BY_LENGTH.get(len(digest), ()):
            algorithm = None
    else:
        return None
    if algorithm is None or b"\0" in name:
        return None
    if escaped:
        name = re.sub(rb"\\([\\nr])", lambda match: _UNESCAPED[match[1]], name)
    path = os.path.normpath(os.path.join(os.path.abspath(folder), os.fsdecode(name)))
    return Entry(Path(path), algorithm, digest.decode().lower())


_UNESCAPED = {b"\\": b"\\", b"n": b"\n", b"r": b"\r"}
