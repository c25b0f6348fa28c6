"""ffmpeg as operations use it: the one of the configuration, watched for room on the disk, its words in the log."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from workers.jobs import Progress
from workers.operations.contract import Context
from workers.operations.inputs import need_room

if TYPE_CHECKING:
    from workers.media.ffmpeg import Ffmpeg, Told


def program(ctx: Context) -> str:
    """The path of the ffmpeg to use. JobFailed(tool)."""
    from workers.media import ffmpeg

    return ffmpeg.locate(str(ctx.settings.get("ffmpeg") or ""))


def tool(ctx: Context) -> Ffmpeg:
    """The ffmpeg to use and what it can do, which it is asked for. JobFailed(tool)."""
    from workers.media import ffmpeg

    return ffmpeg.find(str(ctx.settings.get("ffmpeg") or ""))


def threads(ctx: Context) -> int:
    """Threads of one encode; 0 leaves it to the encoder."""
    return int(ctx.settings.get("threads") or 0)


def reporting(ctx: Context, folder: Path) -> Callable[[Progress], None]:
    """Passes progress on while there is room in the folder that is written into. JobFailed(disk) once there is none."""

    def report(progress: Progress) -> None:
        need_room(ctx, folder)
        ctx.report(progress)

    return report


def log_words(ctx: Context, told: Told) -> None:
    """Put what ffmpeg said into the log of the job."""
    for line in told.lines:
        ctx.log(line)
