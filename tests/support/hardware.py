"""Hardware encoders for machines without any."""

from __future__ import annotations

import stat
from pathlib import Path

from workers.media.ffmpeg import locate


def pretend(tmp_path: Path, codec: str, *, refuses: str = "") -> str:
    """An ffmpeg whose hardware encoder `codec` works, but for the word `refuses`: it encodes with the processor."""
    path = tmp_path / "ffmpeg"
    guard = f'for a; do [ "$a" = {refuses} ] && exit 1; done\n' if refuses else ""
    path.write_text(
        f'#!/bin/sh\ncase " $* " in *" {codec} "*) ;; *) exec {locate()} "$@";; esac\n{guard}'
        f'for a; do shift; case "$before" in -b:v*) before=; continue;; esac; before="$a";'
        f' case "$a" in {codec}) a=libx264;; -cq*) a="-crf${{a#-cq}}";;'
        ' -preset*|-b:v*|-rc*|vbr|p5) continue;; esac; set -- "$@" "$a"; done\n'
        f'exec {locate()} "$@"\n'
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)
