"""Why a job stands still: who paused or held it, alone or with what, and the command that lifts it."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from tests.support.databases import FAR, claimed, running, situation, submitted
from workers.jobs import Job, Move, Scope
from workers.store import moves, orders, pausing, questions
from workers.store.standing import stopped
from workers.store.waiting import reasons


def _paused(db: Any, **wishes: Any) -> Job:
    """A job that ran, and stands still since its batch, site or queue was paused, or a person asked for it alone."""
    job = running(db, **wishes)
    return questions.job_by_id(db, job.id)


def test_a_job_that_was_paused_with_its_batch_names_who_and_what_lifts_it(db: Any) -> None:
    job = _paused(db, batch="films")
    pausing.pause_scope(db, Scope.BATCH, "films", "ann", until=9_000_000_000_000, soft=False)
    moves.move(db, Move.PAUSED, job.id, by="ann")
    told = stopped(db, job, 9_000_000_000_000 - 60_000)
    assert told.reason == "paused"
    assert told.detail.startswith(
        "ann paused the batch films and this job with it until 2255-03-14T16:00:00.000Z, 1m00s"
    )
    assert told.lifts == f"spool batch resume films lets all of it go on, spool resume {job.id} this job alone"


def test_a_job_that_was_paused_with_its_site_and_then_held_by_a_restart_names_it(db: Any) -> None:
    job = _paused(db, site="example.org")
    pausing.pause_scope(db, Scope.SITE, "example.org", "bob", soft=False)
    moves.move(db, Move.PAUSED, job.id, by="bob")
    told = stopped(db, job, FAR)
    assert told.detail == "bob paused the site example.org and this job with it"
    assert told.lifts.startswith("spool site resume example.org lets all of it go on")
    moves.move(db, Move.RELEASED, job.id, by="worker", fields={"hold": True})
    hold = reasons(db, questions.job_by_id(db, job.id), situation())[0]
    assert hold.reason == "hold" and hold.detail == told.detail
    assert hold.lifts.endswith(f"spool unhold {job.id} this job alone")


def test_a_job_that_was_paused_alone_names_who_and_until_when(db: Any) -> None:
    job = _paused(db, batch="films")
    pausing.pause(db, [job.id], "ann", until=9_000_000_000_000)
    moves.move(db, Move.PAUSED, job.id, by="ann")
    told = stopped(db, questions.job_by_id(db, job.id), 9_000_000_000_000 - 5_000)
    assert told.detail == "ann paused it until 2255-03-14T16:00:00.000Z, 5s from now"
    assert told.lifts == f"spool resume {job.id} lets it go on"


def test_a_command_that_lifts_a_pause_can_be_pasted(db: Any) -> None:
    name = "summer; rm -r ~"
    job = submitted(db, batch=name)
    pausing.pause_scope(db, Scope.BATCH, name, "ann")
    (why,) = reasons(db, job, situation())
    assert shlex.split(why.lifts) == ["spool", "batch", "resume", name]
    pausing.resume_scope(db, Scope.BATCH, name, "ann")
    assert claimed(db) is not None
    pausing.pause_scope(db, Scope.BATCH, name, "ann", soft=False)
    moves.move(db, Move.PAUSED, job.id, by="ann")
    told = stopped(db, questions.job_by_id(db, job.id), FAR)
    assert told.lifts.startswith(f"spool batch resume {shlex.quote(name)} lets all of it go on")


@pytest.mark.parametrize(
    ("order", "words"), [(pausing.resume, "it is being resumed"), (orders.cancel, "it is being cancelled")]
)
def test_a_paused_job_that_somebody_wants_to_move_says_so(db: Any, order: Any, words: str) -> None:
    job = running(db)
    pausing.pause(db, [job.id], "ann")
    moves.move(db, Move.PAUSED, job.id, by="ann")
    order(db, [job.id], "ann")
    assert stopped(db, questions.job_by_id(db, job.id), FAR).detail == words
