"""Near hashes and their groups, beside comparing every pair one by one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.media.nearness import groups, near_films, near_groups, pairs


def brute(count: int, near: Sequence[tuple[int, int]]) -> list[list[int]]:
    """The connected parts of a graph, by walking it."""
    beside: dict[int, set[int]] = {number: set() for number in range(count)}
    for one, other in near:
        beside[one].add(other)
        beside[other].add(one)
    seen: set[int] = set()
    made = []
    for number in range(count):
        if number in seen:
            continue
        part, waiting = set(), [number]
        while waiting:
            here = waiting.pop()
            if here not in part:
                part.add(here)
                waiting.extend(beside[here])
        seen |= part
        if len(part) > 1:
            made.append(sorted(part))
    return made


def brute_near(hashes: Sequence[int], distance: int) -> set[tuple[int, int]]:
    return {(i, j) for j in range(len(hashes)) for i in range(j) if (hashes[i] ^ hashes[j]).bit_count() <= distance}


@st.composite
def families(draw: st.DrawFn) -> list[int]:
    """Some hashes, and others that differ from them in a few bits."""
    seeds = draw(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=6))
    made = list(seeds)
    for seed in draw(st.lists(st.sampled_from(seeds), max_size=20)):
        for bit in draw(st.lists(st.integers(0, 63), max_size=6)):
            seed ^= 1 << bit
        made.append(seed)
    return draw(st.permutations(made))


@settings(max_examples=150, deadline=None)
@given(hashes=families(), distance=st.integers(0, 20))
def test_pairs_are_those_of_comparing_all(hashes: list[int], distance: int) -> None:
    found = {
        (min(i, j), max(i, j))
        for one, other in pairs(np.array(hashes, np.uint64), distance)
        for i, j in zip(one.tolist(), other.tolist(), strict=True)
    }
    assert found == brute_near(hashes, distance)


@settings(max_examples=150, deadline=None)
@given(hashes=families(), distance=st.integers(0, 12))
def test_groups_are_the_connected_parts(hashes: list[int], distance: int) -> None:
    found = near_groups(hashes, distance)
    assert found == brute(len(hashes), sorted(brute_near(hashes, distance)))


@settings(max_examples=80, deadline=None)
@given(rows=st.lists(families(), min_size=1, max_size=8), distance=st.integers(0, 12))
def test_films_are_near_by_the_mean_of_their_moments(rows: list[list[int]], distance: int) -> None:
    films = [(row * 3)[:3] for row in rows] + [(row[::-1] * 3)[:3] for row in rows]
    near = [
        (i, j)
        for j in range(len(films))
        for i in range(j)
        if sum((a ^ b).bit_count() for a, b in zip(films[i], films[j], strict=True)) <= distance * 3
    ]
    assert near_films(films, distance) == brute(len(films), near)


@pytest.mark.parametrize("distance", [2, 3, 4, 9])
def test_many_hashes_over_several_blocks(distance: int) -> None:
    chance = np.random.default_rng(distance)
    hashes = chance.integers(0, 2**64, 1500, dtype=np.uint64)
    hashes[700:800] = hashes[:100] ^ np.uint64((1 << distance) - 1)
    assert near_groups([int(value) for value in hashes], distance) == [[i, 700 + i] for i in range(100)]


def test_very_many_equal_ones_are_one_group() -> None:
    assert near_groups([7] * 20_000, 3) == [list(range(20_000))]


def test_a_chain_is_one_group() -> None:
    numbers = list(range(50))
    chain = (np.array(numbers[:-1]), np.array(numbers[1:]))
    assert groups(60, iter([chain])) == [numbers]


def test_a_sign_of_life_between_blocks() -> None:
    beats: list[int] = []
    near_groups([value * 0x9E3779B97F4A7C15 % 2**64 for value in range(600)], 8, pulse=lambda: beats.append(1))
    assert len(beats) > 2


def test_nothing_is_near_nothing() -> None:
    assert near_groups([], 3) == near_groups([1], 3) == near_films([], 3) == near_films([[1, 2]], 3) == []
