"""The worker's process: its log, and what it says to whoever launched it."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from workers.config import load_settings
from workers.process import set_up_log, worker_main
from workers.settings import Settings


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    monkeypatch.setenv("SPOOL_HOME", str(tmp_path))
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield load_settings()
    for handler in root.handlers[:]:
        if handler not in before:
            root.removeHandler(handler)
            handler.close()
    root.handlers[:] = before
    root.setLevel(level)


def test_no_title_reaches_the_log_raw(settings: Settings) -> None:
    set_up_log(settings, to_stderr=False)
    logging.getLogger("workers.test").warning("job 1: %s", "a\x1b]52;c;x\x07\u202e title\x9b31m")
    text = settings.paths.worker_log.read_text()
    assert "title" in text
    assert not set(text) & set("\x1b\x07\x9b\u202e")


def test_the_log_is_private_and_survives_a_rotation(settings: Settings) -> None:
    set_up_log(settings, to_stderr=False)
    logging.getLogger("workers.test").info("first")
    settings.paths.worker_log.rename(settings.paths.worker_log.with_suffix(".1"))
    logging.getLogger("workers.test").info("second")
    assert "second" in settings.paths.worker_log.read_text()
    assert "first" not in settings.paths.worker_log.read_text()


def test_the_log_of_a_new_home_is_private(settings: Settings) -> None:
    old = os.umask(0o022)
    try:
        set_up_log(settings, to_stderr=False)
    finally:
        os.umask(old)
    assert stat.S_IMODE(settings.paths.worker_log.stat().st_mode) == 0o600
    assert stat.S_IMODE(settings.paths.worker_log.parent.stat().st_mode) == 0o700


def _said(arguments: list[str]) -> tuple[int, str]:
    reader, writer = os.pipe()
    try:
        code = worker_main([*arguments, "--ready-fd", str(writer)])
        return code, os.read(reader, 65536).decode()
    finally:
        os.close(reader)


def test_wrong_configuration_is_told_to_the_launcher(settings: Settings) -> None:
    settings.paths.config.write_text("[jobs]\nattempts = 0\n")
    code, said = _said([])
    assert code == 78
    assert "jobs.attempts" in said and str(settings.paths.config) in said


def test_trouble_that_nobody_foresaw_is_one_line_for_the_launcher(settings: Settings) -> None:
    code, said = _said(["--registry", "tests.support.no_such_registry"])
    assert code == 1
    assert "no_such_registry" in said and "Traceback" not in said and said.count("\n") == 0
