"""Pauses that meet: a job goes on when nobody keeps it any more, and not before."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.databases import FAR, claimed, opened, running, situation, submitted, target, wipe
from workers.jobs import Job, Move, Scope, State, Wish
from workers.store import batches, moves, orders, pauses, pausing, questions
from workers.store.database import transaction
from workers.store.standing import stopped
from workers.store.tables import JobRow
from workers.store.waiting import reasons

_QUEUE, _BATCH, _SITE = (Scope.QUEUE, "default"), (Scope.BATCH, "films"), (Scope.SITE, "example.org")
_SCOPES = (_QUEUE, _BATCH, _SITE)


def _job(db: Any, job_id: int) -> Job:
    return questions.job_by_id(db, job_id)


def _running(db: Any) -> int:
    return running(db, batch="films", site="example.org").id


def _heard(db: Any, job_id: int) -> None:
    """The worker does what is wished, as its supervisor does."""
    wish = _job(db, job_id).wish
    if wish is Wish.PAUSE:
        assert moves.move(db, Move.PAUSED, job_id, by="worker")
    elif wish is Wish.RESUME:
        assert moves.move(db, Move.RESUMED, job_id, by="worker")


def _state(db: Any, job_id: int) -> State:
    _heard(db, job_id)
    return _job(db, job_id).state


@pytest.mark.parametrize("scope", _SCOPES)
def test_a_pause_of_all_that_is_resumed_before_it_was_heard_leaves_its_job_running(
    db: Any, scope: tuple[Scope, str]
) -> None:
    job_id = _running(db)
    pausing.pause_scope(db, *scope, "ann", soft=False)
    assert _job(db, job_id).wish is Wish.PAUSE
    assert pausing.resume_scope(db, *scope, "ann")
    assert (_job(db, job_id).state, _job(db, job_id).wish) == (State.RUNNING, Wish.NONE)


def test_one_that_ends_before_it_was_heard_does_so_too(db: Any) -> None:
    job_id = _running(db)
    pausing.pause_scope(db, *_BATCH, "ann", until=7000, soft=False)
    assert pausing.end_pauses(db, 7000) == ["the pause of the batch films"]
    assert _job(db, job_id).wish is Wish.NONE
    pausing.pause(db, [job_id], "ann", until=7000)
    assert pausing.end_pauses(db, 7000) == [f"the pause of job {job_id}"]
    assert (_job(db, job_id).wish, _job(db, job_id).pause_until) == (Wish.NONE, None)


def test_a_rescued_job_is_let_go_with_the_queue_that_it_was_to_be_paused_with(db: Any) -> None:
    job_id = _running(db)
    pausing.pause_scope(db, *_QUEUE, "ann", soft=False)
    moves.move(db, Move.RESCUED, job_id, by="worker", fields={"hold": True})
    pausing.resume_scope(db, *_QUEUE, "ann")
    assert not _job(db, job_id).hold and claimed(db) is not None


@pytest.mark.parametrize("heard", [True, False])
@pytest.mark.parametrize("order", itertools.permutations(_SCOPES))
def test_it_goes_on_when_the_last_of_several_is_resumed(db: Any, order: Any, heard: bool) -> None:
    job_id = _running(db)
    for scope, name in _SCOPES:
        pausing.pause_scope(db, scope, name, f"of {name}", soft=False)
        if heard:
            _heard(db, job_id)
    for scope, name in order[:2]:
        assert pausing.resume_scope(db, scope, name, "ann")
        assert _state(db, job_id) is State.PAUSED
    scope, name = order[2]
    told = stopped(db, _job(db, job_id), FAR)
    assert told.detail == f"of {name} paused {scope.called(name)} and this job with it"
    assert pausing.resume_scope(db, scope, name, "ann")
    assert _state(db, job_id) is State.RUNNING


@pytest.mark.parametrize("until", [None, 2**45])
@pytest.mark.parametrize("soft", [True, False])
@pytest.mark.parametrize("heard", [True, False])
def test_what_a_person_pauses_stays_when_the_queue_goes_on(db: Any, until: int | None, soft: bool, heard: bool) -> None:
    job_id = _running(db)
    pausing.pause_scope(db, *_QUEUE, "bob", soft=False)
    if heard:
        _heard(db, job_id)
    (answer,) = pausing.pause(db, [job_id], "ann", until=until, soft=soft)
    assert answer.ok
    assert _state(db, job_id) is State.PAUSED  # a soft wish does not lessen the hard one
    pausing.resume_scope(db, *_QUEUE, "bob")
    assert _state(db, job_id) is State.PAUSED and _job(db, job_id).pause_until == until
    assert stopped(db, _job(db, job_id), FAR).detail.startswith("ann paused it")
    (answer,) = pausing.resume(db, [job_id], "ann")
    assert answer.ok and _state(db, job_id) is State.RUNNING


def test_the_end_of_a_persons_pause_leaves_it_to_the_queue(db: Any) -> None:
    job_id = _running(db)
    pausing.pause(db, [job_id], "ann", until=7000)
    _heard(db, job_id)
    pausing.pause_scope(db, *_QUEUE, "bob", soft=False)
    assert pausing.end_pauses(db, 7000) == [f"the pause of job {job_id}"]
    assert _state(db, job_id) is State.PAUSED
    assert (_job(db, job_id).wish, _job(db, job_id).pause_until) == (Wish.NONE, None)
    assert pausing.end_pauses(db, FAR) == []
    pausing.resume_scope(db, *_QUEUE, "bob")
    assert _state(db, job_id) is State.RUNNING


def test_a_pause_for_a_time_can_be_made_one_for_good_and_the_other_way_round(db: Any) -> None:
    job_id = _running(db)
    pausing.pause(db, [job_id], "ann", until=7000)
    _heard(db, job_id)
    assert pausing.pause(db, [job_id], "ann", until=7000)[0].message == "cannot be paused: it is paused"
    (answer,) = pausing.pause(db, [job_id], "ann")
    assert (answer.ok, answer.message, _job(db, job_id).pause_until) == (True, "stays paused", None)
    assert pausing.end_pauses(db, FAR) == [] and _state(db, job_id) is State.PAUSED
    (answer,) = pausing.pause(db, [job_id], "bob", until=8000)
    assert (answer.message, _job(db, job_id).pause_until) == ("stays paused for that time", 8000)
    assert pausing.end_pauses(db, 8000) and _state(db, job_id) is State.RUNNING


@pytest.mark.parametrize("again", ["person", "queue"])
def test_a_pause_that_is_given_before_the_resume_was_heard_wins(db: Any, again: str) -> None:
    job_id = _running(db)
    pausing.pause(db, [job_id], "ann")
    _heard(db, job_id)
    pausing.resume(db, [job_id], "ann")
    if again == "person":
        assert pausing.pause(db, [job_id], "ann")[0].ok
    else:
        pausing.pause_scope(db, *_QUEUE, "ann", soft=False)
    assert _state(db, job_id) is State.PAUSED


def test_what_is_being_cancelled_is_not_paused_with_its_queue(db: Any) -> None:
    job_id = _running(db)
    moves_before = len(questions.events(db, job_id=job_id))
    pausing.pause(db, [job_id], "ann")
    _heard(db, job_id)
    orders.cancel(db, [job_id], "cem")
    (answer,) = pausing.pause_scope(db, *_QUEUE, "bob", soft=False)
    assert (answer.ok, answer.message) == (False, "is being cancelled")
    assert pausing.pause(db, [job_id], "bob", until=7000)[0].message == "is being cancelled"
    assert pausing.end_pauses(db, FAR) == []
    assert _job(db, job_id).wish is Wish.CANCEL
    assert [event.by for event in questions.events(db, job_id=job_id)][moves_before:] == ["ann", "worker", "cem"]


def test_one_word_lets_a_job_go_on_whoever_kept_it(db: Any) -> None:
    job_id = _running(db)
    for scope in _SCOPES:
        pausing.pause_scope(db, *scope, "bob", soft=False)
    _heard(db, job_id)
    pausing.pause(db, [job_id], "ann")
    told = stopped(db, _job(db, job_id), FAR)
    assert told.detail.startswith("ann paused it; bob paused the queue default and this job with it; bob paused the")
    assert told.lifts == f"spool resume {job_id} lets it go on"
    pausing.resume(db, [job_id], "cem")
    assert _state(db, job_id) is State.RUNNING
    assert [event.move for event in questions.events(db, job_id=job_id)][-2:] == ["resume asked", "resumed"]


def test_a_pause_that_was_given_anew_while_its_time_passed_lasts(db: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody pauses for an hour more between the look at the clock and the end of the pause."""
    job_id = _running(db)
    pausing.pause_scope(db, *_QUEUE, "ann", until=7000, soft=False)
    _heard(db, job_id)
    pausing.pause(db, [job_id], "ann", until=7000)
    looked = pauses.over

    def late(db: Any, moment: int) -> Any:
        found = looked(db, moment)
        monkeypatch.undo()
        pausing.pause_scope(db, *_QUEUE, "bob", until=9000)
        pausing.pause(db, [job_id], "bob", until=9000)
        return found

    monkeypatch.setattr(pauses, "over", late)
    assert pausing.end_pauses(db, 7000) == []
    assert [(one.by, one.until) for one in pauses.pauses(db, at=7000)] == [("bob", 9000)]
    assert _state(db, job_id) is State.PAUSED and _job(db, job_id).pause_until == 9000
    assert pausing.end_pauses(db, 9000) == ["the pause of the queue default", f"the pause of job {job_id}"]
    assert _state(db, job_id) is State.RUNNING


