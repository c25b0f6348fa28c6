"""The hardened driver: its filters as pure functions, the private names it leans on, and a real pseudo-terminal."""

from __future__ import annotations

import ast
import inspect
import os
import random
import select
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import textual
from hypothesis import given
from hypothesis import strategies as st
from textual import driver
from textual._xterm_parser import XTermParser
from textual.drivers import _writer_thread, linux_driver

from console.driver import ByteFilter, HardenedDriver, ReplyFilter
from tests.support.pty import Terminal, terminal_environ

CHILD = [sys.executable, "-m", "tests.support.console_child"]
ROOT = Path(__file__).parents[2]
REPLIES = [
    "\x1b[?62;4;22c",
    "\x1b[>41;354;0c",
    "\x1b[6;18;9t",
    "\x1b[?0u",
    "\x1b_Gi=31;OK\x1b\\",
    "\x1b]11;rgb:0000/0000/0000\x1b\\",
    "\x1b]10;rgb:ffff/ffff/ffff\x07",
    "\x1bP>|XTerm(370)\x1b\\",
]


def child(tmp_path: Path, *arguments: str, **environ: str) -> Terminal:
    values = terminal_environ(tmp_path, PYTHONPATH=str(ROOT), **environ)
    ignore = values.pop("IGNORE_HANGUP", "") == "1"
    size = (int(values.pop("COLUMNS_", "80")), int(values.pop("ROWS_", "24")))
    return Terminal([*CHILD, *arguments], environ=values, size=size, ignore_hangup=ignore)


def ready(terminal: Terminal) -> Terminal:
    terminal.wait_for("worker ok")
    terminal.drain(0.4)
    return terminal


# filters


@pytest.mark.parametrize("reply", REPLIES)
def test_reply_is_dropped_whole_and_in_two_reads(reply: str) -> None:
    assert ReplyFilter().feed(f"a{reply}b", 0.0) == "ab"
    for cut in range(2, len(reply)):
        replies = ReplyFilter()
        assert replies.feed("a" + reply[:cut], 0.0) + replies.feed(reply[cut:] + "b", 0.01) == "ab"


def test_what_textual_wants_passes() -> None:
    for wanted in (
        "\x1b[?2026;2$y",
        "\x1b[A",
        "\x1b[1;5A",
        "\x1b[<0;3;4M",
        "\x1b[200~x\x1b[201~",
        "\x1b[I",
        "\x1b[97;5u",
        "\x1bb",
    ):
        replies = ReplyFilter()
        assert replies.feed(wanted + " ", 0.0) == wanted + " "


def test_escape_alone_is_a_key_after_a_moment_and_a_broken_reply_never() -> None:
    replies = ReplyFilter()
    assert replies.feed("\x1b", 0.0) == ""
    assert replies.tick(0.01) == ""
    assert replies.tick(0.05) == "\x1b"
    assert replies.feed("\x1b[?62;4", 1.0) == ""
    assert replies.tick(1.5) == ""
    assert replies.tick(2.1) == ""
    assert not replies.holding


@given(st.text(alphabet="abc\x1b[]?;0c\\P_GuXt", max_size=40), st.lists(st.integers(0, 40), max_size=4))
def test_filter_never_invents_text(text: str, cuts: list[int]) -> None:
    replies, out, last = ReplyFilter(), "", 0
    for cut in [*sorted(cuts), len(text)]:
        out += replies.feed(text[last:cut], 0.0)
        last = max(last, min(cut, len(text)))
    letters = iter(text)
    assert all(letter in letters for letter in out)  # a subsequence


def test_x10_mouse_bytes_are_cut_out_and_bad_utf8_is_replaced() -> None:
    data = ByteFilter()
    assert data.feed(b"a\x1b[M \xff\x80b") == "ab"
    assert data.feed(b"c\x1b[M") + data.feed(b"\x20\x80\x90d") == "cd"
    assert data.feed(b"\xff\xfe") == "\ufffd\ufffd"


# private names


def test_textual_is_the_version_that_the_driver_was_written_for() -> None:
    assert textual.__version__ == "8.2.8"


def test_private_names_exist() -> None:
    source = inspect.getsource(linux_driver.LinuxDriver)
    for name in ("fileno", "_file", "attrs_before", "exit_event", "_writer_thread"):
        assert f"self.{name}" in source
    for method in (
        "run_input_thread",
        "_enable_mouse_support",
        "_enable_bracketed_paste",
        "start_application_mode",
        "close",
    ):
        assert callable(getattr(linux_driver.LinuxDriver, method))
    assert "self._queue" in inspect.getsource(_writer_thread.WriterThread)
    parser = XTermParser()
    assert parser._timeout_time is None
    assert "self._loop" in inspect.getsource(driver.Driver)
    ast.parse(inspect.getsource(linux_driver))


# a real terminal


def test_sigterm_restores_the_terminal(tmp_path: Path) -> None:
    with ready(child(tmp_path, "100", "5")) as terminal:
        assert terminal.modes()[1049]
        os.kill(terminal.pid, signal.SIGTERM)
        assert terminal.wait_end() == 143
        modes = terminal.modes()
        assert [modes[mode] for mode in (1049, 1000, 1003, 2004, 25)] == [False, False, False, False, True]


