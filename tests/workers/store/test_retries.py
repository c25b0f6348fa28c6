"""Waits for the next attempt are spans: they stay as long when the clock is set."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.databases import submitted
from workers.store import questions, retries
from workers.store.tables import JobRow

THEN, LONGEST = 1_000_000, 60_000


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
