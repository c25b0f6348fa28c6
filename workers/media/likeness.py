"""Pictures and films that look alike, by their perceptual hashes."""

from __future__ import annotations

import threading
import warnings
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from workers.errors import ErrorClass, JobFailed
from workers.media import filmhash, phash
from workers.media.nearness import near_films, near_groups
from workers.media.sniff import sniff
from workers.media.twins import Catalogue, Tick, each, without_names

Look = phash.Fingerprint | filmhash.FilmFingerprint


@dataclass(slots=True)
class Likeness:
    """What was found. Groups hold numbers of the catalogue: two or more files that look alike."""

    pictures: list[list[int]] = field(default_factory=list)
    films: list[list[int]] = field(default_factory=list)
    looks: dict[int, Look] = field(default_factory=dict)  # of the members of groups
    problems: list[tuple[str, str]] = field(default_factory=list)  # key and sentence of files that cannot be read
    names: dict[int, list[int]] = field(default_factory=dict)  # further names of a file, which were not looked at
    flat: int = 0  # files of nearly one brightness, which are like all others of their kind


class _Kept:
    """The looks of one kind in little memory: 40 bytes for a picture, 72 for a film."""

    def __init__(self, hashes: int) -> None:
        self._each = hashes
        self.numbers = array("Q")
        self._hashes = array("Q")
        self._sizes = array("I")
        self._lengths = array("d")

    def add(self, number: int, hashes: Sequence[int], width: int, height: int, duration_s: float) -> None:
        self.numbers.append(number)
        self._hashes.extend(hashes)
        self._sizes.extend((width, height))
        self._lengths.append(duration_s)

    def hashes(self, place: int) -> tuple[int, ...]:
        return tuple(self._hashes[place * self._each : (place + 1) * self._each])

    def rows(self) -> list[tuple[int, ...]]:
        return [self.hashes(place) for place in range(len(self.numbers))]

    def all_hashes(self) -> Sequence[int]:
        return self._hashes

    def size(self, place: int) -> tuple[int, int, float]:
        width, height = self._sizes[2 * place : 2 * place + 2]
        return width, height, self._lengths[place]


FilmLook = Callable[[Path, str, Callable[[], None]], filmhash.FilmFingerprint]


def _film_look(path: Path, format: str, pulse: Callable[[], None]) -> filmhash.FilmFingerprint:
    return filmhash.fingerprint(path, format=format, pulse=pulse)


def find(catalogue: Catalogue, *, distance: int, threads: int = 1, tick: Tick, film: FilmLook = _film_look) -> Likeness:
    """The pictures and films in `catalogue` that differ in at most `distance` of 64 bits from one of their group.

    Of films, the mean over their moments counts. A file of several names, or with links to it, is one file. `film`
    looks at the film of a path, a demuxer and a sign of life, in any of the threads.
    """
    likeness, pictures, films = Likeness(), _Kept(1), _Kept(len(filmhash.MOMENTS))
    stop = threading.Event()

    def pulse() -> None:
        if stop.is_set():
            raise JobFailed(ErrorClass.TOOL, "the work was stopped")

    # Names of one file share its size. What cannot be looked at is told by the look itself.
    without_names(catalogue, catalogue.of_one_size(), likeness.names, [])
    other = {name for names in likeness.names.values() for name in names}
    files = [number for number in range(len(catalogue)) if number not in other]
    total, done = len(files), 0
    # Readers set up warnings on their own, which among threads leaks from one into the other.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for one in each(lambda number: _look(catalogue, number, pulse, film), files, threads, stop):
            tick("looking at files", done, total)
            if one is None:
                continue
            done += 1
            number, look = one
            if isinstance(look, JobFailed):
                likeness.problems.append((catalogue.key(number), look.failure.message))
            elif look.flat:
                likeness.flat += 1
            elif isinstance(look, phash.Fingerprint):
                pictures.add(number, (look.phash,), look.width, look.height, 0.0)
            else:
                films.add(number, look.phashes, look.width, look.height, look.duration_s)
    _group(likeness, pictures, films, distance, lambda: tick("comparing", total, total))
    return likeness


def _look(catalogue: Catalogue, number: int, pulse: Callable[[], None], film: FilmLook) -> Look:
    path = catalogue.path(number)
    found = sniff(path)
    if found.kind == "image":
        return phash.fingerprint(path, format=found.format)
    return film(path, found.format, pulse)


def _group(likeness: Likeness, pictures: _Kept, films: _Kept, distance: int, pulse: Callable[[], None]) -> None:
    for group in near_groups(pictures.all_hashes(), distance, pulse=pulse):
        likeness.pictures.append(sorted(pictures.numbers[place] for place in group))
        for place in group:
            width, height, _ = pictures.size(place)
            (value,) = pictures.hashes(place)
            likeness.looks[pictures.numbers[place]] = phash.Fingerprint(value, 0, False, width, height)
    for group in near_films(films.rows(), distance, pulse=pulse):
        likeness.films.append(sorted(films.numbers[place] for place in group))
        for place in group:
            width, height, seconds = films.size(place)
            likeness.looks[films.numbers[place]] = filmhash.FilmFingerprint(
                films.hashes(place), False, seconds, width, height
            )


def distance_of(one: Look, other: Look) -> float:
    """How far two looks of one kind are apart: 0 to 64."""
    if isinstance(one, phash.Fingerprint) and isinstance(other, phash.Fingerprint):
        return phash.distance(one.phash, other.phash)
    assert isinstance(one, filmhash.FilmFingerprint) and isinstance(other, filmhash.FilmFingerprint)
    return filmhash.distance(one, other)
