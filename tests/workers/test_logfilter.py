"""What tools print loses its secrets on its way to the log, however the pipe cuts it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.secret_lines import plain_lines, secret_lines, shows
from workers import logfilter
from workers.logfilter import MOST_LINE, LogFilter, without_secrets
from workers.text import redacted

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


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(secret_lines(), plain_lines), max_size=8), st.lists(st.integers(0, 600), max_size=6))
def test_only_lines_with_secrets_change_however_they_are_cut(lines: list[str], cuts: list[int]) -> None:
    data = "\n".join(lines).encode()
    found = _filtered(data, cuts).decode()
    assert not shows(found)
    assert found == "\n".join(redacted(line) for line in lines)
    assert [line for line in lines if not shows(line)] == [
        after for line, after in zip(lines, found.split("\n"), strict=False) if not shows(line)
    ]


_LOOSE_PIECES = st.sampled_from(
    [
        *("token", "SECRET", "passwd", "pass", "api", "key", "pwd", "Authorization", "cookies", "Bearer", "basic"),
        *("-", "--", "_", "://", "?", "@", "=", ":", "=>", "'", '"', "\\", "]", "[", " ", ",", "a1", "abc123456789"),
        *("\n", "\r", "…", "\x1b[1m", "\x1b(B", "é", "ſecret", "session_id", "sig"),
    ]
)


@settings(max_examples=500, deadline=None)
@given(st.lists(_LOOSE_PIECES, max_size=20).map("".join))
def test_what_is_looked_for_first_leaves_nothing_out(text: str) -> None:
    """As if every line were looked through."""
    assert without_secrets(text.encode()).decode() == redacted(text)


_WORDY = (
    "basic cookies and tokens: api session key access x-",
    "linux-access api tokens basic cookie passing signature session line of words here",
    "\x1b[1mframe=\x1b[0m  100 fps= 25 https://example.org/a pass 1 of 2",
)


@pytest.mark.parametrize("line", _WORDY)
def test_words_alone_are_not_looked_through(monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    """The bound on what a flood of such lines costs the worker: one look over all, and one at each line that hits."""
    looked: list[str] = []

    def counted(line: str) -> str:
        looked.append(line)
        return redacted(line)

    monkeypatch.setattr(logfilter, "without_named", counted)
    plain = f"{line}\n".encode() * 5000
    assert without_secrets(plain) == plain and looked == []
    assert without_secrets(plain + b"\rpassword=abc\n" + plain) == plain + "\rpassword=…\n".encode() + plain
    assert looked == ["password=abc"]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([1, 90, MOST_LINE - 1, MOST_LINE, MOST_LINE + 1, 150_000]), st.booleans())),
    st.lists(st.integers(1, 200_000), max_size=6),
)
def test_long_lines_are_cut_alike_in_pieces_of_any_size(lines: list[tuple[int, bool]], cuts: list[int]) -> None:
    data = b"".join((b"word " * (size // 5 + 1))[:size] + (b"\n" if feed else b"\r") for size, feed in lines)
    found = _filtered(data, cuts)
    assert found == _filtered(data, [])
    for (size, _), line in zip(lines, re.split(rb"[\r\n]", found), strict=False):
        assert (b"more bytes of this line were left out" in line) == (size > MOST_LINE)
        assert len(line) <= MOST_LINE + 60


def test_a_quoted_secret_is_not_shown_by_the_cut() -> None:
    found = _filtered(b"a password='SENTINEL SENTINEL " + b"z " * MOST_LINE + b"'\nb\n", [])
    assert b"SENTINEL" not in found and found.startswith(b"a password=") and found.endswith(b"\nb\n")


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
    assert b" more bytes of this line were left out\n" in out and len(out) < MOST_LINE + 100
    kept, told = out.split(b"\n")[0].split("… ".encode())
    assert line.startswith(kept) and len(kept) + int(told.split()[0].replace(b",", b"")) == len(line)


def test_the_end_of_a_line_that_was_cut_is_told_also_at_the_end_of_all() -> None:
    filter_ = LogFilter()
    assert filter_.feed(b"x" * (MOST_LINE + 1)) == b""
    assert filter_.end() == "… 65,537 more bytes of this line were left out".encode()
