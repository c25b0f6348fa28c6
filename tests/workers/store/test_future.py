from __future__ import annotations

from typing import Any

import pytest

from tests.support.databases import ended, submitted
from workers.store import questions
from workers.store.future import bring_back
from workers.store.records import now_ms
from workers.store.tables import JobRow

DAY_MS = 86_400_000


def _at(db: Any, submitted_at: int, started_at: int | None, finished_at: int) -> int:
    job_id = ended(db)
    times = {"submitted_at": submitted_at, "started_at": started_at, "finished_at": finished_at}
    JobRow.update(times).where(JobRow.id == job_id).execute(db)
    return job_id


def _times(db: Any, job_id: int) -> tuple[int, int | None, int | None]:
    job = questions.job_by_id(db, job_id)
    return job.submitted_at, job.started_at, job.finished_at


def test_what_ended_ahead_has_ended_now_and_took_as_long(db: Any) -> None:
    now, ahead = now_ms(), now_ms() + 400 * DAY_MS
    whole = _at(db, ahead - 9000, ahead - 5000, ahead)
    leapt = _at(db, now - 9000, now - 5000, ahead)  # the clock was set while it ran
    never = _at(db, ahead - 4000, None, ahead)
    near = _at(db, now, now, now + 7 * DAY_MS)
    waits = submitted(db).id
    before, untouched = questions.revision(db), [_times(db, near), _times(db, waits)]
    assert bring_back(db, now, 7 * DAY_MS) == 3
    assert _times(db, whole) == (now - 9000, now - 5000, now)
    assert _times(db, leapt) == (now - 9000, now - 5000, now)
    assert _times(db, never) == (now - 4000, None, now)
    assert [_times(db, near), _times(db, waits)] == untouched
    assert sorted(questions.job_by_id(db, one).revision for one in (whole, leapt, never)) == [
        before + number for number in (1, 2, 3)
    ]  # consoles see each
    (event,) = questions.events(db, before, 0, 10)
    assert (event.move, event.by) == ("times put right", "worker") and event.reason.startswith("3 jobs")


def test_it_is_told_once(db: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.store.future._AT_ONCE", 2)
    now = now_ms()
    for _ in range(4):
        _at(db, now, now, now + 400 * DAY_MS)
    before = questions.revision(db)
    assert (bring_back(db, now, DAY_MS), bring_back(db, now, DAY_MS)) == (4, 0)
    (event,) = questions.events(db, before, 0, 10)
    assert event.reason.startswith("4 jobs") and questions.revision(db) == before + 5
