"""The first sound of a file as a file of its own: copied where its codec is the wanted one, else encoded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from workers.errors import ErrorClass, JobFailed
from workers.jobs import Progress
from workers.media import soundtrack
from workers.media.names import path_to_key
from workers.media.verify import Expected, verify
from workers.text import clean

Codec = Literal["keep", "mp3", "m4a", "opus", "flac"]


def extract(
    path: Path,
    folder: Path,
    *,
    wanted: Codec,
    ffmpeg: Callable[[], str],
    threads: int = 0,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    on_damage: Callable[[str], None] = lambda words: None,
) -> Path:
    """Write the first sound of the file into `folder` as `sound.EXT`, with tags and cover, and verify it; the path.

    `ffmpeg` gives the program's path and is asked only when something has to be encoded; `on_damage` hears of parts
    that could not be decoded. JobFailed.
    """
    source, key = soundtrack.look(path, fast=False), path_to_key(path)
    sound = next(iter(source.sounds), None)
    if sound is None:
        raise JobFailed(ErrorClass.UNSUPPORTED, f"{clean(path.name)} has no sound", input=key)
    home, copied = soundtrack.home_of(sound, "copy" if wanted == "keep" else wanted, 0)
    target = folder / f"sound.{home.extension}"
    if copied:
        soundtrack.copy_sound(source, sound, home, target)
    else:
        told = soundtrack.encode(
            source, sound, home, target, ffmpeg=ffmpeg(), bitrate=0, threads=threads, on_progress=on_progress
        )
        if told.damage:
            on_damage(told.damage)
    verify(target, Expected(sound.duration_s or source.duration_s, {"audio": 1}), source=key)
    return target
