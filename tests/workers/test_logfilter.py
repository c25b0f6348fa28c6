"""What tools print loses its secrets on its way to the log, however the pipe cuts it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.logfilter import MOST_LINE, LogFilter, without_secrets

_PIECES = st.sampled_from(
    [
        b" https://me:SENTINEL@h/?token=SENTINEL",
        b" Authorization: Bearer SENTINEL",
        b"frame=1",
        b"\xff\xfe",
        b" ",
        b"\r",
    ]
)


def _filtered(data: bytes, cuts: list[int]) -> bytes:
    filter_, out, start = LogFilter(), b"", 0
    for cut in [*sorted(cuts), len(data)]:
        out += filter_.feed(data[start:cut])
        start = max(start, cut)
    return out + filter_.end()


@given(st.lists(st.lists(_PIECES, max_size=5).map(b"".join), max_size=6), st.lists(st.integers(0, 400), max_size=8))
def test_no_cut_of_the_pipe_lets_a_secret_through(lines: list[bytes], cuts: list[int]) -> None:
    data = b"\n".join(lines)
    found = _filtered(data, cuts)
    assert b"SENTINEL" not in found
    assert found == without_secrets(data)
    assert found.count(b"\n") == data.count(b"\n") and found.count(b"\r") == data.count(b"\r")


@given(st.binary(max_size=2000), st.lists(st.integers(0, 2000), max_size=5))
def test_what_holds_no_secret_stays_byte_for_byte(data: bytes, cuts: list[int]) -> None:
    assert _filtered(data, cuts) == without_secrets(data)
    if b"://" not in data and b"=" not in data and b":" not in data:
        assert without_secrets(data) == data


def test_a_line_is_given_on_at_once_when_it_ends() -> None:
    filter_ = LogFilter()
    assert filter_.feed(b"frame=1\rframe=2") == b"frame=1\r"
    assert filter_.feed(b"\nnext") == b"frame=2\n"
    assert filter_.end() == b"next" and filter_.end() == b""


@pytest.mark.parametrize("step", [1000, 65_537, 400_000])
def test_a_line_without_end_takes_no_memory_and_hides_no_secret(step: int) -> None:
    line = b"word " * (MOST_LINE // 5 - 2) + b"https://me:SENTINEL@example.org/ " + b"x" * 300_000
    filter_, out = LogFilter(), b""
    data = line + b"\nafter\n"
    for start in range(0, len(data), step):
        out += filter_.feed(data[start : start + step])
        assert len(filter_._begun) <= MOST_LINE
    out += filter_.end()
    assert b"SENTINEL" not in out and out.endswith(b"\nafter\n")
    if step < len(data):  # what comes at once is redacted at once
        assert b" more bytes of this line were left out\n" in out and len(out) < MOST_LINE + 100
        kept, told = out.split(b"\n")[0].split("… ".encode())
        assert line.startswith(kept) and len(kept) + int(told.split()[0].replace(b",", b"")) == len(line)


def test_the_end_of_a_line_that_was_cut_is_told_also_at_the_end_of_all() -> None:
    filter_ = LogFilter()
    assert filter_.feed(b"x" * (MOST_LINE + 1)) == b""
    assert filter_.end() == "… 65,537 more bytes of this line were left out".encode()
