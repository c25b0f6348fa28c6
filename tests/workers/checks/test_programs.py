from __future__ import annotations

import time
from pathlib import Path

from tests.support.findings import named
from tests.support.hardware import pretend
from workers.checks import programs
from workers.checks.findings import Level
from workers.checks.programs import sqlite_finding, yt_dlp_finding
from workers.media.sandbox import Sandbox
from workers.settings import Settings


def test_the_wal_reset_bug_is_named_until_it_is_mended() -> None:
    old, new = sqlite_finding((3, 51, 2)), sqlite_finding((3, 51, 3))
    assert (old.level, new.level) == (Level.WARN, Level.OK)
    assert "3.51.2" in old.detail and "WAL-reset" in old.detail and old.todo


def test_an_old_yt_dlp_is_told_by_its_date() -> None:
    now_s = time.mktime((2026, 8, 1, 12, 0, 0, 0, 0, -1))
    assert yt_dlp_finding("2026.7.20", now_s).detail == "2026.7.20, 12 days old"
    assert yt_dlp_finding("2026.1.2", now_s).level is Level.WARN
    assert yt_dlp_finding("2026.8.2.dev0", now_s).level is Level.OK


def test_an_ffmpeg_that_is_none_fails(settings: Settings, tmp_path: Path) -> None:
    tool = tmp_path / "ffmpeg"
    tool.write_text("#!/bin/sh\necho hello\n")
    tool.chmod(0o755)
    tools = settings.tools.model_copy(update={"ffmpeg": str(tool)})
    (finding,) = programs.ffmpeg(settings.model_copy(update={"tools": tools}))
    assert finding.level is Level.FAIL
    assert str(tool) in finding.detail


def test_missing_encoders_are_named(settings: Settings, tmp_path: Path) -> None:
    tool = tmp_path / "ffmpeg"
    tool.write_text(
        '#!/bin/sh\ncase "$*" in\n*-version*) echo ffmpeg version 6.1;;\n'
        '*-encoders*) echo " V....D libx264 H.264";;\nesac\n'
    )
    tool.chmod(0o755)
    tools = settings.tools.model_copy(update={"ffmpeg": str(tool)})
    found = named(programs.ffmpeg(settings.model_copy(update={"tools": tools})))
    assert found["ffmpeg"].detail == f"6.1 in {tool}"
    assert found["encoders"].level is Level.WARN
    assert "libsvtav1" in found["encoders"].detail and "libx264" not in found["encoders"].detail


def test_hardware_that_works_is_listed(settings: Settings, tmp_path: Path) -> None:
    tool = pretend(tmp_path, "h264_nvenc")
    tools = settings.tools.model_copy(update={"ffmpeg": tool})
    found = named(programs.ffmpeg(settings.model_copy(update={"tools": tools})))
    assert found["hardware"].level is Level.OK
    assert "nvenc (h264)" in found["hardware"].detail


def test_hardware_that_does_not_work_is_not_listed(settings: Settings, tmp_path: Path) -> None:
    tool = tmp_path / "ffmpeg"
    tool.write_text(
        '#!/bin/sh\ncase "$*" in\n*-version*) echo "ffmpeg version 7";;\n'
        '*-encoders*) echo " V....D h264_nvenc NVENC";;\n*-filters*) ;;\n*) exit 1;;\nesac\n'
    )
    tool.chmod(0o700)
    tools = settings.tools.model_copy(update={"ffmpeg": str(tool)})
    found = named(programs.ffmpeg(settings.model_copy(update={"tools": tools})))
    assert "no hardware encoder works here" in found["hardware"].detail


def test_it_tells_how_tools_run(settings: Settings) -> None:
    found = named(programs.ffmpeg(settings))["sandbox"]
    assert found.level is Level.OK
    inside = programs.sandbox_finding(Sandbox("/usr/bin/bwrap"))
    assert inside.level is Level.OK and "/usr/bin/bwrap" in inside.detail
    missing = programs.sandbox_finding(Sandbox(why_not="bubblewrap is not installed"))
    assert missing.level is Level.OK and missing.detail.startswith("none: bubblewrap is not installed")
    required = programs.sandbox_finding(Sandbox(why_not="bubblewrap is not installed", required=True))
    assert required.level is Level.FAIL and required.todo
