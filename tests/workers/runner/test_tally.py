"""Counting items, and the verdict over the whole."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.errors import ErrorClass, Failure, JobFailed
from workers.jobs import ItemRecord, Outcome
from workers.runner.tally import Tally


def failed(error_class: ErrorClass, message: str, retry_after_s: float | None = None) -> ItemRecord:
    return ItemRecord(message, Outcome.FAILED, failure=Failure(error_class, message, message, "", retry_after_s))


@given(st.lists(st.sampled_from(Outcome)), st.integers(0, 50))
def test_counts_add_up_and_a_job_succeeds_if_any_item_did(outcomes: list[Outcome], before: int) -> None:
    tally = Tally()
    tally.total, tally.before, tally.listed = len(outcomes) + before, before, True
    for outcome in outcomes:
        bad = outcome is Outcome.FAILED
        tally.count(failed(ErrorClass.TOOL, "no") if bad else ItemRecord("key", outcome))
    assert tally.ended == tally.total
    failures = outcomes.count(Outcome.FAILED)
    if failures and failures == tally.total:
        with pytest.raises(JobFailed):
            tally.judge()
    else:
        counts = {"items": tally.total, "done": tally.total - failures, "failed": failures}
        assert tally.judge().detail == counts


def test_all_failed_is_told_in_the_words_of_the_most() -> None:
    tally = Tally()
    tally.total = 3
    tally.count(failed(ErrorClass.TOOL, "a"))
    tally.count(failed(ErrorClass.NETWORK, "b", 3.0))
    tally.count(failed(ErrorClass.NETWORK, "c", 7.0))
    with pytest.raises(JobFailed, match="3 of 3 items failed: b") as error:
        tally.judge()
    assert error.value.failure.error_class is ErrorClass.NETWORK
    assert error.value.failure.retry_after_s == 7.0


def test_a_pause_does_not_count_for_the_speed() -> None:
    now = [100.0]
    tally = Tally(lambda: now[0])
    tally.total, tally.listed = 1000, True
    for _ in range(40):
        now[0] += 0.5
        tally.done += 5
        told = tally.progress()
    assert told.rate == pytest.approx(10.0, rel=0.1) and told.eta_s == pytest.approx(80.0, rel=0.1)
    now[0] += 3600.5
    tally.slept(3600.0)
    tally.done += 5
    assert tally.progress().rate == pytest.approx(10.0, rel=0.1)


def test_one_long_item_at_the_end_is_not_promised_to_end_at_once() -> None:
    now = [100.0]
    tally = Tally(lambda: now[0])
    tally.total, tally.listed = 13, True
    for _ in range(12):
        now[0] += 2.0
        tally.done += 1
        tally.progress()
    told = tally.progress()
    for second in range(1, 150):
        now[0] += 1.0
        told = tally.progress(second / 300)
    assert told.rate == pytest.approx(1 / 300, rel=0.05) and told.eta_s == pytest.approx(151, rel=0.05)


def test_small_items_beside_a_large_one_do_not_hide_how_long_that_takes() -> None:
    now = [100.0]
    tally = Tally(lambda: now[0])
    tally.total, tally.listed = 20, True
    for number in range(1, 18):
        now[0] += 1.0
        tally.done += 1
        told = tally.progress(number / 200, at_least_s=200.0 - number)
    assert told.eta_s == 183.0
    tally.listed = False
    assert tally.progress(0.1, at_least_s=183.0).eta_s is None


def test_work_that_is_lost_with_its_process_promises_nothing() -> None:
    now = [100.0]
    tally = Tally(lambda: now[0])
    tally.total, tally.listed = 2, True
    for within in (0.2, 0.5, 0.9, 0.0):
        now[0] += 1.0
        told = tally.progress(within)
    assert told.rate is None and told.eta_s is None


def test_what_failed_before_is_told_with_the_rest() -> None:
    tally = Tally()
    tally.total, tally.before, tally.failed_before = 4, 3, 2
    tally.count(ItemRecord("a", Outcome.DONE))
    assert tally.judge().detail == {"items": 4, "done": 2, "failed": 2}


def test_nothing_is_promised_before_all_is_listed() -> None:
    now = [100.0]
    tally = Tally(lambda: now[0])
    tally.total, tally.done = 500, 20
    now[0] += 8.0
    told = tally.progress()
    assert (told.done, told.total, told.fraction, told.eta_s) == (20, None, None, None)
    tally.listed = True
    told = tally.progress(within=4.0)
    assert (told.done, told.total, told.fraction) == (20, 500, 24 / 500)
    assert told.rate == 3.0 and told.eta_s == pytest.approx(476 / 3)


def test_an_item_that_fails_without_a_reason_is_counted() -> None:
    tally = Tally()
    tally.count(ItemRecord("a", Outcome.FAILED))
    assert tally.failed == 1
