"""The links of a chain: who is ahead of a job, and which of many are kept by something else than a job."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.databases import ended, running, situation, submitted
from workers.jobs import Move, Scope, State
from workers.store import links, moves, pauses


def test_who_is_ahead_is_what_has_not_ended(db: Any) -> None:
    done = ended(db)
    runs = running(db).id
    waits = submitted(db).id
    job = submitted(db, after=(done, runs, waits))
    assert links.ahead(db, job.id) == ((runs, State.RUNNING), (waits, State.QUEUED))
    assert links.ahead(db, waits) == () == links.ahead(db, 999)


def test_the_ends_of_a_chain_and_what_is_sure_of_them(db: Any) -> None:
    paused = running(db).id
    moves.move(db, Move.PAUSED, paused, by="ann")
    held, ready = submitted(db, hold=True).id, submitted(db).id
    link, held_link = (submitted(db, after=(ready,), hold=hold).id for hold in (False, True))
    found = links.ends(db, [paused, held, ready, link, held_link], situation())
    assert found == {paused: True, held: True, ready: False, held_link: True}


@pytest.mark.parametrize("queue", ["default", "video"])
def test_a_pause_of_their_queue_keeps_links_too(db: Any, queue: str) -> None:
    first = submitted(db).id
    link = submitted(db, after=(first,)).id
    pauses.pause(db, Scope.QUEUE, queue, until=None, by="ann")
    mine = queue == "default"
    assert links.ends(db, [first, link], situation()) == ({first: True, link: True} if mine else {first: False})
    assert links.ends(db, [], situation()) == {}
