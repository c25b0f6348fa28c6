from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from console.cli.root import VERBS
from console.cli.root import spool as group
from tests.console.cli.conftest import Ran
from workers.client import load_registry

HEAVY = ("textual", "yt_dlp", "av", "PIL", "numpy", "ffmpeg", "imageio_ffmpeg", "psycopg", "asyncpg")


def test_help_lists_every_operation_and_verb(spool: Callable[..., Ran]) -> None:
    ran = spool("--help")
    assert ran.code == 0
    first_words = {line.split()[0] for line in ran.lines if line.startswith("  ")}
    assert {operation.name for operation in load_registry()} <= first_words
    assert set(VERBS) <= first_words


def test_help_of_every_verb(spool: Callable[..., Ran]) -> None:
    for name in [*VERBS, *(operation.name for operation in load_registry())]:
        ran = spool(name, "--help")
        assert ran.code == 0
        assert ran.out.startswith(f"Usage: spool {name}")


def test_every_verb_that_prints_data_takes_json(home: Path) -> None:
    context = click.Context(group, info_name="spool")
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        assert any("--json" in param.opts for param in command.params), name


def test_without_a_terminal_the_console_is_refused(process: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    ran = process()
    assert ran.returncode == 2
    assert ran.stderr == "spool: the console needs a terminal; `spool --help` lists what works without one\n"


def loaded_by(home: Path, *arguments: str) -> set[str]:
    """Names of all top modules that a command line loads."""
    code = (
        "import sys, json\n"
        "from console.cli.guard import guarded\n"
        f"guarded({list(arguments)!r})\n"
        "sys.stdout.flush()\n"
        "sys.stderr.write(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    return set(json.loads(ran.stderr.splitlines()[-1]))


@pytest.mark.parametrize(
    "arguments",
    [
        ("jobs", "--json"), ("status",), ("queue",), ("--help",), ("download", "--help"), ("config",),
        ("download", "http://127.0.0.1:9/x.mp4"), ("cancel", "1"), ("show", "1"), ("log", "1"), ("events",),
    ],
)  # fmt: skip
def test_no_verb_loads_what_it_does_not_need(home: Path, arguments: tuple[str, ...]) -> None:
    assert loaded_by(home, *arguments).isdisjoint(HEAVY)


def test_the_version_loads_next_to_nothing(home: Path) -> None:
    assert loaded_by(home, "--version").isdisjoint({*HEAVY, "click", "pydantic", "peewee", "huey"})


def test_the_help_of_an_order_may_be_read_where_one_only_watches(spool: Callable[..., Ran]) -> None:
    for verb in ("download", "cancel"):
        ran = spool("--read-only", verb, "--help")
        assert (ran.code, ran.err) == (0, "") and ran.out.startswith(f"Usage: spool {verb} ")
    ran = spool("--read-only", "download", "--template", "--help", "http://127.0.0.1:9/x.mp4")
    assert ran.code == 2 and "read only" in ran.err  # there it is a value
