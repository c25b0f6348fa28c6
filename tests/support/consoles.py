"""A console as people open it: the whole program in a terminal of its own, on a home of a test."""

from __future__ import annotations

import sys

from tests.support.home import REGISTRY, ROOT, Home
from tests.support.pty import Terminal

# The program itself knows the operations of Spool alone; this one those of the tests, and starts no worker.
_PROGRAM = f"""
import sys
from console.app import SpoolApp
from workers.client import AsyncClient
from workers.config import load_settings
sys.exit(SpoolApp(load_settings(), connect=lambda settings: AsyncClient(settings, {REGISTRY!r}), start=None).run() or 0)
"""
EMPTY_FILTER = "state:failed queue:downloads"  # what the filter's field shows as long as nothing is typed


def open_console(home: Home, *, plain: bool = False) -> Terminal:
    """A console of 140 columns and 30 lines; `plain` opens the program itself, which starts a worker."""
    environ = home.environment() | {"TERM": "xterm-256color", "PYTHONPATH": str(ROOT)}
    command = ["-m", "console"] if plain else ["-c", _PROGRAM]
    return Terminal([sys.executable, *command], size=(140, 30), environ=environ)


def type_keys(console: Terminal, *steps: tuple[str, str]) -> None:
    """Keys, and what the screen shows once they were understood."""
    for keys, seen in steps:
        console.send(keys)
        console.wait_for(seen)
