"""Hardware counts only when it works."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.hardware import pretend
from workers.media.ffmpeg import find
from workers.media.hardware import KINDS, all_working, encoder, working


def test_listed_is_not_working() -> None:
    tool = find()
    listed = [kind for kind in KINDS if f"h264_{kind}" in tool.encoders]
    assert listed, "the ffmpeg of the wheel lists hardware encoders"
    if not os.path.exists("/dev/dri") and not os.path.exists("/dev/nvidia0"):
        assert working(tool, "h264") == ()


def test_one_that_encodes_a_frame_counts(tmp_path: Path) -> None:
    tool = find(pretend(tmp_path, "h264_nvenc"))
    assert "nvenc" in working(tool, "h264")
    assert all_working(tool)["nvenc"] == ("h264",)


@pytest.mark.parametrize("kind", KINDS)
def test_ten_bits_are_kept_where_asked(kind: str) -> None:
    how, plain = encoder(kind, "hevc", 24, deep=True), encoder(kind, "hevc", 24)
    assert "p010le" in (how.pix_fmt, *how.filters[:1]) or how.filters[0] == "format=p010le"
    assert "p010" not in f"{plain}"
    assert how.options == plain.options


def test_ten_bits_count_only_when_they_are_encoded(tmp_path: Path) -> None:
    tool = find(pretend(tmp_path, "hevc_nvenc", refuses="p010le"))
    assert "nvenc" in working(tool, "hevc")
    assert "nvenc" not in working(tool, "hevc", deep=True)


@pytest.mark.parametrize("kind", KINDS)
def test_options_name_the_encoder(kind: str) -> None:
    how = encoder(kind, "hevc", 24)
    assert how.name == f"hevc_{kind}"
    assert how.options
    assert bool(how.filters) == (kind == "vaapi")
