"""What goes on without anybody at the terminal: the worker, notices, and the services of a user."""

from __future__ import annotations

import stat
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from workers import configmark
from workers.checks.findings import Finding, Level
from workers.checks.tables import opened
from workers.settings import Settings
from workers.status import ANEW, SILENT_S, STALE
from workers.text import clean
from workers.users import login_name

_SYSTEMD = Path("/run/systemd/system")


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
    if silent_s > SILENT_S:
        anew = f"`kill -CONT {pid}` if it was stopped, else `spool stop` and `spool worker --detach` start it anew"
        todo = f"see {settings.paths.worker_log}; {anew}"
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
    if not _SYSTEMD.is_dir():
        return
    user = login_name()
    if Path("/var/lib/systemd/linger", user).exists():
        yield Finding("linger", Level.OK, f"services of {user} outlive the logout")
    else:
        todo = "loginctl enable-linger"
        yield Finding("linger", Level.WARN, f"services of {user} end with the last logout", todo)