def test_a_hold_that_a_restart_made_names_all_who_keep_it(db: Any) -> None:
    job_id = _running(db)
    pausing.pause_scope(db, *_QUEUE, "ann", soft=False)
    pausing.pause_scope(db, *_BATCH, "bob", soft=False)
    _heard(db, job_id)
    moves.move(db, Move.RELEASED, job_id, by="worker", fields={"hold": True})
    hold = reasons(db, _job(db, job_id), situation())[0]
    assert hold.lifts == (
        "spool queue resume default and spool batch resume films let all of them go on,"
        f" spool unhold {job_id} this job alone"
    )
    pausing.set_hold(db, [job_id], True, "cem")
    for scope in (_QUEUE, _BATCH):
        pausing.resume_scope(db, *scope, "ann")
    assert _job(db, job_id).hold and claimed(db) is None
    (hold,) = reasons(db, _job(db, job_id), situation())
    assert (hold.detail, hold.lifts) == ("it is on hold, by cem", f"spool unhold {job_id}")


def test_starting_a_batch_overrules_persons_and_its_own_pause_but_no_other(db: Any) -> None:
    alone = _running(db)
    with_queue = _running(db)
    held = submitted(db, batch="films", hold=True).id
    free = submitted(db, batch="films").id
    pausing.pause_scope(db, *_BATCH, "ann", soft=False)
    pausing.pause(db, [alone], "bob")
    for job_id in (alone, with_queue):
        _heard(db, job_id)
    with transaction(db):
        JobRow.update(wish_by="cem (with the queue default)").where(JobRow.id == with_queue).execute(db)
    answers = pausing.start_scope(db, *_BATCH, [alone, with_queue, held, free], "dan")
    assert [(answer.job_id, answer.ok, answer.message) for answer in answers] == [
        (alone, True, "is being resumed"),
        (with_queue, False, "stays paused: cem (with the queue default) paused it too"),
        (held, True, "may start"),
    ]
    assert [_state(db, job_id) for job_id in (alone, with_queue)] == [State.RUNNING, State.PAUSED]
    assert not _job(db, held).hold and pauses.pauses(db) == []


