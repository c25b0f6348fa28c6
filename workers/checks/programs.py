"""The programs that Spool leans on: Python with its SQLite, ffmpeg with its sandbox and hardware, yt-dlp."""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from workers.checks.findings import Finding, Level
from workers.errors import SpoolError
from workers.settings import Settings

if TYPE_CHECKING:
    from workers.media.sandbox import Sandbox

_OLDEST_PYTHON = (3, 11)
_WAL_FIXED = (3, 51, 3)
_STALE_DAYS = 120  # sites change; an older yt-dlp fails on many of them
_ENCODERS = ("libx264", "libx265", "libsvtav1", "libvpx-vp9", "aac", "libopus", "libmp3lame")


def python(settings: Settings) -> Iterator[Finding]:
    """Python and the SQLite inside it."""
    version = ".".join(map(str, sys.version_info[:3]))
    old = sys.version_info[:2] < _OLDEST_PYTHON
    yield Finding("python", Level.FAIL if old else Level.OK, version, "install Python 3.11 or newer" if old else "")
    yield sqlite_finding(sqlite3.sqlite_version_info)


def sqlite_finding(version: tuple[int, ...]) -> Finding:
    """What there is to say about a version of SQLite."""
    text = ".".join(map(str, version))
    if version < _WAL_FIXED:
        return Finding(
            "sqlite",
            Level.WARN,
            f"{text} has the WAL-reset bug (rare: two connections that checkpoint at the same moment)",
            "a Python with SQLite 3.51.3 or newer is free of it; Spool avoids it by letting one connection "
            "checkpoint. Look into the database with `spool` rather than sqlite3, and copy it with `spool backup`",
        )
    return Finding("sqlite", Level.OK, text)


def ffmpeg(settings: Settings) -> Iterator[Finding]:
    """ffmpeg: whether it is found and runs, and which of our encoders it lacks."""
    from workers.config import variable_of
    from workers.media.ffmpeg import find

    try:
        found = find(settings.tools.ffmpeg)
    except SpoolError as error:
        place = variable_of("tools.ffmpeg") or "tools.ffmpeg in config.toml"
        yield Finding("ffmpeg", Level.FAIL, str(error), f"install ffmpeg, or correct {place}")
        return
    yield Finding("ffmpeg", Level.OK, f"{found.version} in {found.path}")
    missing = [name for name in _ENCODERS if name not in found.encoders]
    if missing:
        todo = "profiles that need them fail; without another ffmpeg on the PATH, Spool uses the one it came with"
        yield Finding("encoders", Level.WARN, f"without {', '.join(missing)}", todo)
    else:
        yield Finding("encoders", Level.OK, ", ".join(_ENCODERS))
    from workers.media import sandbox
    from workers.media.hardware import all_working

    apart = sandbox.probe(settings.tools.sandbox, found.path)
    yield sandbox_finding(apart)
    sandbox.use(replace(apart, required=False))  # what works for jobs is asked, so where they run it
    try:
        working = "; ".join(f"{kind} ({', '.join(codecs)})" for kind, codecs in all_working(found).items())
    finally:
        sandbox.use(sandbox.Sandbox())
    yield Finding("hardware", Level.OK, working or "no hardware encoder works here: software encodes")


def sandbox_finding(apart: Sandbox) -> Finding:
    """What there is to say about how tools run."""
    if apart.program:
        return Finding("sandbox", Level.OK, f"ffmpeg runs by {apart.program}: no net, only its own files in sight")
    if apart.required:
        todo = 'mend that, or set tools.sandbox to "auto": until then, jobs that need ffmpeg fail'
        return Finding("sandbox", Level.FAIL, f"required, but {apart.why_not}", todo)
    return Finding("sandbox", Level.OK, f"none: {apart.why_not}; ffmpeg runs with limits, as its user")


def yt_dlp(settings: Settings) -> Iterator[Finding]:
    """yt-dlp: its version is a date, and its age tells whether sites still understand it."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        yield yt_dlp_finding(version("yt-dlp"), time.time())
    except PackageNotFoundError:
        yield Finding("yt-dlp", Level.FAIL, "not installed", "install Spool again")


def yt_dlp_finding(version: str, now_s: float) -> Finding:
    """What there is to say about a version of yt-dlp, such as 2026.3.17."""
    year, month, day = (int(part) for part in version.split(".")[:3])
    age_days = int((now_s - time.mktime((year, month, day, 12, 0, 0, 0, 0, -1))) // 86400)
    if age_days > _STALE_DAYS:
        todo = "upgrade it (uv tool upgrade spool, pipx upgrade spool): sites change faster than this"
        return Finding("yt-dlp", Level.WARN, f"{version}, {age_days} days old", todo)
    return Finding("yt-dlp", Level.OK, f"{version}, {max(age_days, 0)} days old")
