"""Hardware encoders for machines without any."""

from __future__ import annotations

import stat
from pathlib import Path

from workers.media.ffmpeg import locate


def pretend(tmp_path: Path, codec: str) -> str:
    """An ffmpeg whose hardware encoder `codec` works: it encodes with the processor instead."""
    path = tmp_path / "ffmpeg"
    path.write_text(
        f'#!/bin/sh\nfor a; do shift; case "$a" in {codec}) a=libx264;; -cq) a=-crf;; -rc|vbr|p5) continue;; esac;'
        f' case "$a" in -preset|-b:v|0) continue;; esac; set -- "$@" "$a"; done\nexec {locate()} "$@"\n'
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)
