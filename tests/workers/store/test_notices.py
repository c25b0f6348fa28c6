"""What of the history is told: each thing once, the end of a batch with its last job, over pages and restarts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.databases import submitted
from workers.jobs import Move
from workers.store import chains, moves, notices, questions
from workers.store.notices import Line

ALL = frozenset({"done", "failed", "batch_done", "disk_low", "worker_restarted"})


def _end(db: Any, job_id: int, move: Move, reason: str = "") -> int:
    assert moves.move(db, Move.CLAIMED, job_id, by="worker")
    assert moves.move(db, move, job_id, by="runner", reason=reason)
    return questions.revision(db)


def test_ends_and_alerts_are_told_with_their_reason_and_nothing_else(db: Any) -> None:
    done, failed, cancelled = (submitted(db).id for _ in range(3))
    first = _end(db, done, Move.SUCCEEDED)
    second = _end(db, failed, Move.FAILED, "the disk refuses")
    assert moves.move(db, Move.CANCELLED, cancelled, by="me")
    notices.record_alert(db, "disk_low", "1 GB free")
    notices.record_alert(db, "disk_ok", "9 GB free")
    last = questions.revision(db)
    lines, seen = notices.happened(db, 0, ALL)
    assert lines == [
        Line(first, "done", done, "", ""),
        Line(second, "failed", failed, "the disk refuses", ""),
        Line(last - 1, "disk_low", 0, "1 GB free", ""),
    ]
    assert seen == last and notices.happened(db, seen, ALL) == ([], last)
    assert [line.event for line in notices.happened(db, 0, {"failed"})[0]] == ["failed"]
    assert notices.happened(db, second, {"failed", "done"})[0] == []
    assert notices.last_alert(db, ("disk_low", "disk_ok")) == "disk_ok"
    assert notices.last_alert(db, ("worker_restarted",)) == ""


def test_a_batch_ends_with_its_last_job_once(db: Any) -> None:
    jobs = [submitted(db, batch="trip").id for _ in range(3)]
    _end(db, jobs[0], Move.SUCCEEDED)
    _end(db, jobs[1], Move.FAILED)
    lines, seen = notices.happened(db, 0, {"batch_done"})
    assert lines == [], "a job of it waits"
    assert moves.move(db, Move.CANCELLED, jobs[2], by="me")
    lines, later = notices.happened(db, seen, {"batch_done"})
    assert lines == [Line(later, "batch_done", 0, "1 succeeded, 1 failed, 1 cancelled", "trip")]
    assert notices.happened(db, 0, {"batch_done"})[0] == lines, "looked at as a whole it is the same"
    assert notices.happened(db, later, {"batch_done"})[0] == []
    chains.retry(db, [jobs[1]], "me")
    assert notices.happened(db, 0, {"batch_done"})[0] == [], "it goes on"
    _end(db, jobs[1], Move.SUCCEEDED)
    (line,) = notices.happened(db, later, {"batch_done"})[0]
    assert line.text == "2 succeeded, 1 cancelled"


def test_pages_lose_and_double_nothing(db: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = [submitted(db, batch="all").id for _ in range(7)]
    for job_id in jobs:
        _end(db, job_id, Move.SUCCEEDED)
    whole, last = notices.happened(db, 0, ALL)
    assert [line.event for line in whole] == ["done"] * 7 + ["batch_done"]
    monkeypatch.setattr(notices, "_PAGE", 3)
    found: list[Line] = []
    seen = steps = 0
    while seen < last:
        lines, seen = notices.happened(db, seen, ALL)
        found += lines
        steps += 1
    assert found == whole and steps > 2


def test_ways_begin_now_remember_and_are_forgotten(db: Any) -> None:
    submitted(db)
    now = questions.revision(db)
    assert notices.begin(db, ["a", "b"]) == {"a": now, "b": now}
    submitted(db)
    notices.told_up_to(db, "a", now - 1)
    assert notices.begin(db, ["a", "b", "c"]) == {"a": now - 1, "b": now, "c": now + 1}
    assert notices.begin(db, ["b"]) == {"b": now}
    assert notices.begin(db, ["a", "b"]) == {"a": now + 1, "b": now}, "what was taken out begins anew"
    assert notices.begin(db, []) == {}
    assert questions.revision(db) == now + 1
