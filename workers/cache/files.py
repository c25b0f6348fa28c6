"""Kept files: one container each, `folder/files/CATEGORY/ab/HEX`, written whole and read only when all of it is right.

A container is a magic, a checksum of all that follows, when it was made, its facts as JSON, and the bytes of the file.
Its time of change is when it was last used. Nothing here raises for trouble with the disk: then nothing is kept.
"""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import shutil
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from workers.cache.packing import Broken

MAGIC = b"SPOOLKF1"
TEMPORARY = ".new-"  # begins the name of a container that is being written

_DIGEST = 16
_HEAD = struct.Struct("<dI")  # seconds since the epoch when it was made, bytes of JSON
_PIECE = 1 << 20
_LONGEST_FACTS = 8 << 20
_LEAVE_FREE = 512 << 20  # bytes: a cache must not be what fills the disk


def entry_path(folder: Path, category: str, key: bytes) -> Path:
    """Where the container of a key lies."""
    name = key.hex()
    return folder / "files" / category / name[:2] / name


def keep(
    folder: Path,
    category: str,
    key: bytes,
    stamp: bytes,
    facts: Mapping[str, Any],
    made: Path,
    cost_s: float,
    source: str = "",
) -> int:
    """Keep the file `made` with its facts; the bytes that it takes, 0 when it could not be kept.

    `source` names the input, so that whoever looks after what is kept can tell whether it is still the same.
    """
    target = entry_path(folder, category, key)
    staged = target.with_name(f"{TEMPORARY}{target.name[:16]}-{os.getpid()}-{os.urandom(4).hex()}")
    try:
        about = json.dumps({"facts": facts, "stamp": stamp.hex(), "cost_s": cost_s, "source": source}).encode()
        with open(made, "rb", buffering=0) as content:
            size = os.fstat(content.fileno()).st_size
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if len(about) > _LONGEST_FACTS or shutil.disk_usage(target.parent).free < size + _LEAVE_FREE:
                return 0
            flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
            with open(os.open(staged, flags, 0o600), "wb", buffering=0) as container:
                _fill(container, content, about)
                kept = container.tell()
        os.rename(staged, target)
        return kept
    except (OSError, ValueError, TypeError, RecursionError):
        with contextlib.suppress(OSError):
            staged.unlink(missing_ok=True)
        return 0


def _fill(container: BinaryIO, source: BinaryIO, about: bytes) -> None:
    import xxhash

    head = _HEAD.pack(time.time(), len(about)) + about
    state = xxhash.xxh3_128(head)
    _write(container, MAGIC + bytes(_DIGEST) + head)
    for piece in _pieces(source):
        state.update(piece)
        _write(container, piece)
    os.pwrite(container.fileno(), state.digest(), len(MAGIC))


def _write(file: BinaryIO, data: bytes | memoryview) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _pieces(source: BinaryIO) -> Iterator[memoryview]:
    piece = bytearray(_PIECE)
    view = memoryview(piece)
    while count := source.readinto(piece):  # type: ignore[attr-defined]
        yield view[:count]


def recall(
    folder: Path, category: str, key: bytes, stamp: bytes, into: Path, *, made_after: float = -math.inf
) -> Mapping[str, Any] | None:
    """Write the kept bytes to `into`; their facts, and as one more `cost_s`, the seconds that making them took.

    None when nothing is kept for this stamp since `made_after` (seconds since the epoch), or when anything about it
    is wrong: a broken container is removed.
    """
    path = entry_path(folder, category, key)
    try:
        with open_container(path) as container:
            facts = _copied(container, stamp, into, made_after)
        if facts is not None:
            _touch(path)
        return facts
    except Broken:
        _discard(path)
    except OSError as error:
        if error.errno == errno.ENOENT and not path.exists():
            return None
        if error.errno in (errno.EIO, errno.ELOOP):
            _discard(path)
    with contextlib.suppress(OSError):
        into.unlink(missing_ok=True)
    return None


def _copied(container: BinaryIO, stamp: bytes, into: Path, made_after: float) -> Mapping[str, Any] | None:
    digest, head, about = read_head(container)
    if about["stamp"] != stamp.hex() or _HEAD.unpack_from(head)[0] < made_after:
        return None
    with open(into, "wb", buffering=0) as target:
        _check(container, digest, head, lambda piece: _write(target, piece))
    return {**about["facts"], "cost_s": float(about["cost_s"])}


def open_container(path: Path) -> BinaryIO:
    """A container for reading; OSError when there is none, or a link in its place."""
    return open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW), "rb", buffering=0)


def read_head(container: BinaryIO) -> tuple[bytes, bytes, dict[str, Any]]:
    """The checksum, the bytes up to the kept file that it covers, and what they say. Broken when they are none."""
    start = _exactly(container, len(MAGIC) + _DIGEST + _HEAD.size)
    if not start.startswith(MAGIC):
        raise Broken("no kept file")
    fixed = start[len(MAGIC) + _DIGEST :]
    length = _HEAD.unpack(fixed)[1]
    if length > _LONGEST_FACTS:
        raise Broken("the head is too long")
    text = _exactly(container, length)
    try:
        about = json.loads(text)
        # Each of these is what a caller takes; another shape is as broken as another bit.
        if not isinstance(about["facts"], dict) or not isinstance(about["stamp"], str):
            raise Broken("no facts")
        float(about["cost_s"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Broken(f"no facts: {error}") from None
    return start[len(MAGIC) : len(MAGIC) + _DIGEST], fixed + text, about


def made_at(path: Path) -> float:
    """When the container was made, in seconds since the epoch. Broken when it is none; OSError."""
    with open_container(path) as container:
        start = _exactly(container, len(MAGIC) + _DIGEST + _HEAD.size)
    if not start.startswith(MAGIC):
        raise Broken("no kept file")
    return float(_HEAD.unpack(start[len(MAGIC) + _DIGEST :])[0])


def check(path: Path) -> tuple[float, str, bytes]:
    """Read a whole container: when it was made (seconds since the epoch), its source ("" when that is not told), stamp.

    Broken when its checksum is wrong, OSError when it cannot be read.
    """
    with open_container(path) as container:
        digest, head, about = read_head(container)
        _check(container, digest, head, lambda piece: None)
    try:
        return float(_HEAD.unpack_from(head)[0]), str(about.get("source", "")), bytes.fromhex(about["stamp"])
    except ValueError as error:
        raise Broken(f"no stamp: {error}") from None


def _check(container: BinaryIO, digest: bytes, head: bytes, take: Callable[[memoryview], None]) -> None:
    import xxhash

    state = xxhash.xxh3_128(head)
    for piece in _pieces(container):
        state.update(piece)
        take(piece)
    if state.digest() != digest:
        raise Broken("the checksum is wrong")


def _exactly(container: BinaryIO, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = container.read(size - len(data))
        if not piece:
            raise Broken("cut short")
        data += piece
    return data


def _touch(path: Path) -> None:
    with contextlib.suppress(OSError):
        os.utime(path)


def _discard(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
