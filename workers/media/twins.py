"""Files of equal content: told apart by size, then by their ends, and only then by a checksum of all.

A file that shares its inode with another is that file under another name: it takes no room of its own.
"""

from __future__ import annotations

import os
import threading
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

from workers.errors import JobFailed
from workers.media.digest import digest, ends
from workers.media.names import key_to_path
from workers.text import clean

Check = Literal["blake3", "xxh3"]
Tick = Callable[[str, int, int], None]  # phase, how much is done, of how much; called in the thread of the caller
T = TypeVar("T")
_BEAT_S = 0.25
_FEW = 64  # files whose work is done before threads are started
_LITTLE = 32 << 20  # bytes, likewise


class Catalogue:
    """Very many files in little memory: about 20 bytes each beside the text of the path."""

    def __init__(self) -> None:
        self._text = bytearray()
        self._ends = array("Q", [0])
        self._sizes = array("Q")

    def add(self, key: str, size: int) -> None:
        """Note the file of this key, which has `size` bytes."""
        self._text += key.encode()
        self._ends.append(len(self._text))
        self._sizes.append(size)

    def __len__(self) -> int:
        return len(self._sizes)

    def key(self, number: int) -> str:
        """The key of the file that was added as this number, from 0."""
        return self._text[self._ends[number] : self._ends[number + 1]].decode()

    def path(self, number: int) -> Path:
        """Its path."""
        return key_to_path(self.key(number))

    def size(self, number: int) -> int:
        """Its size in bytes."""
        return self._sizes[number]

    @property
    def total_bytes(self) -> int:
        """The size of all."""
        return sum(self._sizes)

    def of_one_size(self) -> list[list[int]]:
        """The numbers of the files that share their size with another, by size; empty files are left out."""
        import numpy as np

        sizes = np.frombuffer(self._sizes, np.uint64) if self._sizes else np.empty(0, np.uint64)
        order = np.argsort(sizes, kind="stable")
        ordered = sizes[order]
        edges = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1], [True])))
        # Most sizes are there once: only the others are looked at one by one.
        several = np.flatnonzero(np.diff(edges) > 1) if len(ordered) else ()
        parts = (order[edges[at] : edges[at + 1]] for at in several)
        return [part.tolist() for part in parts if sizes[part[0]]]


@dataclass(slots=True)
class Twins:
    """What was found. Groups hold numbers of the catalogue; each has two or more files of equal content."""

    groups: list[tuple[str, list[int]]] = field(default_factory=list)  # with the checksum in hexadecimal
    names: dict[int, list[int]] = field(default_factory=dict)  # further names of a file, by its first one
    problems: list[tuple[str, str]] = field(default_factory=list)  # key and sentence of files that cannot be read
    read_bytes: int = 0  # that were read in full


def find(catalogue: Catalogue, *, check: Check = "blake3", threads: int = 1, tick: Tick) -> Twins:
    """The files of equal content in `catalogue`. Files that cannot be read are told in `problems`."""
    twins = Twins()
    alike = without_names(catalogue, catalogue.of_one_size(), twins.names, twins.problems)
    alike = _by_ends(catalogue, alike, twins, threads, tick)
    _by_content(catalogue, alike, twins, check, threads, tick)
    return twins


def without_names(
    catalogue: Catalogue, alike: Iterable[list[int]], names: dict[int, list[int]], problems: list[tuple[str, str]]
) -> list[list[int]]:
    """Groups with one name of each file, no link where it has another; the other names go to `names`.

    Groups of a single file are left out. What cannot be looked at goes to `problems`.
    """
    kept = []
    for group in alike:
        first: dict[tuple[int, int], int] = {}
        for number in group:
            try:
                facts = os.stat(catalogue.path(number))
            except OSError as error:
                problems.append((catalogue.key(number), _cannot_read(catalogue.key(number), error)))
                continue
            file = facts.st_dev, facts.st_ino
            here = first.setdefault(file, number)
            if here == number:
                continue
            others = names.pop(here, [])
            if catalogue.path(here).is_symlink() and not catalogue.path(number).is_symlink():
                first[file], here, number = number, number, here
            names[here] = [*others, number]
        if len(first) > 1:
            kept.append(list(first.values()))
    return kept


