"""A home of its own for every test, and the command line run in this process or as one of its own."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from console.cli.guard import guarded
from workers.client import Client, open_client, stop_worker
from workers.config import load_settings

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Ran:
    """What one command line did."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def objects(self) -> list[dict[str, Any]]:
        """Each line of the output as JSON."""
        return [json.loads(line) for line in self.lines]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, and a folder to work in that is another one."""
    for name in list(os.environ):
        if name.startswith(("SPOOL_", "XDG_", "_SPOOL")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("SPOOL_READ_ONLY", "")  # --read-only sets it: it must not outlive the test
    monkeypatch.delenv("SPOOL_READ_ONLY")
    folder = tmp_path / "home"
    folder.mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.setenv("SPOOL_HOME", str(folder))
    monkeypatch.chdir(tmp_path / "here")
    return folder


@pytest.fixture
def client(home: Path) -> Iterator[Client]:
    """The front door of the home."""
    client = open_client(load_settings())
    yield client
    client.close()


@pytest.fixture
def spool(home: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run a command line in this process."""

    def run(*arguments: str) -> Ran:
        code = guarded(arguments)
        out, err = capfd.readouterr()
        return Ran(code, out, err)

    return run


@pytest.fixture
def process(home: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a command line as a process of its own."""

    def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        options.setdefault("stdin", subprocess.DEVNULL)
        if "stdout" not in options:
            options["stdout"] = subprocess.PIPE
        return subprocess.run(
            [sys.executable, "-m", "console", *arguments],
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
            **options,
        )

    return run


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    """Give these bytes to the next command line."""

    def give(data: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))

    return give


@pytest.fixture
def worker(home: Path) -> Iterator[None]:
    """Whatever worker the test starts is stopped after it."""
    yield
    with contextlib.suppress(OSError):
        stop_worker(load_settings())
