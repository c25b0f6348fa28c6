from __future__ import annotations

from dataclasses import replace

import pytest

from workers.jobs import Waiting
from workers.status import QueueStatus
from workers.why import NO_WORKER, explain

FULL = QueueStatus("video", slots=2, running=2, paused_jobs=0, waiting=5, failed=0, pause=None)


def told(queue: QueueStatus) -> Waiting:
    """The one reason of a job that only a slot is missing for."""
    (reason,) = explain((), True, queue)
    assert reason.reason == "slot"
    return reason


def test_a_free_slot_is_no_reason() -> None:
    assert explain((), True, replace(FULL, running=1)) == ()
    assert explain((), True, None) == ()


def test_no_slots_at_all_are_not_all_taken() -> None:
    reason = told(replace(FULL, slots=0, running=0))
    assert (reason.detail, reason.lifts) == ("video has no slots now", "spool queue slots 1 video makes room for it")


def test_one_that_had_its_turn_is_told_so() -> None:
    (reason,) = explain((), True, FULL, turned=True)
    assert reason.detail.startswith("it had its turn, and jobs that had less go before it")
    assert reason.lifts.startswith("it goes on by turns; ")


def test_slots_come_last_and_only_alone() -> None:
    held = Waiting("hold", "it is held", "spool unhold 1")
    assert explain([held], True, FULL) == (held,)
    assert explain([held], False, FULL) == (held, NO_WORKER)
    assert explain([], False, FULL) == (NO_WORKER,)


def test_taken_slots_name_what_makes_room() -> None:
    reason = told(replace(FULL, running=1, paused_jobs=1))
    assert reason.detail == "2 of 2 slots of video are taken, 1 of them paused"
    assert reason.lifts == "it starts when one ends; spool queue slots 3 video makes room for it"


def test_a_number_that_follows_the_load_says_why_it_is_so_low() -> None:
    reason = told(replace(FULL, auto="1-4", slots_reason="cpu pressure 82 %"))
    assert reason.detail == "2 of 2 slots of video are taken (auto 1-4: cpu pressure 82 %)"
    assert reason.lifts == "it starts when one ends or when the load allows more; spool queue slots 3 video insists"


def test_more_at_work_than_there_are_slots_now() -> None:
    reason = told(replace(FULL, slots=1, running=3, auto="1-4"))
    assert reason.detail == "3 jobs of video are at work, and it may have 1 now (auto 1-4)"
    assert "spool queue slots 4 video insists" in reason.lifts


def test_a_number_set_by_hand_can_be_given_back() -> None:
    reason = told(replace(FULL, auto="1-4", by_hand=True))
    assert "set by hand, not auto 1-4" in reason.detail
    assert reason.lifts.endswith("spool queue slots auto video lets the number follow the load again")


@pytest.mark.parametrize(("slots", "more"), [(31, True), (32, False)])
def test_no_more_slots_are_suggested_than_a_queue_can_have(slots: int, more: bool) -> None:
    assert ("spool queue slots" in told(replace(FULL, slots=slots, running=slots)).lifts) is more