def test_ctrl_q_leaves_with_zero(tmp_path: Path) -> None:
    with ready(child(tmp_path, "5")) as terminal:
        terminal.send("\x11")
        assert terminal.wait_end() == 0
        assert not terminal.modes()[1049]


def test_hang_up_ends_it_even_when_the_signal_is_ignored(tmp_path: Path) -> None:
    terminal = ready(child(tmp_path, "100", "5", "5", IGNORE_HANGUP="1"))
    with terminal:
        terminal.hang_up()
        started = time.monotonic()
        assert terminal.wait_end() == 129
        assert time.monotonic() - started < 2.0


def test_stalled_terminal_does_not_hold_up_the_loop(tmp_path: Path) -> None:
    lag = tmp_path / "lag"
    with ready(child(tmp_path, "200", "40", "10", COLUMNS_="200", ROWS_="50", LAG_FILE=str(lag))) as terminal:
        time.sleep(3.0)  # the stall itself: nobody reads
        terminal.drain(1.0)
        terminal.send("\x11")
        assert terminal.wait_end() == 0
    assert float(lag.read_text()) < 0.5


def test_stalled_terminal_and_sigterm_ends_it(tmp_path: Path) -> None:
    with ready(child(tmp_path, "200", "40", "20", COLUMNS_="200", ROWS_="50")) as terminal:
        for _ in range(40):  # fill the pipe: whole screens, nobody reads
            terminal.send("\x1b[B\x1b[6~\x1b[5~")
        os.kill(terminal.pid, signal.SIGTERM)
        end = time.monotonic() + 20
        while terminal.poll() is None and time.monotonic() < end:
            select.select([], [], [], 0.05)
        assert terminal.poll() == 143


def test_broken_input_does_not_kill(tmp_path: Path) -> None:
    chance = random.Random(8)
    orders = tmp_path / "orders"
    with ready(child(tmp_path, "50", "5", ORDERS_FILE=str(orders))) as terminal:
        terminal.send(b"\x1b[M \x80\xff")
        terminal.send(bytes(byte for byte in chance.randbytes(600) if byte not in b"\x11\x1b"))
        terminal.send(b"\x1b[99999999999999u\x1b[1;1;1114112u\x1b[<1;2M")
        terminal.drain(0.8)
        for _ in range(4):
            terminal.send("\x1b")
            terminal.drain(0.25)
        assert terminal.poll() is None
        terminal.send("\x11")
        assert terminal.wait_end() == 0


def test_late_replies_trigger_nothing(tmp_path: Path) -> None:
    orders = tmp_path / "orders"
    with ready(child(tmp_path, "50", "5", ORDERS_FILE=str(orders))) as terminal:
        before = terminal.text
        for reply in REPLIES:
            terminal.send(reply[:4])
            terminal.drain(0.02)
            terminal.send(reply[4:])
            terminal.drain(0.1)
        terminal.drain(0.5)
        assert terminal.text == before
        terminal.send("\x11")
        assert terminal.wait_end() == 0
    assert orders.read_text() == "[]"


def test_pasted_url_opens_the_form_in_both_kinds_of_paste(tmp_path: Path) -> None:
    orders = tmp_path / "orders"
    with ready(child(tmp_path, "50", "5", ORDERS_FILE=str(orders))) as terminal:
        for paste in ("\x1b[200~https://a.example/film\x1b[201~", "https://a.example/XPRDfilm"):
            terminal.send(paste)
            terminal.wait_for("URLs *")
            assert "https://a.example/" in terminal.text
            terminal.send("\x1b")
            terminal.wait(lambda found: "URLs *" not in found.text)
        terminal.send("\x11")
        assert terminal.wait_end() == 0
    assert orders.read_text() == "[]"


def test_focus_sends_the_modes_again(tmp_path: Path) -> None:
    with ready(child(tmp_path, "5")) as terminal:
        del terminal.received[:]
        terminal.send("\x1b[O\x1b[I")
        terminal.wait(lambda found: found.modes().get(2004) is True and found.modes().get(1006) is True)


def test_too_small_says_so_and_still_leaves(tmp_path: Path) -> None:
    with ready(child(tmp_path, "5")) as terminal:
        terminal.resize(40, 10)
        terminal.wait_for("40x10 is too small")
        assert "60x16 is needed" in terminal.text
        terminal.resize(80, 24)
        terminal.wait_for("worker ok")
        terminal.resize(20, 5)
        terminal.wait_for("too small")
        terminal.send("\x11")
        assert terminal.wait_end() == 0


def test_the_way_out_is_armed_until_all_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    leaving: Any = object.__new__(HardenedDriver)
    leaving._closed = threading.Event()
    armed: list[bool] = []
    monkeypatch.setattr(linux_driver.LinuxDriver, "close", lambda self: armed.append(not self._closed.is_set()))
    leaving.close()
    assert armed == [True] and leaving._closed.is_set()