def test_a_job_that_leaves_its_batch_is_no_longer_paused_with_it(db: Any) -> None:
    job_id = _running(db)
    pausing.pause_scope(db, *_BATCH, "ann", soft=False)
    _heard(db, job_id)
    batches.assign(db, [job_id], None, "bob")
    assert _state(db, job_id) is State.RUNNING
    assert [event.reason for event in questions.events(db, job_id=job_id)][-2] == "out of films"


_STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["pause", "resume"]), st.sampled_from(_SCOPES)),
        st.tuples(st.sampled_from(["pause alone", "resume alone", "hear", "rescue", "claim"]), st.none()),
    ),
    max_size=14,
)


def _step(db: Any, job_id: int, kept: set[Any], rows: set[Any], step: str, scope: Any) -> None:
    """One order, carried out on the store and on the model: who keeps the job, and what is paused as a whole."""
    live = _job(db, job_id).live
    if step == "pause":
        pausing.pause_scope(db, scope[0], scope[1], "ann", soft=False)
        rows.add(scope)
        kept |= {scope} if live else set()
    elif step == "resume":
        pausing.resume_scope(db, scope[0], scope[1], "ann")
        rows.discard(scope)
        kept.discard(scope)
    elif step == "pause alone":
        pausing.pause(db, [job_id], "bob")
        kept.add("bob")
    elif step == "resume alone":
        pausing.resume(db, [job_id], "bob")
        kept.clear()
    elif step == "hear":
        _heard(db, job_id)
    elif step == "rescue" and live:
        job = _job(db, job_id)
        hold = job.wish.holds(job.state is State.PAUSED)
        assert moves.move(db, Move.RESCUED, job_id, by="worker", fields={"hold": hold})
    elif step == "claim" and not live:
        assert (claimed(db) is not None) is not bool(kept or rows)


