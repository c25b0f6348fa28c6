"""What somebody set for queues, sites and batches and what still holds: as a database has it, and how two differ."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Set
from dataclasses import dataclass

from workers.jobs import Pause, Scope


@dataclass(frozen=True, slots=True)
class InForce:
    """What holds in one database."""

    pauses: tuple[Pause, ...] = ()  # those whose time is not over
    slots: tuple[tuple[str, int], ...] = ()  # of queues, where they are not those of the configuration
    limits: tuple[tuple[str, int], ...] = ()  # of batches: jobs at once, 0 for as many as the host is good for


@dataclass(frozen=True, slots=True)
class ChangedNumber:
    """A number that one database has otherwise than the other; None: it has none, so the configuration holds."""

    kind: str  # slots (of a queue) or limit (of a batch)
    name: str
    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True)
class Changes:
    """What holds no more, or anew, when one database takes the place of another."""

    lifted: tuple[Pause, ...] = ()  # they hold now
    again: tuple[Pause, ...] = ()
    otherwise: tuple[tuple[Pause, Pause], ...] = ()  # before and after: by somebody else, or until another time
    numbers: tuple[ChangedNumber, ...] = ()


def read(connection: sqlite3.Connection, tables: Set[str]) -> InForce:
    """What holds in a database that has these tables, of whatever version. sqlite3.Error, ValueError."""
    slots = connection.execute("SELECT queue, slots FROM queue_setting WHERE slots IS NOT NULL ORDER BY 1")
    limits = [] if "batch" not in tables else _limits(connection)
    return InForce(
        tuple(_pauses(connection, has_own_table="pause" in tables)),
        tuple((str(queue), int(number)) for queue, number in slots),
        tuple(limits),
    )


def _limits(connection: sqlite3.Connection) -> list[tuple[str, int]]:
    found = connection.execute('SELECT name, "limit" FROM batch WHERE "limit" IS NOT NULL ORDER BY 1')
    return [(str(name), int(limit)) for name, limit in found]


def _pauses(connection: sqlite3.Connection, *, has_own_table: bool) -> Iterator[Pause]:
    asked = 'SELECT scope, name, since, until, "by" FROM pause ORDER BY 1, 2'
    if not has_own_table:
        asked = "SELECT 'queue', queue, 0, paused_until, paused_by FROM queue_setting WHERE paused ORDER BY 2"
    for scope, name, since, until, by in connection.execute(asked):
        if until is None or until > time.time() * 1000:
            yield Pause(Scope(scope), str(name), int(since), until, str(by or ""))


def changes(before: InForce, after: InForce) -> Changes:
    """What is different after `after` has taken the place of `before`."""
    old, new = ({(pause.scope, pause.name): pause for pause in one.pauses} for one in (before, after))
    both = [(old[key], new[key]) for key in old if key in new]
    return Changes(
        lifted=tuple(pause for key, pause in old.items() if key not in new),
        again=tuple(pause for key, pause in new.items() if key not in old),
        otherwise=tuple((one, two) for one, two in both if (one.until, one.by) != (two.until, two.by)),
        numbers=(*_numbers("slots", before.slots, after.slots), *_numbers("limit", before.limits, after.limits)),
    )


def _numbers(
    kind: str, before: tuple[tuple[str, int], ...], after: tuple[tuple[str, int], ...]
) -> Iterator[ChangedNumber]:
    old, new = dict(before), dict(after)
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            yield ChangedNumber(kind, name, old.get(name), new.get(name))
