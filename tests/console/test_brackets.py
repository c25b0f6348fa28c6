"""A paste stays inside its brackets, whatever it holds and however it is cut into pieces."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from textual import events
from textual._xterm_parser import BRACKETED_PASTE_END, BRACKETED_PASTE_START

from console.brackets import PasteGuard
from console.driver import _Reader

HOSTILE = "line one\rX\ty \x1b[31mred\x1b\r\x1bXD"


def fed(*pieces: str) -> str:
    guard = PasteGuard()
    return "".join(guard.feed(piece) for piece in pieces)


def test_escapes_in_a_paste_are_dropped_and_no_others() -> None:
    whole = f"\x1b[A{BRACKETED_PASTE_START}a\x1b[31mb{BRACKETED_PASTE_END}\x1b[B\x1b"
    assert fed(whole) == f"\x1b[A{BRACKETED_PASTE_START}a[31mb{BRACKETED_PASTE_END}\x1b[B\x1b"


@pytest.mark.parametrize("key", ["\x1b", "\x1b[", "\x1b[A", "\x1b[20~", "q"])
def test_keys_pass_at_once(key: str) -> None:
    assert fed(key) == key


@given(st.text(alphabet="a\r\x1b[201~", max_size=30), st.lists(st.integers(3, 60), max_size=6))
def test_any_paste_in_any_pieces_is_one_text(text: str, cuts: list[int]) -> None:
    assume(BRACKETED_PASTE_END not in text)
    whole = BRACKETED_PASTE_START + text + BRACKETED_PASTE_END + "q"
    places = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    told = fed(*(whole[start:end] for start, end in pairwise(places)))
    assert told == BRACKETED_PASTE_START + text.replace("\x1b", "") + BRACKETED_PASTE_END + "q"


@pytest.mark.parametrize("step", [1_000, 7, 3])
def test_a_hostile_paste_gives_no_key(step: int) -> None:
    reader, data = _Reader(debug=False), (BRACKETED_PASTE_START + HOSTILE + BRACKETED_PASTE_END).encode()
    found = [event for at in range(0, len(data), step) for event in reader.events(data[at : at + step], 0.0)]
    assert [type(event) for event in found] == [events.Paste]
    (paste,) = found
    assert isinstance(paste, events.Paste) and paste.text.startswith("line one\rX") and "red" in paste.text
