"""Before which time a job was not to start is known after its start, from its history."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.databases import running, submitted
from workers.errors import ErrorClass, Failure
from workers.jobs import Move
from workers.store import moves, orders, questions
from workers.store.planned import planned_starts
from workers.store.records import error_fields
from workers.store.tables import EventRow


def test_the_last_word_of_a_person_counts(db: Any) -> None:
    plain, given, later, lifted, hours = (
        submitted(db, run_after=when).id for when in (None, 86_400_123, None, 5000, 6000)
    )
    orders.schedule(db, [later], "ann", run_after=7000, window="22:00-06:00")
    orders.schedule(db, [lifted], "ann", run_after=0, window="")
    orders.schedule(db, [hours], "ann", window="sat,sun")
    assert planned_starts(db, [plain, given, later, lifted, hours, 99]) == {given: 86_400_123, later: 7000, hours: 6000}
    assert questions.events(db, job_id=given)[0].reason == "not before 1970-01-02T00:00:00.123Z"
    assert questions.events(db, job_id=plain)[0].reason == ""


def test_neither_its_start_nor_a_retry_changes_it(db: Any) -> None:
    job = running(db, run_after=5000)
    fields = {**error_fields(Failure(ErrorClass.NETWORK, "no way")), "run_after": 9000}
    assert moves.move(db, Move.RETRIED, job.id, by="worker", fields=fields)
    other = submitted(db, queue="video").id
    assert planned_starts(db, [job.id, other]) == {job.id: 5000}


def test_a_job_that_waits_for_its_time_tells_it_itself(db: Any) -> None:
    """Lines of older versions say nothing of it, and nothing is lost by that before it has run."""
    waits, gone = (submitted(db, run_after=when).id for when in (5000, 6000))
    orders.cancel(db, [gone], "ann")
    failed = running(db, queue="video", run_after=7000)
    EventRow.update(reason="").where(EventRow.move == "submitted").execute(db)
    fields = {**error_fields(Failure(ErrorClass.NETWORK, "no way")), "run_after": 9000}
    assert moves.move(db, Move.RETRIED, failed.id, by="worker", fields=fields)
    assert planned_starts(db, [waits, gone, failed.id]) == {waits: 5000, gone: 6000}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("not before 1970-01-01T00:00:07.000Z", 7000),
        ("not before 1970-01-01T00:00:07.250Z, within mon-fri 22:00-06:00", 7250),
        ("starts at 1970-01-01T00:00:07Z at the earliest", 7000),
        ("at once, at any time", None),
        ("at once", None),
        ("within 22:00-06:00", 5000),
        ("at any time", 5000),
    ],
)
def test_lines_of_all_versions_are_understood(db: Any, line: str, told: int | None) -> None:
    job_id = running(db, run_after=5000).id
    moves.record_event(db, moves.bump(db), job_id, "scheduled", ("queued", "queued"), "ann", line)
    assert planned_starts(db, [job_id]).get(job_id) == told
