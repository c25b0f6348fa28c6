"""Waits for the next attempt are spans: they stay as long when the clock is set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.databases import running, submitted
from tests.support.shifted import ShiftedClock
from workers.errors import ErrorClass, Failure
from workers.jobs import Move
from workers.store import moves, orders, questions, retries
from workers.store.records import error_fields, now_ms
from workers.store.tables import EventRow, JobRow

THEN, LONGEST = 1_000_000, 60_000
DAY_MS = 86_400_000


def _waiting(db: Any, run_after: int | None, error_class: str | None) -> int:
    job_id = int(submitted(db).id)
    JobRow.update(run_after=run_after, error_class=error_class).where(JobRow.id == job_id).execute(db)
    return job_id


@pytest.mark.parametrize("by_ms", [7_200_000, -500_000])
def test_only_waits_for_another_attempt_are_shifted(db: Any, by_ms: int) -> None:
    soon, last = _waiting(db, THEN + 1, "network"), _waiting(db, THEN + LONGEST, "disk")
    others = {
        _waiting(db, when, why): when
        for when, why in (
            (THEN, "network"),  # its wait was over
            (THEN + LONGEST + 1, "network"),  # somebody named this time
            (THEN + 30_000, None),  # and this one: it never failed
            (None, "network"),
        )
    }
    before = questions.revision(db)
    assert retries.shift(db, by_ms, THEN, LONGEST) == 2
    found = {job_id: questions.job_by_id(db, job_id) for job_id in (soon, last, *others)}
    assert found[soon].run_after == THEN + 1 + by_ms and found[last].run_after == THEN + LONGEST + by_ms
    assert {job_id: found[job_id].run_after for job_id in others} == others
    assert sorted((found[soon].revision, found[last].revision)) == [before + 1, before + 2]  # consoles see both
    assert questions.revision(db) == before + 2


def test_nothing_waits_and_nothing_changes(db: Any) -> None:
    submitted(db)
    before = questions.revision(db)
    assert retries.shift(db, 1, THEN, LONGEST) == 0 and questions.revision(db) == before


def _failed(db: Any, wait_ms: int, **values: Any) -> int:
    """A job that waits for its next attempt."""
    job = running(db, **values)
    fields = {**error_fields(Failure(ErrorClass.NETWORK, "no way")), "run_after": now_ms() + wait_ms}
    assert moves.move(db, Move.RETRIED, job.id, by="worker", lease=job.lease, fields=fields)
    return job.id


def _waits_s(db: Any, job_id: int) -> float:
    return ((questions.job_by_id(db, job_id).run_after or 0) - now_ms()) / 1000


def test_a_clock_that_was_put_right_meanwhile_keeps_nobody_waiting(
    db: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ShiftedClock(tmp_path / "clock")
    clock.install(monkeypatch.setattr)
    today = _failed(db, 40_000, queue="video")
    clock.set_by(5000 * DAY_MS)
    wrong, long = _failed(db, 45_000, queue="images"), _failed(db, 7_200_000, queue="metadata")
    leapt = _failed(db, 30_000, queue="downloads")
    EventRow.update(at=EventRow.at - 5000 * DAY_MS).where(EventRow.job_id == leapt).execute(db)
    named = _failed(db, 50_000)
    orders.schedule(db, [named], "ann", run_after=now_ms() + 90 * DAY_MS)
    clock.set_by(-5000 * DAY_MS)
    held, before = questions.job_by_id(db, named).run_after, questions.revision(db)
    assert retries.bring_back(db, now_ms(), DAY_MS) == 3
    for job_id, wait_s in ((today, 40), (wrong, 45), (long, 7200), (leapt, 0)):
        assert wait_s - 30 < _waits_s(db, job_id) <= wait_s, (job_id, wait_s)
    assert questions.job_by_id(db, named).run_after == held
    told = [(event.job_id, event.move) for event in questions.events(db, before, limit=10)]
    assert sorted(told) == [(one, "times put right") for one in sorted((wrong, long, leapt))]
    clock.sleep(30_000)
    assert retries.bring_back(db, now_ms(), DAY_MS) == 0, "a second worker makes nobody wait anew"


def test_what_a_site_asked_for_is_waited_for(db: Any) -> None:
    job_id = _failed(db, DAY_MS)
    assert retries.bring_back(db, now_ms(), DAY_MS) == 0 and _waits_s(db, job_id) > 80_000


def test_one_that_was_started_meanwhile_is_left_alone(db: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    job_id = _failed(db, 400 * DAY_MS)

    def named(db: Any, ids: list[int]) -> dict[int, int]:
        orders.schedule(db, [job_id], "ann", run_after=now_ms() + 300 * DAY_MS)  # another one, at this very moment
        return {}

    monkeypatch.setattr(retries, "told_starts", named)
    assert retries.bring_back(db, now_ms(), DAY_MS) == 0
    assert _waits_s(db, job_id) > 299 * 86_400
