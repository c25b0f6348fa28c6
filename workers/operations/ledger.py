"""Which file of which entry an attempt published, told by the file's inode: names alone do not tell entries apart."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path


class Ledger:
    """Notes of one job in its work folder, which outlives its attempts.

    A note is written before its file is published, so that none is missing after a death in between; it counts when
    a file with the noted inode is among those that really were published.
    """

    def __init__(self, file: Path, published: Iterable[Path]) -> None:
        self._file = file
        paths = {_identity(path): path for path in published}
        noted: dict[tuple[int, int], tuple[str, str]] = {}
        for entry, part, device, inode in _notes(file):
            noted[device, inode] = (entry, part)  # the newest counts: an inode may be used again
        self._done = {what: paths[identity] for identity, what in noted.items() if identity in paths}

    def published(self, entry: str, part: str) -> Path | None:
        """Where `part` of `entry` was published by an earlier attempt."""
        return self._done.get((entry, part))

    def note(self, entry: str, part: str, staged: Path) -> None:
        """`staged` is about to be published as `part` of `entry`."""
        line = f"\n{json.dumps([entry, part, *_identity(staged)])}\n"  # the line before may be torn
        with open(self._file, "a", encoding="utf-8") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())


def _identity(path: Path) -> tuple[int, int]:
    facts = path.stat()
    return facts.st_dev, facts.st_ino


def _notes(file: Path) -> Iterable[tuple[str, str, int, int]]:
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        try:
            entry, part, device, inode = json.loads(line)
        except ValueError:
            continue  # empty, or torn by a loss of power
        yield str(entry), str(part), int(device), int(inode)
