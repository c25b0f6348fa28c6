"""Pauses of a whole queue, site or batch: nothing of it starts until somebody says so, or a time has come."""

from __future__ import annotations

from typing import Any

from peewee import Database

from workers.errors import UsageError
from workers.jobs import QUEUES, Pause, Scope, rfc3339
from workers.sites import site_named
from workers.store.database import delete, transaction
from workers.store.moves import bump, record_event
from workers.store.records import now_ms, storable
from workers.store.tables import JobRow, PauseRow


def members(scope: Scope, name: str) -> Any:
    """The predicate that a job belongs to it. A site has those of its subdomains, as `site:` in a query finds them."""
    if scope is Scope.SITE:
        return JobRow.site.is_null(False) & ((JobRow.site == name) | JobRow.site.endswith(f".{name}"))
    return {Scope.QUEUE: JobRow.queue, Scope.BATCH: JobRow.batch}[scope] == name


def scope_name(scope: Scope, name: str) -> str:
    """The name as the table holds it; UsageError when there can be no such queue, site or batch."""
    name = storable(name.strip())
    if scope is Scope.QUEUE and name not in QUEUES:
        raise UsageError(f"no queue {name!r}: there are {', '.join(QUEUES)}")
    if scope is Scope.SITE:
        try:
            name = name and site_named(name)
        except ValueError as error:
            raise UsageError(f"{name!r} is no site: {error}") from None
    if not name:
        raise UsageError(f"which {scope.value}? its name is empty")
    return name


def paused_name(db: Database, scope: Scope, name: str) -> str:
    """The name of what is to go on: one that is paused as it is written, else as for a pause."""
    there = (PauseRow.scope == scope.value) & (PauseRow.name == storable(name.strip()))
    found = PauseRow.select(PauseRow.name).where(there).scalar(db)
    return scope_name(scope, name) if found is None else str(found)


def pause(db: Database, scope: Scope, name: str, *, until: int | None, by: str, soft: bool = True) -> Pause:
    """Start nothing of it from now on. One that is paused already is paused anew.

    Not `soft`: a running job that comes into it is to be paused, too.
    """
    name = scope_name(scope, name)
    moment = now_ms()
    with transaction(db):
        revision = bump(db)
        values = {"since": moment, "until": until, "by": storable(by), "soft": soft}
        target = [PauseRow.scope, PauseRow.name]
        insert = PauseRow.insert(scope=scope.value, name=name, **values)
        insert.on_conflict(conflict_target=target, update=values).execute(db)
        told = f"until {rfc3339(until)}" if until is not None else ""
        record_event(db, revision, 0, f"{scope.value} paused", ("", name), by, told)
    return Pause(scope, name, moment, until, by, soft)


def resume(db: Database, scope: Scope, name: str, by: str, reason: str = "") -> bool:
    """Let it start jobs again; False when it was not paused."""
    name = paused_name(db, scope, name)
    with transaction(db):
        gone = delete(PauseRow, (PauseRow.scope == scope.value) & (PauseRow.name == name)).execute(db)
        if gone:
            record_event(db, bump(db), 0, f"{scope.value} resumed", (name, ""), by, reason)
    return bool(gone)


def lasting(moment: Any) -> Any:
    """The predicate that a pause lasts at a moment (milliseconds since 1970, or a hole for them)."""
    return PauseRow.until.is_null() | (PauseRow.until > moment)


def _found(db: Database, which: Any) -> list[Pause]:
    rows = PauseRow.select().where(which).order_by(PauseRow.scope, PauseRow.name).dicts().execute(db)
    return [
        Pause(Scope(row["scope"]), row["name"], row["since"], row["until"], row["by"], bool(row["soft"]))
        for row in rows
    ]


def pauses(db: Database, scope: Scope | None = None, at: int | None = None) -> list[Pause]:
    """What is paused at a moment, or now; by name."""
    which = lasting(now_ms() if at is None else at)
    return _found(db, which if scope is None else which & (PauseRow.scope == scope.value))


def over(db: Database, moment: int) -> list[Pause]:
    """Pauses for a time that has passed, which nobody has ended yet."""
    return _found(db, ~lasting(moment))
