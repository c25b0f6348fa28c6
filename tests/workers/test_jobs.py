from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.errors import ErrorClass, Failure
from workers.jobs import (
    FINAL,
    LIVE,
    MOVES,
    ItemCounts,
    Job,
    Move,
    Priority,
    Progress,
    State,
    Waiting,
    Wish,
    allowed,
    job_as_json,
    moves_as_table,
    rfc3339,
)

JOB = Job(
    id=7,
    operation="download",
    queue="downloads",
    state=State.FAILED,
    priority=Priority.HIGH,
    title="a film",
    params={"inputs": ["http://example.org/1"]},
    submitted_by="ann",
    submitted_at=0,
    started_at=1500,
    finished_at=None,
    run_after=None,
    window=None,
    hold=False,
    pause_until=None,
    attempts=2,
    failures=1,
    max_attempts=3,
    lease=4,
    wish=Wish.NONE,
    progress=Progress(0.5, "fetching", 5, 10, 2.5, 2.0, "bytes"),
    items=ItemCounts(4, 1, 1, 1, 1),
    failure=Failure(ErrorClass.NETWORK, "no way", "http://example.org/1", "tail", 3.0),
    outputs=("/out/a.mp4",),
    batch="films",
    after=(1, 2),
    after_ended=(2,),
    site="example.org",
    position=7.0,
    revision=99,
)


def test_every_move_has_a_rule_and_every_state_a_way_out_or_none() -> None:
    assert set(MOVES) == set(Move)
    assert LIVE | FINAL | {State.QUEUED} == set(State) and not LIVE & FINAL
    for state in State:
        leaving = {move for move in Move if allowed(move, state)}
        assert (leaving == {Move.RESTARTED}) is (state in FINAL)
        assert any(rule.target is state for rule in MOVES.values())


def test_whoever_takes_a_job_away_raises_its_lease() -> None:
    for move, rule in MOVES.items():
        ends_normally = move in (Move.SUCCEEDED, Move.FAILED, Move.RETRIED, Move.PAUSED, Move.RESUMED)
        assert rule.lease == (0 if ends_normally else 1)


def test_the_table_of_moves_names_them_all() -> None:
    lines = moves_as_table().splitlines()
    assert len(lines) == 2 + len(Move)
    assert lines[2] == "| claimed | queued | running | a slot took it |"


def test_every_state_has_a_letter_of_its_own_but_those_that_share_a_meaning() -> None:
    assert State.SKIPPED.letter == "-" and State.QUEUED.letter == "Q"
    assert all(len(state.letter) == 1 for state in State)


def test_priorities() -> None:
    assert [Priority.parse(priority.word) for priority in Priority] == list(Priority)
    assert Priority.URGENT > Priority.HIGH > Priority.NORMAL > Priority.LOW
    with pytest.raises(ValueError, match="use one of low, normal, high, urgent"):
        Priority.parse("asap")


def test_a_job_as_json_has_all_its_fields() -> None:
    told = job_as_json(JOB, (Waiting("hold", "it is on hold", "spool unhold 7"),))
    assert json.loads(json.dumps(told)) == told
    plain = "id operation queue state priority params submitted_by submitted_at started_at finished_at attempts"
    assert set(told) >= {*plain.split(), "progress", "items", "error", "waiting", "outputs", "batch", "after"}
    assert set(told["progress"]) == {"fraction", "phase", "done", "total", "rate", "eta_s"}
    assert told["items"] == {"total": 4, "done": 1, "failed": 1, "skipped": 1, "cached": 1}
    assert told["error"] == {
        "class": "network",
        "message": "no way",
        "retryable": True,
        "input": "http://example.org/1",
    }
    assert told["waiting"] == [{"reason": "hold", "detail": "it is on hold", "lifts": "spool unhold 7"}]
    assert (told["state"], told["priority"], told["after"], told["outputs"]) == (
        "failed",
        "high",
        [1, 2],
        ["/out/a.mp4"],
    )
    assert (told["submitted_at"], told["started_at"], told["finished_at"]) == (
        "1970-01-01T00:00:00.000Z",
        "1970-01-01T00:00:01.500Z",
        None,
    )
    assert job_as_json(replace(JOB, failure=None))["error"] is None


@given(st.integers(-(2**70), 2**70))
def test_any_time_is_told(ms: int) -> None:
    told = rfc3339(ms)
    assert told is not None and len(told) == 24 and told.endswith("Z")
