"""Pauses of queues, sites and batches, and of jobs for a time."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from tests.support.databases import claimed, running, situation, submitted
from workers.errors import UsageError
from workers.jobs import Move, Scope, State, Wish
from workers.store import batches, claims, moves, orders, pauses, pausing, questions
from workers.store.tables import PauseRow
from workers.store.waiting import reasons


def _moves(db: Any, job_id: int) -> list[tuple[str, str, str]]:
    return [(event.move, event.by, event.reason) for event in questions.events(db, job_id=job_id)]


@pytest.mark.parametrize(
    ("scope", "name", "mine", "other"),
    [
        (Scope.SITE, "Example.ORG", {"site": "example.org"}, {"site": "example.com"}),
        (Scope.SITE, "https://www.example.org:8125/a", {"site": "example.org"}, {"site": "badexample.org"}),
        (Scope.SITE, "example.org", {"site": "a.b.example.org"}, {"site": "org"}),
        (Scope.SITE, "e_a.org", {"site": "x.e_a.org"}, {"site": "x.eba.org"}),
        (Scope.SITE, "[::1]:80", {"site": "::1"}, {"site": "127.0.0.1"}),
        (Scope.BATCH, "summer 50%", {"batch": "summer 50%"}, {"batch": "summer"}),
        (Scope.QUEUE, "video", {"queue": "video"}, {"queue": "images"}),
    ],
)
def test_nothing_of_it_starts_until_somebody_says_so(
    db: Any, scope: Scope, name: str, mine: dict[str, Any], other: dict[str, Any]
) -> None:
    job, free = submitted(db, **mine), submitted(db, **other)
    pauses.pause(db, scope, name, until=None, by="ann")
    (why,) = reasons(db, job, situation())
    assert why.reason == "paused" and why.detail.startswith(f"ann paused the {scope.value} ")
    assert why.lifts == f"spool {scope.value} resume {shlex.quote(pauses.scope_name(scope, name))}"
    assert claimed(db, job.queue) in (None, questions.job_by_id(db, free.id))
    assert reasons(db, free, situation()) == []
    assert pauses.resume(db, scope, name, "bob") and not pauses.resume(db, scope, name, "bob")
    assert reasons(db, job, situation()) == []
    assert [event[:2] for event in _moves(db, 0)] == [
        (f"{scope.value} paused", "ann"),
        (f"{scope.value} resumed", "bob"),
    ]


def test_a_pause_whose_time_has_passed_is_none(db: Any) -> None:
    job = submitted(db, batch="summer")
    pauses.pause(db, Scope.BATCH, "summer", until=7000, by="ann")
    pauses.pause(db, Scope.SITE, "example.org", until=None, by="ann")
    for moment, found in ((6999, ["summer", "example.org"]), (7000, ["example.org"])):
        assert [one.name for one in pauses.pauses(db, at=moment)] == found
        assert [one.name for one in pauses.over(db, moment)] == ([] if "summer" in found else ["summer"])
        assert bool(reasons(db, job, situation(now=moment))) is ("summer" in found)
    assert batches.batches(db, "summer")[0].pause is None
    assert pauses.pauses(db, Scope.BATCH) == [] and pauses.pauses(db, Scope.SITE)[0].by == "ann"


def test_a_hard_pause_of_a_site_stops_what_runs_and_brings_it_back(db: Any) -> None:
    inside, outside = running(db, site="example.org"), running(db, queue="video", site="example.com")
    (answer,) = pausing.pause_scope(db, Scope.SITE, "example.org", "ann", until=2**45, soft=False)
    assert answer.job_id == inside.id
    assert questions.job_by_id(db, outside.id).wish is Wish.NONE
    moves.move(db, Move.PAUSED, inside.id, by="ann")
    assert pausing.end_pauses(db, 2**45 - 1) == []
    assert pausing.end_pauses(db, 2**45) == ["the pause of the site example.org"]
    assert questions.job_by_id(db, inside.id).wish is Wish.RESUME


def test_a_job_held_for_a_time_comes_back_by_itself(db: Any) -> None:
    job = submitted(db)
    pausing.pause(db, [job.id], "ann", until=2**45)
    (why,) = reasons(db, questions.job_by_id(db, job.id), situation(now=2**45 - 5000))
    assert why.reason == "hold" and why.detail.endswith("5s from now, by ann")
    assert pausing.end_pauses(db, 2**45 - 1) == []
    assert pausing.end_pauses(db, 2**45) == [f"the pause of job {job.id}"]
    job = questions.job_by_id(db, job.id)
    assert (job.hold, job.pause_until) == (False, None)
    assert _moves(db, job.id)[-1] == ("unheld", "worker", "its time is over")


def test_a_running_job_paused_for_a_time_is_resumed_even_after_its_worker_died(db: Any) -> None:
    job = running(db)
    pausing.pause(db, [job.id], "ann", until=2**45)
    moves.move(db, Move.PAUSED, job.id, by="ann")
    assert questions.job_by_id(db, job.id).pause_until == 2**45
    moves.move(db, Move.RESCUED, job.id, by="worker", fields={"hold": True})
    assert questions.job_by_id(db, job.id).pause_until == 2**45
    assert pausing.end_pauses(db, 2**45) == [f"the pause of job {job.id}"]
    assert not questions.job_by_id(db, job.id).hold


def test_a_soft_pause_asks_a_running_job_to_wait_after_what_it_has_in_hand(db: Any) -> None:
    job = running(db)
    pausing.pause(db, [job.id], "ann", soft=True)
    assert questions.job_by_id(db, job.id).wish is Wish.HOLD
    assert questions.job_by_id(db, job.id).state is State.RUNNING
    pausing.resume(db, [job.id], "ann")
    assert questions.job_by_id(db, job.id).wish is Wish.RESUME  # its runner may have heard of the pause


def test_a_hard_pause_of_a_site_stops_its_subdomains_too_as_a_query_finds_them(db: Any) -> None:
    names = ("cdn.example.org", "example.org", "badexample.org", "example.org.net")
    jobs = {name: running(db, site=name).id for name in names}
    pausing.pause_scope(db, Scope.SITE, "www.example.org", "ann", soft=False)
    asked = {name for name, job_id in jobs.items() if questions.job_by_id(db, job_id).wish is Wish.PAUSE}
    found = set(questions.job_ids(db, "site:example.org"))
    assert asked == {"cdn.example.org", "example.org"} == {name for name in names if jobs[name] in found}
    pausing.resume_scope(db, Scope.SITE, "example.org", "ann")
    assert questions.job_by_id(db, jobs["cdn.example.org"]).wish is Wish.NONE


def test_a_pause_by_a_name_that_no_site_has_can_still_be_ended(db: Any) -> None:
    values = {"scope": "site", "name": "*.example.org", "since": 1, "until": 5, "by": "ann", "soft": True}
    PauseRow.insert(**values).execute(db)
    assert pausing.end_pauses(db, 9) == ["the pause of the site *.example.org"]
    PauseRow.insert({**values, "name": "www.example.org"}).execute(db)
    assert pausing.resume_scope(db, Scope.SITE, "www.example.org", "bob") and pauses.pauses(db, at=1) == []


def test_what_cannot_be_paused(db: Any) -> None:
    sites = [(Scope.SITE, name) for name in (" ", "*.example.org", "..", "-x")]
    for scope, name in (*sites, (Scope.QUEUE, "vidio"), (Scope.BATCH, "")):
        with pytest.raises(UsageError):
            pauses.pause(db, scope, name, until=None, by="ann")
    assert pauses.pauses(db) == []


def test_a_chain_that_asks_for_any_end_goes_on_after_a_failure(db: Any) -> None:
    first = running(db)
    strict, easy = submitted(db, after=(first.id,)), submitted(db, after_ended=(first.id,))
    (why,) = reasons(db, easy, situation())
    assert (why.reason, why.lifts) == ("dependency", "it starts when that job has ended")
    moves.move(db, Move.FAILED, first.id, by="worker")
    assert questions.job_by_id(db, strict.id).state is State.SKIPPED
    easy = questions.job_by_id(db, easy.id)
    assert (easy.after, easy.after_ended) == ((first.id,), (first.id,))
    assert reasons(db, easy, situation()) == [] and claimed(db) == questions.job_by_id(db, easy.id)


def test_windows_hold_jobs_and_queues(db: Any) -> None:
    job, free = submitted(db, window="22:00-06:00"), submitted(db)
    (why,) = reasons(db, job, situation(now=0, windows=("sat",)))
    assert why.reason == "window" and why.detail.startswith("outside its window 22:00-06:00 (next at ")
    assert reasons(db, job, situation(windows=("22:00-06:00",))) == []
    (why,) = reasons(db, free, situation(closed_queues=("default",)))
    assert (why.reason, why.lifts) == ("window", "it starts within them; windows.default in config.toml changes them")
    assert claimed(db) == questions.job_by_id(db, free.id)
    assert claimed(db) is None
    assert orders.schedule(db, [job.id], "ann", window="")[0].message == "at any time"
    assert claimed(db) == questions.job_by_id(db, job.id)


def test_a_window_that_nobody_named_before_holds_its_first_job(db: Any) -> None:
    """It is submitted between the look at the clock and the claim: nobody has asked yet whether it is open."""
    looked = situation(windows=("sat",))
    job = submitted(db, window="22:00-06:00")
    assert claims.claim(db, "default", 1, looked) is None
    assert claimed(db, windows=("sat", "22:00-06:00")) == questions.job_by_id(db, job.id)


def test_a_window_that_cannot_be_read_holds_its_job_and_no_other(db: Any) -> None:
    strange = submitted(db, window="at full moon")
    (why,) = reasons(db, strange, situation(now=0))
    assert why.detail == "outside its window at full moon, which this version cannot read"
    assert why.lifts == f"it starts within it; spool schedule {strange.id} --window any lifts it"
    free = submitted(db)
    assert claimed(db) == questions.job_by_id(db, free.id)
