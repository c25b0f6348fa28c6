"""What the terminal can do, and what Textual must know before it is imported.

Imports nothing of Textual: its constants are read from the environment once, at import.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, MutableMapping
from typing import TextIO

_DEFAULTS = {
    "TEXTUAL_ANIMATIONS": "none",  # one animated page costs half a megabyte over SSH
    "TEXTUAL_FPS": "20",
    "TEXTUAL_SMOOTH_SCROLL": "0",
    "ESCDELAY": "50",
}
_SIXTEEN_COLOURS = frozenset({"", "linux", "vt100", "vt102", "vt220", "xterm", "screen", "ansi", "cygwin"})


def prepare(environ: MutableMapping[str, str]) -> None:
    """Set Textual's calm defaults where the person has not set anything else."""
    for name, value in _DEFAULTS.items():
        environ.setdefault(name, value)
    if plain_colours(environ):
        environ.setdefault("TEXTUAL_THEME", "ansi-dark")


def plain_colours(environ: Mapping[str, str]) -> bool:
    """Whether only the terminal's own 16 colours (or, under NO_COLOR, none) should be used."""
    if "NO_COLOR" in environ:
        return True
    if environ.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        return False
    return environ.get("TERM", "") in _SIXTEEN_COLOURS


def plain_glyphs(environ: Mapping[str, str], encoding: str | None) -> bool:
    """Whether only ASCII can be drawn: the stream's encoding cannot hold lines and bars, or the Linux console."""
    name = (encoding or "ascii").lower().replace("-", "").replace("_", "")
    return name not in ("utf8", "utf16", "utf32") or environ.get("TERM", "") in ("vt100", "vt102")


def over_ssh(environ: Mapping[str, str]) -> bool:
    """Whether the terminal is at the other end of an SSH connection."""
    return bool(environ.get("SSH_CONNECTION") or environ.get("SSH_TTY"))


def refusal(environ: Mapping[str, str], stdin: TextIO | None = None, stderr: TextIO | None = None) -> str:
    """Why no console can be drawn here, naming the command that works instead; empty when it can."""
    stdin = stdin or sys.__stdin__
    stderr = stderr or sys.__stderr__  # Textual draws there
    instead = "Use `spool jobs`, `spool status` or another command; all take --json."
    if environ.get("TERM", "") == "dumb":
        return f"The console cannot draw on a dumb terminal (TERM=dumb). {instead}"
    if stdin is None or stderr is None or not stdin.isatty() or not stderr.isatty():
        return f"The console needs a terminal for input and output. {instead}"
    return ""
