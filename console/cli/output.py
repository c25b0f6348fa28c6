"""The only way out of the command line: data to stdout, messages to stderr, nothing raw from strangers."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any, TextIO

from workers.errors import SpoolError


class OutputError(SpoolError):
    """The data could not be written where the person wanted it."""


class OutputClosed(SpoolError):
    """The reader of our output has gone, as `head` does: nothing more to say to it."""


def _write(stream: TextIO | None, text: str) -> None:
    if stream is None:
        raise OutputError("cannot write the output: it is closed")
    try:
        stream.write(text)
    except UnicodeEncodeError:
        encoding = stream.encoding or "ascii"
        stream.write(text.encode(encoding, "replace").decode(encoding))
    except BrokenPipeError:
        raise OutputClosed("the reader of the output has gone") from None
    except OSError as error:
        raise OutputError(f"cannot write the output: {error.strerror or error}") from None


def flush() -> None:
    """Hand what was said to the system; a full disk or a closed pipe shows here."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise OutputClosed("the reader of the output has gone") from None
    except OSError as error:
        raise OutputError(f"cannot write the output: {error.strerror or error}") from None


def abandon() -> None:
    """Let go of stdout after it failed, so that the interpreter does not complain about it once more at its end."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
    except (AttributeError, OSError, ValueError):
        pass  # there is no real stdout to let go of


def say(text: str = "", *, now: bool = False) -> None:
    """One line of data on stdout; `now` when someone follows it live."""
    from workers.text import clean

    _write(sys.stdout, clean(text) + "\n")
    if now:
        flush()


def say_json(value: Mapping[str, Any], *, now: bool = False) -> None:
    """One object on one line of stdout. ASCII alone, so that no character of a title can act on a terminal."""
    import json

    _write(sys.stdout, json.dumps(value, ensure_ascii=True, separators=(", ", ": ")) + "\n")
    if now:
        flush()


def tell(text: str) -> None:
    """One line for the person on stderr. Never fails: there is nobody left to tell."""
    from workers.text import clean

    try:
        if sys.stderr is not None:
            _write(sys.stderr, clean(text) + "\n")
            sys.stderr.flush()
    except (OSError, OutputError, OutputClosed):
        pass


def person_present() -> bool:
    """Whether somebody sits at the terminal and can answer a question."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def confirmed(question: str) -> bool:
    """Whether the person at the terminal says yes; all that was told before can be read by then."""
    import click  # not at the top: `--version` loads next to nothing

    flush()
    click.echo(f"{question} [y/N] ", nl=False, err=True)
    try:
        return input().strip().lower() in ("y", "yes")
    except EOFError:
        return False


def columns() -> int:
    """Cells in a line of the terminal; 0 when stdout is none, and nothing needs to be cut."""
    import shutil

    if sys.stdout is None or not sys.stdout.isatty():
        return 0
    return shutil.get_terminal_size().columns


class LiveLine:
    """One line on stderr that is drawn over itself, where there is a terminal; elsewhere it shows nothing."""

    def __init__(self) -> None:
        self.live = sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM", "") not in ("", "dumb")
        self._shown = ""

    def show(self, text: str) -> None:
        """Replace what stands there."""
        if not self.live:
            return
        import shutil

        from console.format import cut
        from workers.text import clean

        text = cut(clean(text), max(1, shutil.get_terminal_size().columns - 1))
        if text != self._shown:
            self._draw(text)

    def clear(self) -> None:
        """Leave an empty line."""
        if self.live and self._shown:
            self._draw("")

    def _draw(self, text: str) -> None:
        self._shown = text
        try:
            sys.stderr.write(f"\r\x1b[K{text}")
            sys.stderr.flush()
        except OSError:
            self.live = False
