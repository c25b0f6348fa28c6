"""How an order for many jobs is carried out: each of them answered, none kept from the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from peewee import Database

from workers.store.database import transaction
from workers.store.moves import bump, locked_state, record_event
from workers.store.tables import JobRow

_PART = 100  # jobs of one order handled in one transaction, so that others can write in between


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of an order for one job."""

    job_id: int
    ok: bool
    message: str


def each(db: Database, ids: Sequence[int], act: Callable[[int], Answer]) -> list[Answer]:
    """What `act` answers for each of these jobs, once, in order; some of them in one transaction."""
    answers = []
    wanted = list(dict.fromkeys(ids))
    for start in range(0, len(wanted), _PART):
        with transaction(db):
            answers += [act(job_id) for job_id in wanted[start : start + _PART]]
    return answers


def change(db: Database, job_id: int, what: str, by: str, reason: str = "", **fields: Any) -> None:
    """A change that is no move: new revision, new values, one line of history."""
    state = locked_state(db, job_id)
    word = "" if state is None else state.value
    revision = bump(db)
    JobRow.update(revision=revision, **fields).where(JobRow.id == job_id).execute(db)
    record_event(db, revision, job_id, what, (word, word), by, reason)


def missing(job_id: int) -> Answer:
    """The answer for a job that there is not."""
    return Answer(job_id, False, f"there is no job {job_id}")
