"""Hardware counts only when it works."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from workers.media.ffmpeg import find, locate
from workers.media.hardware import KINDS, encoder, working


def pretend(tmp_path: Path, codec: str) -> str:
    """An ffmpeg whose hardware encoder `codec` works: it encodes with the processor instead."""
    path = tmp_path / "ffmpeg"
    path.write_text(
        f'#!/bin/sh\nfor a; do shift; case "$a" in {codec}) a=libx264;; -cq) a=-crf;; -rc|vbr|p5) continue;; esac;'
        f' case "$a" in -preset|-b:v|0) continue;; esac; set -- "$@" "$a"; done\nexec {locate()} "$@"\n'
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_listed_is_not_working() -> None:
    tool = find()
    listed = [kind for kind in KINDS if f"h264_{kind}" in tool.encoders]
    assert listed, "the ffmpeg of the wheel lists hardware encoders"
    if not os.path.exists("/dev/dri") and not os.path.exists("/dev/nvidia0"):
        assert working(tool, "h264") == ()


def test_one_that_encodes_a_frame_counts(tmp_path: Path) -> None:
    assert "nvenc" in working(find(pretend(tmp_path, "h264_nvenc")), "h264")


@pytest.mark.parametrize("kind", KINDS)
def test_options_name_the_encoder(kind: str) -> None:
    how = encoder(kind, "hevc", 24)
    assert how.name == f"hevc_{kind}"
    assert how.options
    assert bool(how.filters) == (kind == "vaapi")
