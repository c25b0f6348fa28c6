"""Everything that Spool needs from its machine, checked one by one: the facts behind `spool doctor`.

Each check is a function of the settings that returns findings and raises nothing: what goes wrong is a finding.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from workers import configmark, filesystems
from workers.errors import SpoolError
from workers.settings import Settings
from workers.status import ANEW, STALE
from workers.text import clean, size_words

if TYPE_CHECKING:
    from workers.media.sandbox import Sandbox

_OLDEST_PYTHON = (3, 11)
_WAL_FIXED = (3, 51, 3)
_OLD_BACKUP_DAYS = 2
_PLACES = 5  # of damage that are looked for
_SILENT_S = 60  # without a sign of life, of which there is one every two seconds
_STALE_DAYS = 120  # sites change; an older yt-dlp fails on many of them
_ENCODERS = ("libx264", "libx265", "libsvtav1", "libvpx-vp9", "aac", "libopus", "libmp3lame")


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the examination."""

    name: str
    level: Level
    detail: str
    todo: str = ""


def examine(settings: Settings, *, full: bool = False) -> Iterator[Finding]:
    """All findings, in the order in which a person would ask; `full` also compares every row and file."""
    checks = CHECKS
    if full:
        from workers.fullcheck import FULL_CHECKS

        checks = (*CHECKS, *FULL_CHECKS)
    for check in checks:
        try:
            yield from check(settings)
        except (OSError, ValueError, SpoolError, sqlite3.Error) as error:
            yield Finding(check.__name__, Level.FAIL, f"could not be checked: {clean(_said(error))}")


def _said(error: Exception) -> str:
    if isinstance(error, sqlite3.Error):
        from workers.wording import words_of

        return words_of(error)
    return str(error)


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


def folders(settings: Settings) -> Iterator[Finding]:
    """The folders of this home: present, ours, private, with room, and on a filesystem that can carry a database."""
    paths = settings.paths
    exists = paths.config.exists()
    yield Finding("config", Level.OK, f"{paths.config}{'' if exists else ' (not there: the defaults hold)'}")
    for name, folder in (("state", paths.state), ("cache", paths.cache), ("output", paths.output)):
        yield _folder(name, folder, private=name == "state")
    yield _filesystem(settings)
    yield _room("free space", paths.output, settings.jobs.min_free_mib << 20)


def _folder(name: str, folder: Path, *, private: bool) -> Finding:
    if not folder.exists():
        parent = _existing(folder)
        if os.access(parent, os.W_OK | os.X_OK):
            return Finding(name, Level.OK, f"{folder} (made when it is needed)")
        return Finding(
            name, Level.FAIL, f"{folder} cannot be made in {parent}", f"make it, or allow writing in {parent}"
        )
    if not folder.is_dir() or not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return Finding(name, Level.FAIL, f"{folder} cannot be written", f"chown or chmod {folder}, or choose another")
    mode = stat.S_IMODE(folder.stat().st_mode)
    if private and mode & 0o077:
        return Finding(name, Level.WARN, f"{folder} is open to others (mode {mode:04o})", f"chmod 700 {folder}")
    return Finding(name, Level.OK, f"{folder} (mode {mode:04o})")


def _existing(path: Path) -> Path:
    return next((parent for parent in (path, *path.parents) if parent.exists()), Path("/"))


def _room(name: str, folder: Path, reserve: int) -> Finding:
    free = shutil.disk_usage(_existing(folder)).free
    text = f"{size_words(free)} for {folder}"
    if free < reserve:
        return Finding(name, Level.FAIL, text, f"make room: jobs keep {reserve >> 20} MiB free (jobs.min_free_mib)")
    if free < 4 * reserve + (1 << 30):
        return Finding(name, Level.WARN, text, "make room before large downloads")
    return Finding(name, Level.OK, text)


def _filesystem(settings: Settings) -> Finding:
    folder = settings.paths.state
    kind = filesystems.type_of(folder)
    if kind is not None and filesystems.is_network(kind):
        if not settings.state_on_network:
            return Finding("filesystem", Level.FAIL, *filesystems.refusal(folder, kind).split("; ", 1))
        todo = f"move {folder} to a local disk (SPOOL_HOME), and let no second host use this home"
        return Finding("filesystem", Level.WARN, f"the state folder lies on {kind}, as state_on_network allows", todo)
    if kind is not None and filesystems.is_doubtful(kind):
        todo = "keep the state on a local disk (SPOOL_HOME) unless you know that locks and shared memory hold there"
        return Finding("filesystem", Level.WARN, f"the state folder lies on {kind}, a filesystem in user space", todo)
    return Finding("filesystem", Level.OK, kind or "unknown")


def database(settings: Settings) -> Iterator[Finding]:
    """The jobs table: whether SQLite finds it whole. Read only; a missing one is made by the first job."""
    path = settings.paths.database
    if not path.exists():
        yield Finding("database", Level.OK, f"{path} (made when it is needed)")
        return
    from workers.wording import damage, words_of

    try:
        with closing(opened(path, settings.read_only)) as connection:
            answer = [str(row[0]) for row in connection.execute(f"PRAGMA quick_check({_PLACES})")]
        wrong = damage(answer, _PLACES)
    except sqlite3.Error as error:
        wrong = words_of(error)
    if wrong:
        yield Finding("database", Level.FAIL, f"{path}: {wrong}", way_back(settings))
    else:
        yield Finding("database", Level.OK, f"{path} is whole, {size_words(path.stat().st_size)}")