def test_any_order_of_pauses_ends_as_whoever_keeps_the_job_says(tmp_path: Path) -> None:
    with opened(target("sqlite", tmp_path)) as db:

        @settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
        @given(_STEPS)
        def check(steps: list[tuple[str, Any]]) -> None:
            wipe(db)
            job_id, kept, rows = _running(db), set[Any](), set[Any]()
            for step, scope in steps:
                _step(db, job_id, kept, rows, step, scope)
                job = _job(db, job_id)
                if job.state is State.QUEUED:
                    assert job.hold is bool(kept)
                else:
                    assert job.wish.holds(job.state is State.PAUSED) is bool(kept)
            _heard(db, job_id)
            assert _job(db, job_id).state is not (State.RUNNING if kept else State.PAUSED)

        check()


def _assigned(db: Any, job_id: int, name: str | None, by: str = "cem") -> str:
    (answer,) = batches.assign(db, [job_id], name, by)
    assert answer.ok
    return answer.message


@pytest.mark.parametrize("heard", [True, False])
def test_a_running_job_that_comes_into_a_hard_paused_batch_is_paused_with_it(db: Any, heard: bool) -> None:
    job_id = running(db).id
    pausing.pause_scope(db, *_BATCH, "bob", soft=False)  # nothing of it runs
    assert _assigned(db, job_id, "films") == "into films, and is being paused with it"
    assert _job(db, job_id).wish is Wish.PAUSE
    if heard:
        assert _state(db, job_id) is State.PAUSED
    told = stopped(db, _job(db, job_id), FAR)
    assert told.detail == "bob paused the batch films and this job with it"
    assert _assigned(db, job_id, None) == "out of films"
    assert _state(db, job_id) is State.RUNNING and _job(db, job_id).wish is Wish.NONE
    assert [one.name for one in pauses.pauses(db, Scope.BATCH)] == ["films"]


def test_it_goes_on_with_the_batch_and_stays_for_whoever_else_paused_it(db: Any) -> None:
    mine, other = running(db).id, running(db).id
    pausing.pause(db, [mine], "ann")
    pausing.pause_scope(db, *_BATCH, "bob", until=2**45, soft=False)
    for job_id in (mine, other):
        _assigned(db, job_id, "films")
        assert _state(db, job_id) is State.PAUSED
    assert pausing.end_pauses(db, 2**45) == ["the pause of the batch films"]
    assert (_state(db, mine), _state(db, other)) == (State.PAUSED, State.RUNNING)
    pausing.pause_scope(db, *_BATCH, "bob", soft=False)
    _assigned(db, mine, None)
    assert _state(db, mine) is State.PAUSED
    assert stopped(db, _job(db, mine), FAR).detail == "ann paused it"


def test_from_one_hard_paused_batch_into_another_it_stands_still_all_the_time(db: Any) -> None:
    job_id = _running(db)
    for name in ("films", "clips"):
        pausing.pause_scope(db, Scope.BATCH, name, f"of {name}", soft=False)
    _heard(db, job_id)
    _assigned(db, job_id, "clips")
    assert (_job(db, job_id).state, _job(db, job_id).wish) == (State.PAUSED, Wish.NONE)
    assert stopped(db, _job(db, job_id), FAR).detail == "of clips paused the batch clips and this job with it"
    pausing.resume_scope(db, Scope.BATCH, "films", "ann")
    assert _state(db, job_id) is State.PAUSED
    pausing.resume_scope(db, Scope.BATCH, "clips", "ann")
    assert _state(db, job_id) is State.RUNNING


@pytest.mark.parametrize("how", [{"soft": True}, {"soft": False, "until": 7000}])
def test_a_soft_pause_and_one_that_is_over_stop_nothing_that_comes(db: Any, how: dict[str, Any]) -> None:
    job_id = running(db).id
    pausing.pause_scope(db, *_BATCH, "bob", **how)
    assert _assigned(db, job_id, "films") == "into films"
    assert (_job(db, job_id).state, _job(db, job_id).wish) == (State.RUNNING, Wish.NONE)


def test_one_that_is_being_cancelled_is_not_paused_and_one_that_waits_is_not_held(db: Any) -> None:
    ending = running(db).id
    waits = submitted(db).id
    orders.cancel(db, [ending], "ann")
    pausing.pause_scope(db, *_BATCH, "bob", soft=False)
    assert {_assigned(db, job_id, "films") for job_id in (ending, waits)} == {"into films"}
    assert _job(db, ending).wish is Wish.CANCEL and not _job(db, waits).hold
    (why,) = reasons(db, _job(db, waits), situation())
    assert why.detail == "bob paused the batch films" and why.lifts == "spool batch resume films"


def test_a_pause_given_anew_is_as_hard_as_the_last_word(db: Any) -> None:
    for soft in (False, True, False):
        pausing.pause_scope(db, *_BATCH, "bob", soft=soft)
        (pause_,) = pauses.pauses(db, Scope.BATCH)
        assert (pause_.soft, pause_.by) == (soft, "bob")
