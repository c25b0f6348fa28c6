"""What the console makes of the terminal's environment: refusals, colours, glyphs, themes."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest
from textual.theme import BUILTIN_THEMES

from console import environment, theme


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_defaults_give_way_to_the_person() -> None:
    environ = {"TERM": "xterm-256color", "TEXTUAL_FPS": "60"}
    environment.prepare(environ)
    assert environ["TEXTUAL_FPS"] == "60" and environ["TEXTUAL_ANIMATIONS"] == "none" and environ["ESCDELAY"] == "50"
    assert "TEXTUAL_THEME" not in environ


@pytest.mark.parametrize(
    ("environ", "plain"),
    [
        ({"TERM": "xterm-256color"}, False),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, True),
        ({"TERM": "linux"}, True),
        ({"TERM": "xterm"}, True),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, False),
        ({"TERM": "tmux-256color"}, False),
        ({}, True),
    ],
)
def test_colours(environ: dict[str, str], plain: bool) -> None:
    assert environment.plain_colours(environ) is plain
    known = {**BUILTIN_THEMES, **{made.name: made for made in theme.THEMES}}
    assert (theme.pick("", environ, known) == "ansi-dark") is plain
    if "NO_COLOR" in environ:
        assert theme.pick("spool-light", environ, known) == "ansi-dark"
        assert theme.pick("ansi-light", environ, known) == "ansi-light"
    else:
        assert theme.pick("spool-light", environ, known) == "spool-light"
        assert theme.pick("no such theme", environ, known) in ("ansi-dark", "spool-dark")


def test_every_theme_has_every_colour_of_the_roles() -> None:
    wanted = set(theme.variables(theme.DARK))
    for made in (*theme.THEMES, *BUILTIN_THEMES.values()):
        assert wanted <= set(theme.variables(made)) | set(made.variables), made.name


@pytest.mark.parametrize(
    ("encoding", "plain"), [("utf-8", False), ("UTF8", False), ("ascii", True), ("latin-1", True), (None, True)]
)
def test_glyphs(encoding: str | None, plain: bool) -> None:
    assert environment.plain_glyphs({"TERM": "xterm"}, encoding) is plain


def test_refusals_name_another_command() -> None:
    assert environment.refusal({"TERM": "xterm"}, Tty(), Tty()) == ""
    for environ, stdin, stderr in (
        ({"TERM": "dumb"}, Tty(), Tty()),
        ({}, io.StringIO(), Tty()),
        ({}, Tty(), io.StringIO()),
    ):
        assert "spool jobs" in environment.refusal(environ, stdin, stderr)


def test_ssh() -> None:
    assert environment.over_ssh({"SSH_CONNECTION": "1.2.3.4 5 6.7.8.9 22"})
    assert not environment.over_ssh({})


def test_asking_the_environment_loads_no_textual() -> None:
    code = "import sys, console.environment; sys.exit(any(name.startswith('textual') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
