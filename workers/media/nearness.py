"""Which of many hashes of 64 bits are near each other, and the groups that they form."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Hashes = npt.NDArray[np.uint64]
    Indices = npt.NDArray[np.int64]

BANDED = 3  # up to this distance two hashes have at least one of four bands of 16 bits in common
_BANDS, _BITS = 4, 16
_CELLS = 1 << 16  # of one block of comparisons: what stays in the processor's cache


def _nothing() -> None:
    return None


def pairs(hashes: Hashes, distance: int, *, pulse: Callable[[], None] = _nothing) -> Iterator[tuple[Indices, Indices]]:
    """All pairs of places in `hashes` that differ in at most `distance` bits, in blocks; a pair may come twice.

    `pulse` is called between blocks.
    """
    found = _banded(hashes, distance) if distance <= BANDED else _all(hashes, distance)
    for block in found:
        pulse()
        yield block


def _banded(hashes: Hashes, distance: int) -> Iterator[tuple[Indices, Indices]]:
    """By the bands that near hashes must share: only what shares one is compared."""
    for band in range(_BANDS):
        value = (hashes >> np.uint64(band * _BITS)) & np.uint64(0xFFFF)
        order = np.argsort(value, kind="stable")
        value, ordered = value[order], hashes[order]
        at = np.flatnonzero(value[:-1] == value[1:])
        step = 1
        while at.size:
            close = at[np.bitwise_count(ordered[at] ^ ordered[at + step]) <= distance]
            yield order[close], order[close + step]
            step += 1
            at = at[at + step < len(value)]
            at = at[value[at] == value[at + step]]


def _all(hashes: Hashes, distance: int) -> Iterator[tuple[Indices, Indices]]:
    """Each with all after it. The buffers are used again: making them anew costs three times the comparing."""
    count = len(hashes)
    room = max(_CELLS, count)
    differing, bits, near = np.empty(room, np.uint64), np.empty(room, np.uint8), np.empty(room, np.bool_)
    start = 0
    while start < count - 1:
        width = count - start
        rows = max(min(_CELLS // width, width), 1)
        cells = rows * width
        block = differing[:cells].reshape(rows, width)
        np.bitwise_xor(hashes[start : start + rows, None], hashes[None, start:], out=block)
        np.bitwise_count(differing[:cells], out=bits[:cells])
        np.less_equal(bits[:cells], distance, out=near[:cells])
        one, other = np.divmod(np.flatnonzero(near[:cells]), width)
        later = other > one
        yield one[later] + start, other[later] + start
        start += rows


def groups(count: int, found: Iterator[tuple[Indices, Indices]]) -> list[list[int]]:
    """The groups that pairs of the numbers below `count` form: whoever is near one of a group belongs to it.

    Each group has two members or more, in order; groups are in the order of their first members.
    """
    labels = np.arange(count)
    for one, other in found:
        labels = _joined(labels, one, other)
    order = np.argsort(labels, kind="stable")
    edges = np.flatnonzero(np.diff(labels[order])) + 1
    return [part.tolist() for part in np.split(order, edges) if len(part) > 1]


def _joined(labels: Indices, one: Indices, other: Indices) -> Indices:
    """`labels`, each the least number of its group, after the pairs have been joined."""
    while True:
        apart = labels[one] != labels[other]
        one, other = one[apart], other[apart]
        if not len(one):
            return labels
        first, second = labels[one], labels[other]
        least = np.minimum(first, second)
        np.minimum.at(labels, first, least)
        np.minimum.at(labels, second, least)
        while not np.array_equal(labels, followed := labels[labels]):
            labels = followed


def near_groups(hashes: Sequence[int], distance: int, *, pulse: Callable[[], None] = _nothing) -> list[list[int]]:
    """The groups of places in `hashes` that differ in at most `distance` bits from another of their group."""
    if not hashes:
        return []
    unique, inverse = np.unique(np.array(hashes, np.uint64), return_inverse=True)
    # Equal hashes are one while hashes are compared: a thousand black pictures are not half a million pairs.
    labels = np.arange(len(unique))
    for one, other in pairs(unique, distance, pulse=pulse):
        labels = _joined(labels, one, other)
    return groups(len(hashes), iter([_by_label(labels[inverse])]))


def _by_label(labels: Indices) -> tuple[Indices, Indices]:
    """The pairs of neighbours in the order of `labels` that have the same one."""
    order = np.argsort(labels, kind="stable")
    same = np.flatnonzero(labels[order][:-1] == labels[order][1:])
    return order[same], order[same + 1]


def near_films(
    films: Sequence[Sequence[int]], distance: float, *, pulse: Callable[[], None] = _nothing
) -> list[list[int]]:
    """The groups of films, each a row of as many hashes, whose rows differ in at most `distance` bits on average."""
    if not films:
        return []
    rows = np.array(films, np.uint64)
    moments = rows.shape[1]

    def found() -> Iterator[tuple[Indices, Indices]]:
        # A mean of at most d means that at one moment at least they differ in at most d.
        for moment in range(moments):
            for one, other in pairs(rows[:, moment].copy(), int(distance), pulse=pulse):
                bits = np.bitwise_count(rows[one] ^ rows[other]).sum(axis=1, dtype=np.int64)
                near = bits <= distance * moments
                yield one[near], other[near]

    return groups(len(rows), found())
