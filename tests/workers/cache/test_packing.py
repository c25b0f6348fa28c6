from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.cache.packing import LONG, PACKED, PLAIN, Broken, pack, unpack

texts = st.one_of(st.text(), st.text(min_size=LONG, max_size=3 * LONG), st.just("ab\udcff\ud800" * 700))

NAME = (bytes(range(16)), b"\1" * 16)  # key and stamp


@given(texts)
def test_what_was_packed_comes_back(text: str) -> None:
    assert unpack(pack(text, *NAME), *NAME) == text


@given(texts, st.data())
def test_a_flipped_bit_is_never_taken_for_a_result(text: str, data: st.DataObject) -> None:
    packed = bytearray(pack(text, *NAME))
    place = data.draw(st.integers(0, len(packed) - 1))
    packed[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(Broken):
        unpack(bytes(packed), *NAME)


@given(texts, st.data())
def test_neither_is_a_part(text: str, data: st.DataObject) -> None:
    packed = pack(text, *NAME)
    with pytest.raises(Broken):
        unpack(packed[: data.draw(st.integers(0, len(packed) - 1))], *NAME)


@given(texts, st.integers(0, 1), st.integers(0, 127))
def test_neither_is_the_result_for_another_key_or_stamp(text: str, which: int, bit: int) -> None:
    other = [bytearray(part) for part in NAME]
    other[which][bit // 8] ^= 1 << bit % 8
    with pytest.raises(Broken):
        unpack(pack(text, *NAME), bytes(other[0]), bytes(other[1]))


@given(st.binary(max_size=60))
def test_anything_at_all_is_a_text_or_broken(data: bytes) -> None:
    try:
        assert pack(unpack(data, *NAME), *NAME) == data
    except Broken:
        pass


def test_only_long_texts_are_compressed() -> None:
    short, long = "a" * LONG, json.dumps(["a film"] * 1000)
    assert pack(short, *NAME)[:1] == PLAIN and len(pack(short, *NAME)) == LONG + 5
    assert pack(long, *NAME)[:1] == PACKED and len(pack(long, *NAME)) < len(long) / 10
