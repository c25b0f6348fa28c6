"""The console in a real pseudo-terminal: colours, refusals, and its budgets in bytes."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from console.app import LEAST_SIZE
from console.starter import LEFT_BEHIND
from tests.support.pty import Terminal, drain_together, terminal_environ

ROOT = Path(__file__).parents[2]
CHILD = [sys.executable, "-m", "tests.support.console_child"]
REAL = [
    sys.executable,
    "-c",
    "import sys; from workers.config import load_settings; from console.app import run;"
    "sys.exit(run(load_settings(), read_only=True))",
]
COLOUR = re.compile(rb"\x1b\[(?:[0-9;]*;)?(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;[0-9;]*)?m")


def opened(
    command: list[str], home: Path, *arguments: str, size: tuple[int, int] = (80, 24), **changes: str
) -> Terminal:
    environ = terminal_environ(home, PYTHONPATH=str(ROOT), **changes)
    return Terminal([*command, *arguments], environ=environ, size=size)


def leave(terminal: Terminal) -> None:
    terminal.send("\x11")
    assert terminal.wait_end() == 0


def test_no_color_sends_no_colour(tmp_path: Path) -> None:
    with opened(CHILD, tmp_path, "50", "5", NO_COLOR="1") as terminal:
        terminal.wait_for("worker ok")
        terminal.send("?")
        terminal.wait_for("Keys")
        assert not COLOUR.search(bytes(terminal.received))
        terminal.send("q")
        leave(terminal)


def test_colours_are_there_otherwise_and_fit_the_terminal(tmp_path: Path) -> None:
    with opened(CHILD, tmp_path, "50", "5") as terminal:
        terminal.wait_for("worker ok")
        assert b"38;5;" in terminal.received
        assert b"38;2;" not in terminal.received
        leave(terminal)


def test_sixteen_colour_terminal_gets_its_own_colours(tmp_path: Path) -> None:
    with opened(CHILD, tmp_path, "50", "5", TERM="xterm") as terminal:
        terminal.wait_for("worker ok")
        assert b"38;5;" not in terminal.received
        assert b"38;2;" not in terminal.received
        assert COLOUR.search(bytes(terminal.received))
        leave(terminal)


def test_ascii_draws_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[console]\nascii = true\n")
    with opened(CHILD, tmp_path, "90", "5", size=(140, 40)) as terminal:
        terminal.wait_for("worker ok")
        for key, seen in (
            ("X", "Cancel 1 job?"),
            ("n", "Nothing was done"),
            ("2", "Host"),
            ("3", "events"),
            ("1", "Progress"),
            ("\x1b[200~/media/a → b….mov\x1b[201~", "What to do with 1 path?"),
            ("\r", "/media/a > b~.mov"),
        ):
            terminal.send(key)
            terminal.wait_for(seen)
        assert terminal.received.isascii()
        terminal.send("\x1b")
        leave(terminal)


def test_dumb_terminal_is_refused(tmp_path: Path) -> None:
    with opened(REAL, tmp_path, TERM="dumb") as terminal:
        assert terminal.wait_end() == 2
        assert "spool jobs" in " ".join(terminal.text.split())
        assert b"\x1b[?1049h" not in terminal.received


def test_without_a_terminal_it_is_refused(tmp_path: Path) -> None:
    import subprocess

    environ = terminal_environ(tmp_path, PYTHONPATH=str(ROOT))
    done = subprocess.run(REAL, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "spool jobs" in done.stderr


def test_real_store_read_only_says_that_no_worker_runs(tmp_path: Path) -> None:
    with opened(REAL, tmp_path, size=(100, 24)) as terminal:
        terminal.wait_for("no worker")
        terminal.wait_for("read only")
        terminal.send("A")
        terminal.wait_for("This console is read only.")
        leave(terminal)
        assert b"goes on" not in terminal.received


def test_words_after_leaving_fit_the_least_terminal() -> None:
    assert all(len(line) < LEAST_SIZE[0] for line in LEFT_BEHIND.split("\n"))
    assert "`spool stop`" in LEFT_BEHIND


def test_database_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "state" / "spool.db").write_bytes(b"this is no database" * 100)
    with opened(REAL, tmp_path) as terminal:
        assert terminal.wait_end() in (1, 78)
        assert "database" in terminal.text
        assert b"Traceback" not in terminal.received


@pytest.fixture
def open_both(tmp_path: Path) -> Iterator[Callable[..., list[Terminal]]]:
    """Open two consoles of a small and a large size, which then idle or work at the same time."""
    with contextlib.ExitStack() as stack:

        def open_them(*arguments: str, **changes: str) -> list[Terminal]:
            both = [
                stack.enter_context(opened(CHILD, tmp_path, *arguments, size=size, **changes))
                for size in ((80, 24), (200, 50))
            ]
            for terminal in both:
                terminal.wait_for("worker ok")
            return both

        yield open_them


def test_idle_sends_nothing(open_both: Callable[..., list[Terminal]]) -> None:
    both = open_both("5000")
    drain_together(both, 1.5)
    # The minute of the clock may come in one of two times, and not in the next as well.
    assert not any(drain_together(both, 3.0)) or not any(drain_together(both, 3.0))


def test_page_down_stays_in_its_budget(tmp_path: Path) -> None:
    with opened(CHILD, tmp_path, "5000", size=(200, 50)) as terminal:
        terminal.wait_for("worker ok")
        terminal.drain(1.0)
        terminal.send("\x1b[6~")
        assert 500 < terminal.drain(1.0) < 20_000


def test_forty_live_rows_stay_in_their_budget(open_both: Callable[..., list[Terminal]]) -> None:
    both = open_both("2000", "40", "10", SSH_CONNECTION="1 2 3 4")
    drain_together(both, 2.0)
    small, large = drain_together(both, 5.0)
    assert 500 < small / 5 < 8_000
    assert 500 < large / 5 < 15_000
