from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.console.cli.conftest import Ran


def test_a_fresh_home_has_no_failure(spool: Callable[..., Ran]) -> None:
    ran = spool("doctor")
    assert (ran.code, ran.err) == (0, "")
    levels = {line.split()[1]: line.split()[0] for line in ran.lines if not line.startswith(" ")}
    assert {"python", "sqlite", "ffmpeg", "encoders", "yt-dlp", "state", "filesystem", "database"} <= set(levels)
    assert set(levels.values()) <= {"ok", "warn"}
    assert levels["worker"] == "warn"


def test_as_one_object(spool: Callable[..., Ran]) -> None:
    (shown,) = spool("doctor", "--json").objects
    assert shown["ok"] is True
    for check in shown["checks"]:
        assert set(check) == {"name", "level", "detail", "todo"}
        assert bool(check["todo"]) == (check["level"] != "ok"), check


def test_a_failure_is_exit_code_1_and_says_what_to_do(spool: Callable[..., Ran], home: Path) -> None:
    (home / "config.toml").write_text('[tools]\nffmpeg = "/nowhere/ffmpeg"\n')
    ran = spool("doctor")
    assert ran.code == 1
    assert "fail  ffmpeg" in ran.out
    assert "tools.ffmpeg" in ran.out
    (shown,) = spool("doctor", "--json").objects
    assert shown["ok"] is False


def test_values_of_the_environment_are_not_blamed_on_the_file(
    spool: Callable[..., Ran], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPOOL_FFMPEG", "/nope/ffmpeg")
    ran = spool("doctor")
    assert ran.code == 1 and "install ffmpeg, or correct SPOOL_FFMPEG\n" in ran.out
    assert "in the configuration" not in ran.out
    monkeypatch.setenv("SPOOL_LOG_LEVEL", "zz")
    ran = spool("doctor")
    assert ran.code == 1 and "SPOOL_LOG_LEVEL in the environment: " in ran.out and "config.toml" not in ran.out


def test_a_wrong_configuration_is_a_finding_too(spool: Callable[..., Ran], home: Path) -> None:
    (home / "config.toml").write_text("[jobs]\nattempts = 0\n")
    ran = spool("doctor")
    assert ran.code == 1
    assert ran.out.startswith("fail  config")
    assert "jobs.attempts" in ran.out