def way_back(settings: Settings) -> str:
    """What to do about a damaged database: the newest backup that is whole, by its name."""
    from workers.backups import newest_good

    good = newest_good(settings)
    if good is None:
        return f"`spool stop`; there is no whole backup in {settings.paths.backups}: move the file away to begin anew"
    name = good.path.name
    return f"`spool stop`, then `spool restore {name}`, the newest whole backup; the damaged file is kept"


def backups(settings: Settings) -> Iterator[Finding]:
    """How old the newest copy of the jobs table is, and whether it looks whole."""
    from workers.backups import newest_good
    from workers.store import backup
    from workers.store.glance import damage_at_a_glance

    made = backup.listed(settings.paths.backups)
    if not made:
        when = "made each day, once there are jobs" if settings.backup.daily else "`spool backup` makes one"
        yield Finding("backups", Level.OK, f"none yet ({when})")
        return
    newest = made[0]
    age_days = (time.time() * 1000 - newest.at_ms) / 86_400_000
    text = f"{len(made)}, the newest is {newest.path.name}, {size_words(newest.size)}, {_age(age_days)} old"
    if wrong := damage_at_a_glance(newest.path):
        good = newest_good(settings, but=newest.path)
        todo = "`spool backup` makes a new one; look after the disk"
        others = f"the newest whole one is {good.path.name}" if good else "none of the others is whole"
        yield Finding("backups", Level.FAIL, f"{text}: {wrong}; {others}", todo)
    elif settings.backup.daily and age_days > _OLD_BACKUP_DAYS:
        todo = "run a worker, or `spool backup`, which tells what is in the way"
        yield Finding("backups", Level.WARN, text, todo)
    else:
        yield Finding("backups", Level.OK, text)


def _age(days: float) -> str:
    """A length of time in its largest unit."""
    for number, unit in ((days, "day"), (days * 24, "hour"), (days * 1440, "minute")):
        if number >= 1:
            return f"{number:.0f} {unit}{'' if round(number) == 1 else 's'}"
    return "less than a minute"


def opened(path: Path, read_only: bool) -> sqlite3.Connection:
    """A connection that cannot write; `read_only` leaves no trace of having looked. sqlite3.Error, StoreError."""
    if not read_only:
        return sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=5)
    from workers.looking import look_at

    return look_at(path)


def worker(settings: Settings) -> Iterator[Finding]:
    """Whether a worker runs for this home. Read only, so a table of an older version stays one."""
    from workers.launch import worker_pid

    path = settings.paths.database
    start = "`spool worker --detach`, or open the console"
    if not path.exists():
        yield Finding("worker", Level.WARN, "none has run here yet", start)
        return
    pid = worker_pid(settings)
    if pid is None:
        yield Finding("worker", Level.WARN, "none runs, so nothing moves", start)
        return
    with closing(opened(path, settings.read_only)) as connection:
        row = connection.execute("SELECT host, version, heartbeat FROM worker ORDER BY id DESC LIMIT 1").fetchone()
    if row is None:
        yield Finding("worker", Level.OK, f"pid {pid} is starting")
        return
    host, version, heartbeat = row
    silent_s = time.time() - heartbeat / 1000
    if silent_s > _SILENT_S:
        todo = f"see {settings.paths.worker_log}; `spool stop` and `spool worker --detach` start it anew"
        yield Finding("worker", Level.WARN, f"pid {pid} has been silent for {silent_s:.0f} s", todo)
    else:
        yield Finding("worker", Level.OK, f"pid {pid} on {clean(host)}, version {clean(version)}")
    if configmark.stale(settings):
        yield Finding("worker", Level.WARN, STALE, ANEW)


def notices(settings: Settings) -> Iterator[Finding]:
    """Who is told of what happens: whether each service is understood and the program is there. Nothing is sent."""
    from workers.notices.desk import NoticeDesk

    desk = NoticeDesk(settings)
    for one in desk.check():
        todo = "mend it in the section [notify] of config.toml; `spool notify --test` tries it"
        found = Finding("notify", Level.FAIL, f"{one.way.name}: {one.said}", todo)
        yield Finding("notify", Level.OK, one.way.name) if one.ok else found
    config = settings.paths.config
    if settings.notify.urls and config.exists() and stat.S_IMODE(config.stat().st_mode) & 0o077:
        told = f"{config} holds URLs, whose secrets others can read"
        yield Finding("notify", Level.WARN, told, f"chmod 600 {config}")


def linger(settings: Settings) -> Iterator[Finding]:
    """On systemd: whether the user's services outlive the last logout."""
    if not Path("/run/systemd/system").is_dir():
        return
    import getpass

    user = getpass.getuser()
    if Path("/var/lib/systemd/linger", user).exists():
        yield Finding("linger", Level.OK, f"services of {user} outlive the logout")
    else:
        todo = "loginctl enable-linger"
        yield Finding("linger", Level.WARN, f"services of {user} end with the last logout", todo)


CHECKS: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
    python,
    ffmpeg,
    yt_dlp,
    folders,
    database,
    backups,
    worker,
    notices,
    linger,
)
