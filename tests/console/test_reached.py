"""How far jobs have come: what has failed was not done."""

from __future__ import annotations

from dataclasses import replace

import pytest

from console.reached import reached
from tests.support.fake_client import make_jobs
from workers.jobs import ItemCounts, Job, Progress, State


def job(state: State, fraction: float | None, items: ItemCounts | None = None) -> Job:
    (made,) = make_jobs(1)
    return replace(made, state=state, progress=Progress(fraction), items=items or ItemCounts())


@pytest.mark.parametrize("state", [State.RUNNING, State.PAUSED, State.SUCCEEDED])
def test_progress_is_taken_at_its_word(state: State) -> None:
    assert reached(job(state, 0.5)) == 0.5
    assert reached(job(state, 1.0, ItemCounts(total=4, done=1, failed=3))) == 1.0


@pytest.mark.parametrize("state", [State.FAILED, State.CANCELLED, State.SKIPPED])
def test_without_success_only_what_was_done_counts(state: State) -> None:
    assert reached(job(state, 1.0)) is None
    assert reached(job(state, 0.4)) == 0.4
    assert reached(job(state, None)) is None
    assert reached(job(state, 1.0, ItemCounts(total=4, done=1, failed=2, cached=1))) == 0.5
    assert reached(job(state, 1.0, ItemCounts(total=1, failed=1))) == 0.0
