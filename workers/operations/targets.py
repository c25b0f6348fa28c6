"""Where the outputs of a job's inputs go: each input to a name of its own, the same on every run."""

from __future__ import annotations

import functools
import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from hashlib import blake2s
from pathlib import Path

from workers.media.names import MAX_BYTES, key_to_path, safe_name

_KEPT_FOLDERS = 8  # inputs come folder by folder, so few are looked at in turns


@functools.lru_cache(maxsize=2)
def targets(inputs: tuple[str, ...], output: str, wanted: Callable[[str], bool]) -> Targets:
    """The targets of a job, kept from item to item."""
    return Targets(inputs, output, wanted)


class Targets:
    """The targets of one job: beside each input, or in the folder `output` with the trees of input folders kept.

    Inputs that would get one name are rivals: inputs of one job when there is an output folder, and otherwise all
    files of one folder that the operation would take. `wanted` says of a name whether a walk would take it.
    """

    def __init__(self, inputs: tuple[str, ...], output: str, wanted: Callable[[str], bool]) -> None:
        self._wanted = wanted
        self._output = key_to_path(output) if output else None
        given = [Path(os.path.abspath(key_to_path(text))) for text in inputs]
        self._roots = frozenset(path for path in given if path.is_dir())
        self._named: dict[Path, list[Path]] = defaultdict(list)
        for path in given:
            if path not in self._roots:
                self._named[self.folder(path)].append(path)
        self._claims: dict[tuple[Path, int], dict[str, set[Path]]] = {}

    def root(self, source: Path) -> Path | None:
        """The nearest input folder that holds `source`."""
        return next((folder for folder in source.parents if folder in self._roots), None)

    def folder(self, source: Path) -> Path:
        """The folder for the output of `source`."""
        if self._output is None:
            return source.parent
        root = self.root(source)
        return self._output / source.parent.relative_to(root) if root else self._output

    def of(self, source: Path, suffix: str, extension: str) -> Path:
        """The path for the output of `source`: its stem, or more of it where others have that, and suffix.extension."""
        source = Path(os.path.abspath(source))
        folder = self.folder(source)
        room = MAX_BYTES - len(suffix) - len(extension) - 1
        claims = self._claims_in(folder, room)
        for words in self._words(source):
            name = safe_name(words, limit=room)
            if claims.get(name, set()) <= {source}:
                return folder / f"{name}{suffix}.{extension}"
        digest = blake2s(os.fsencode(source), digest_size=4).hexdigest()
        return folder / f"{safe_name(source.stem, limit=room - 9)}-{digest}{suffix}.{extension}"

    def _words(self, source: Path) -> tuple[str, ...]:
        """What the output of `source` may be called, the shortest first."""
        root = (self.root(source) or source.parent).name
        return source.stem, source.name, f"{root}-{source.stem}", f"{root}-{source.name}"

    def _claims_in(self, folder: Path, room: int) -> dict[str, set[Path]]:
        """Every name of at most `room` bytes that an input could get in `folder`, with the inputs that could."""
        claims = self._claims.get((folder, room))
        if claims is None:
            if len(self._claims) >= _KEPT_FOLDERS:
                self._claims.clear()
            claims = self._claims[folder, room] = defaultdict(set)
            for source in {*self._named.get(folder, ()), *self._walked_to(folder)}:
                for words in self._words(source):
                    claims[safe_name(words, limit=room)].add(source)
        return claims

    def _walked_to(self, folder: Path) -> Iterator[Path]:
        """The files of input folders whose outputs go to `folder`."""
        if self._output is None:
            yield from self._listed(folder)
            return
        inner = folder.relative_to(self._output)
        for root in self._roots:
            if self.root(root / inner / "x") == root:
                yield from self._listed(root / inner)

    def _listed(self, folder: Path) -> Iterator[Path]:
        try:
            with os.scandir(folder) as entries:
                names = [entry.name for entry in entries]
        except OSError:
            return
        yield from (folder / name for name in names if not name.startswith(".") and self._wanted(name))
