"""Items that wait, packed."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.runner.backlog import Backlog

keys = st.text(st.characters(exclude_characters="\0", codec=None), min_size=0, max_size=30)


@given(st.lists(st.lists(keys, min_size=1, max_size=5), max_size=12), st.randoms())
def test_first_in_first_out_whatever_the_names(blocks: list[list[str]], chance: object) -> None:
    backlog = Backlog()
    out: list[str] = []
    for number, block in enumerate(blocks):
        backlog.put(block)
        if number % 3 == 2:
            out += backlog.get()
    assert len(backlog) == sum(map(len, blocks)) - len(out)
    while len(backlog):
        out += backlog.get()
    assert out == [key for block in blocks for key in block]


def test_nothing_waits_in_an_empty_one() -> None:
    with pytest.raises(IndexError):
        Backlog().get()


def test_very_many_take_little_memory() -> None:
    tracemalloc.start()
    backlog = Backlog()
    for block in range(200):
        backlog.put([f"/srv/archive/photographs/2024/{block:05}/IMG_{number:06}.jpg" for number in range(500)])
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(backlog) == 100_000
    assert held < 100_000 * 20  # bytes; as plain texts they would take six times that