def _cannot_read(key: str, error: OSError) -> str:
    return f"cannot read {clean(key)}: {error.strerror or error}"


def _by_ends(catalogue: Catalogue, alike: list[list[int]], twins: Twins, threads: int, tick: Tick) -> list[list[int]]:
    numbers = [number for group in alike for number in group]
    found: dict[int, bytes] = {}
    stop = threading.Event()
    work = each(lambda number: ends(catalogue.path(number), catalogue.size(number)), numbers, threads, stop, few=True)
    for number, result in _ticking(work, lambda at: tick("comparing ends", at, len(numbers))):
        if isinstance(result, JobFailed):
            twins.problems.append((catalogue.key(number), result.failure.message))
        else:
            found[number] = result
    return [part for group in alike for part in _split(group, found).values() if len(part) > 1]


def _split(group: Sequence[int], found: dict[int, T]) -> dict[T, list[int]]:
    parts: dict[T, list[int]] = {}
    for number in group:
        if number in found:
            parts.setdefault(found[number], []).append(number)
    return parts


def _by_content(
    catalogue: Catalogue, alike: list[list[int]], twins: Twins, check: Check, threads: int, tick: Tick
) -> None:
    numbers = [number for group in alike for number in group]
    total = sum(catalogue.size(number) for number in numbers)
    stop, at_work = threading.Event(), dict.fromkeys(numbers, 0)

    def whole(number: int) -> str:
        def pulse(done: int, _: int) -> None:
            at_work[number] = done
            if stop.is_set():
                raise _StoppedError

        checksum, at_work[number] = digest(catalogue.path(number), check, pulse=pulse)
        return checksum

    found: dict[int, str] = {}
    for number, result in _ticking(
        each(whole, numbers, threads, stop, few=total <= _LITTLE),
        lambda _: tick("reading in full", sum(at_work.values()), total),
    ):
        if isinstance(result, JobFailed):
            twins.problems.append((catalogue.key(number), result.failure.message))
        else:
            found[number] = result
    twins.read_bytes = sum(at_work.values())
    for group in alike:
        twins.groups += [(checksum, part) for checksum, part in _split(group, found).items() if len(part) > 1]


class _StoppedError(Exception):
    """The work is no longer wanted."""


def _ticking(
    work: Iterable[tuple[int, T | JobFailed] | None], tick: Callable[[int], None]
) -> Iterator[tuple[int, T | JobFailed]]:
    """What `each` gives, with a tick at every beat and every 64 results."""
    done = 0
    for one in work:
        if one is None:
            tick(done)
            continue
        done += 1
        if done % 64 == 0:
            tick(done)
        yield one


def each(
    function: Callable[[int], T], numbers: Sequence[int], threads: int, stop: threading.Event, *, few: bool = False
) -> Iterator[tuple[int, T | JobFailed] | None]:
    """`function` of each number in that many threads, as they come: (number, what it gave or its JobFailed).

    None comes at least four times a second, so that the caller can show a sign of life. `stop` is set when the
    caller ends early; threads that look at it end sooner. With `few` a short row is worked off without any threads.
    """
    if len(numbers) <= _FEW and few:
        for number in numbers:
            yield number, _tried(function, number)
        return
    with ThreadPoolExecutor(max(threads, 1), "twins") as pool:
        waiting: dict[Future[T | JobFailed], int] = {}
        following = iter(numbers)
        try:
            while True:
                for number in following:
                    waiting[pool.submit(_tried, function, number)] = number
                    if len(waiting) >= 4 * threads:
                        break
                if not waiting:
                    return
                ended, _ = wait(waiting, _BEAT_S, FIRST_COMPLETED)
                for future in ended:
                    yield waiting.pop(future), future.result()
                if not ended:
                    yield None
        finally:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)


def _tried(function: Callable[[int], T], number: int) -> T | JobFailed:
    try:
        return function(number)
    except JobFailed as error:
        return error
