from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.cli.output import LiveLine, OutputClosed, OutputError, flush, say, say_json, tell

HOSTILE = "a\x1b[2Jb\x07c\x9b31m\u202ed\x7f\r\ne"


class Broken(io.StringIO):
    """A stream that fails as the system does."""

    def __init__(self, error: OSError) -> None:
        super().__init__()
        self.error = error

    def write(self, text: str) -> int:
        raise self.error

    def flush(self) -> None:
        raise self.error


def test_nothing_a_stranger_wrote_acts_on_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    say(HOSTILE)
    tell(HOSTILE)
    say_json({"title": HOSTILE})
    out, err = capsys.readouterr()
    assert err == out.splitlines(keepends=True)[0]
    for line in [*out.splitlines(), *err.splitlines()]:
        assert line.isprintable()
    assert len(out.splitlines()) == 2
    assert json.loads(out.splitlines()[1]) == {"title": HOSTILE}


@given(st.text())
def test_any_text_is_one_printable_line(text: str) -> None:
    stream = io.StringIO()
    before, sys.stdout = sys.stdout, stream
    try:
        say(text)
        say_json({"text": text})
    finally:
        sys.stdout = before
    first, second = stream.getvalue().split("\n")[:2]
    assert not {unicodedata.category(char) for char in first} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert second.isascii() and second.isprintable()


def test_a_full_disk_and_a_gone_reader_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Broken(OSError(28, "No space left on device")))
    acts: list[Callable[[], None]] = [lambda: say("x"), flush, lambda: say_json({})]
    for act in acts:
        with pytest.raises(OutputError, match="No space left on device"):
            act()
    monkeypatch.setattr(sys, "stdout", Broken(BrokenPipeError(32, "Broken pipe")))
    for act in acts[:2]:
        with pytest.raises(OutputClosed):
            act()
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(OutputError, match="closed"):
        say("x")


def test_a_message_nobody_can_read_is_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream in (None, Broken(OSError(28, "full")), Broken(BrokenPipeError(32, "gone"))):
        monkeypatch.setattr(sys, "stderr", stream)
        tell("x")


def test_a_narrow_encoding_replaces_what_it_cannot_say(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    say("naïve → ok")
    flush()
    assert raw.getvalue() == b"na?ve ? ok\n"


def test_the_live_line_is_only_for_terminals(capsys: pytest.CaptureFixture[str]) -> None:
    line = LiveLine()
    line.show("50%")
    line.clear()
    assert capsys.readouterr().err == ""


def test_the_live_line_is_drawn_over_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    leader, follower = os.openpty()
    monkeypatch.setenv("TERM", "xterm")
    with open(follower, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        line = LiveLine()
        line.show("a\x1b[31mb")
        line.show("a\x1b[31mb")
        line.clear()
        line.clear()
    drawn = b""
    with contextlib.suppress(OSError):  # EIO: all is read, and nobody writes any more
        while True:
            drawn += os.read(leader, 1000)
    os.close(leader)
    assert drawn.decode() == "\r\x1b[Ka\\x1b[31mb\r\x1b[K"
