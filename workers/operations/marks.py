"""How small pictures are known again: a mark in the file says what input it is of, and what was asked for."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Iterator, Mapping
from hashlib import blake2s
from pathlib import Path
from typing import Any


def mark(source: Path, target: Path, asked: Mapping[str, Any]) -> str:
    """What an output says of its input: a digest of the way there, so that both may be moved together, and of `asked`.

    `asked` are the options that the output depends on, as JSON knows them.
    """
    way = os.path.relpath(os.path.abspath(source), os.path.abspath(target.parent))
    whole = json.dumps(asked, sort_keys=True).encode() + b"\0" + os.fsencode(way)
    return f"Spool thumbnail {blake2s(whole, digest_size=16).hexdigest()}"


def made_before(source: Path, target: Path, asked: Mapping[str, Any], read: Callable[[Path], str]) -> Path | None:
    """The output of this very `source`, as `asked`, that is newer than it: `target`, or a numbered one beside it.

    `read` gives the mark of a file, or an empty text.
    """
    return next(all_made_before(source, target, asked, read), None)


def all_made_before(
    source: Path, target: Path, asked: Mapping[str, Any], read: Callable[[Path], str]
) -> Iterator[Path]:
    """Every such output, in the order of their numbers."""
    try:
        changed, wanted = source.stat().st_mtime_ns, mark(source, target, asked)
        for path in _numbered(target):
            made = path.stat()
            if made.st_size and made.st_mtime_ns >= changed and read(path) == wanted:
                yield path
    except OSError:
        return  # one of them is not there, or gone since


def _numbered(target: Path) -> Iterator[Path]:
    """The names that publishing would choose from, until one is free."""
    yield target
    for number in itertools.count(2):
        yield target.with_name(f"{target.stem} ({number}){target.suffix}")


_NOTE = b"WEBVTT\n\nNOTE "


def mark_of_words(path: Path) -> str:
    """The mark in the first note of a WebVTT file, or an empty text."""
    with open(path, "rb") as file:
        head = file.read(200)
    if not head.startswith(_NOTE):
        return ""
    return head.removeprefix(_NOTE).split(b"\n", 1)[0].decode("ascii", "replace")
