"""The jobs table and its copies: whether they look whole, and which of them to go back to."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from workers.checks.findings import Finding, Level
from workers.settings import Settings
from workers.text import size_words

_OLD_BACKUP_DAYS = 2
_SET_DAYS = 1 / 24  # made later than now by more than this, it tells that the clock was wrong
_PLACES = 5  # of damage that are looked for


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
    age_days = (time.time() * 1000 - newest.made_ms()) / 86_400_000
    text = f"{len(made)}, the newest is {newest.path.name}, {size_words(newest.size)}, {_age(age_days)}"
    if wrong := damage_at_a_glance(newest.path):
        good = newest_good(settings, but=newest.path)
        todo = "`spool backup` makes a new one; look after the disk"
        others = f"the newest whole one is {good.path.name}" if good else "none of the others is whole"
        yield Finding("backups", Level.FAIL, f"{text}: {wrong}; {others}", todo)
    elif settings.backup.daily and not -_SET_DAYS < age_days < _OLD_BACKUP_DAYS:
        todo = "run a worker, or `spool backup`, which tells what is in the way"
        yield Finding("backups", Level.WARN, text, todo)
    else:
        yield Finding("backups", Level.OK, text)


def _age(days: float) -> str:
    """How long ago in its largest unit, or how far ahead of now."""
    for number, unit in ((days, "day"), (days * 24, "hour"), (days * 1440, "minute")):
        if abs(number) >= 1:
            length = f"{abs(number):.0f} {unit}{'' if round(abs(number)) == 1 else 's'}"
            return f"{length} old" if number > 0 else f"dated {length} ahead of the clock"
    return "less than a minute old"


def opened(path: Path, read_only: bool) -> sqlite3.Connection:
    """A connection that cannot write; `read_only` leaves no trace of having looked. sqlite3.Error, StoreError."""
    if not read_only:
        return sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=5)
    from workers.looking import look_at

    return look_at(path)
