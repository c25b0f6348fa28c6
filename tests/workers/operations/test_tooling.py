from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.context import PlainContext
from workers.errors import ErrorClass, JobFailed
from workers.jobs import Progress
from workers.media.ffmpeg import Told
from workers.operations import tooling


def test_the_ffmpeg_of_the_configuration_is_used(tmp_path: Path) -> None:
    own = tmp_path / "own-ffmpeg"
    own.write_text(
        '#!/bin/sh\ncase "$*" in\n*-version*) echo ffmpeg version 6.1;;\n*) echo " V....D libx264 H.264";;\nesac\n'
    )
    own.chmod(0o700)
    ctx = PlainContext(tmp_path, {"ffmpeg": str(own), "threads": 3})
    assert (tooling.program(ctx), tooling.tool(ctx).path) == (str(own), str(own))
    assert tooling.threads(ctx) == 3 and tooling.threads(PlainContext(tmp_path, {"threads": None})) == 0
    with pytest.raises(JobFailed) as missing:
        tooling.program(PlainContext(tmp_path, {"ffmpeg": str(tmp_path / "none")}))
    assert missing.value.failure.error_class is ErrorClass.TOOL


def test_progress_is_passed_on_while_there_is_room(tmp_path: Path) -> None:
    roomy, full = PlainContext(tmp_path), PlainContext(tmp_path, {"min_free_bytes": 1 << 60})
    tooling.reporting(roomy, tmp_path)(Progress(0.5))
    assert roomy.reports == [Progress(0.5)]
    with pytest.raises(JobFailed) as refused:
        tooling.reporting(full, tmp_path)(Progress(0.5))
    assert refused.value.failure.error_class is ErrorClass.DISK and full.reports == []


def test_what_ffmpeg_said_is_logged(tmp_path: Path) -> None:
    ctx = PlainContext(tmp_path)
    tooling.log_words(ctx, Told(("one", "two"), 0, ""))
    assert ctx.lines == ["one", "two"]
