"""Questions: every predicate against data, sorts, pages of changes, counts."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.databases import KINDS, ended, new_job, opened, running, submitted, target
from workers.errors import NoSuchJob, UsageError
from workers.jobs import ItemRecord, Move, Outcome, Priority, Progress, State
from workers.store import moves, pausing, questions, reports, submissions
from workers.store.database import open_database, transaction
from workers.store.records import now_ms
from workers.store.tables import JobRow


def _aged(db: Any, job_id: int, seconds: float) -> None:
    with transaction(db):
        JobRow.update(submitted_at=now_ms() - int(seconds * 1000)).where(JobRow.id == job_id).execute(db)


@pytest.fixture(scope="module", params=KINDS)
def stocked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Eight jobs that differ in everything that can be asked for; the tests change nothing."""
    with opened(target(request.param, tmp_path_factory.mktemp("stocked"))) as db:
        _stock(db)
        yield db


def _stock(db: Any) -> None:
    ended(db, Move.FAILED, title="Holiday 100% film", site="example.org", queue="downloads", by="ann")  # 1
    ended(db, title="holiday_2024.mp4", site="cdn.example.org", queue="downloads", operation="noop", by="bob")  # 2
    running(db, title="ÄRGER im Straßenverkehr", site="badexample.org", batch="b\\1", queue="video")  # 3
    submitted(db, title="back\\slash 'quote' \"double\"", priority=Priority.HIGH, batch="films")  # 4
    submitted(db, title="e\u0301te\u0301 😀 \U0001f3ac", priority=Priority.LOW, operation="other")  # 5
    ended(db, Move.CANCELLED, title="plain", queue="images")  # 6
    submitted(db, title="Ωμέγα", site="Example.ORG")  # 7
    ended(db, Move.SKIPPED, title="state:failed", queue="metadata")  # 8
    for job_id in range(1, 9):
        _aged(db, job_id, job_id * 3600 - 60)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {1, 2, 3, 4, 5, 6, 7, 8}),
        ("state:failed", {1}),
        ("state:failed,cancelled", {1, 6}),
        ("-state:queued", {1, 2, 3, 6, 8}),
        ("queue:downloads", {1, 2}),
        ("-queue:downloads,video", {4, 5, 6, 7, 8}),
        ("operation:other", {5}),
        ("priority:high", {4}),
        ("priority:low,high", {4, 5}),
        ("-priority:normal", {4, 5}),
        ("site:example.org", {1, 2, 7}),
        ("site:EXAMPLE.org", {1, 2, 7}),
        ("site:www.example.org", {1, 2, 7}),
        ("site:example.org:8080", {1, 2, 7}),
        ("site:cdn.example.org", {2}),
        ("-site:example.org", {3, 4, 5, 6, 8}),
        ("site:e_ample.org", set()),
        ("site:%", set()),
        ("batch:films", {4}),
        ("-batch:films", {1, 2, 3, 5, 6, 7, 8}),
        ('batch:"b\\1"', {3}),
        ("id:2", {2}),
        ("id:2-4,7", {2, 3, 4, 7}),
        ("-id:2-7", {1, 8}),
        ("id<3", {1, 2}),
        ("id>6", {7, 8}),
        ("id:999999999999999", set()),
        ("id<999999999999999", {1, 2, 3, 4, 5, 6, 7, 8}),
        ("by:bob", {2}),
        ("-by:ann", {2}),
        ("older:2h newer:5h", {3, 4, 5}),
        ("-older:2h", {1, 2}),
        ("id:6-", {6, 7, 8}),
        ("id:-3,7", {1, 2, 3, 7}),
        ("age>2h", {3, 4, 5, 6, 7, 8}),
        ("age<2h", {1, 2}),
        ("age>2h age<5h", {3, 4, 5}),
        ("-age>2h", {1, 2}),
        ("holiday", {1, 2}),
        ("HOLIDAY", {1, 2}),
        ("holiday film", {1}),
        ("-holiday", {3, 4, 5, 6, 7, 8}),
        ("100%", {1}),
        ("%", {1}),
        ("_", {2}),
        ("holiday_", {2}),
        ("back\\slash", {4}),
        ("\\", {4}),
        ("'quote'", {4}),
        ("ärger", {3}),
        ("STRASSE", {3}),
        ("straße", {3}),
        ("ΩΜΈΓΑ", {7}),
        ("\xe9t\xe9", {5}),
        ("\U0001f3ac", {5}),
        ('"state:failed"', {8}),
        ("\udc80", set()),
        ("a\0b", set()),
        ("state:queued -priority:low batch:films", {4}),
    ],
)
def test_every_predicate(stocked: Any, query: str, expected: set[int]) -> None:
    assert set(questions.job_ids(stocked, query)) == expected
    assert questions.count(stocked, query) == len(expected)
    assert {job.id for job in questions.jobs(stocked, query)} == expected


def test_sorts(stocked: Any) -> None:
    def ids(sort: str) -> list[int]:
        return list(questions.job_ids(stocked, sort=sort))

    assert ids("id") == list(range(1, 9)) and ids("-id") == list(range(8, 0, -1))
    assert ids("age") == list(range(8, 0, -1))
    assert ids("")[:4] == [3, 4, 7, 5]  # what runs, then what waits in the order it will start
    assert set(ids("")[4:]) == {1, 2, 6, 8}
    names = [job.title for job in questions.jobs(stocked, sort="name")]
    assert names.index("Holiday 100% film") < names.index("holiday_2024.mp4") < names.index("plain")
    for sort in questions.SORTS:
        assert sorted(ids(sort)) == list(range(1, 9))
    with pytest.raises(UsageError, match="no sort 'size'"):
        ids("size")


def test_what_ended_last_comes_first(db: Any) -> None:
    ids = [ended(db) for _ in range(4)]
    assert list(questions.job_ids(db)) == list(reversed(ids))


def test_pages(db: Any) -> None:
    ids = [submitted(db).id for _ in range(7)]
    assert [job.id for job in questions.jobs(db, limit=3)] == ids[:3]
    assert [job.id for job in questions.jobs(db, limit=3, offset=5)] == ids[5:]
    assert [job.id for job in questions.jobs(db, offset=6)] == ids[6:]
    assert questions.jobs(db, limit=0) == []


def test_many_ids_at_once(db: Any) -> None:
    job = submitted(db)
    assert questions.jobs_by_id(db, [*range(-5, 3000), 2**31, 2**63, 2**80]) == {job.id: job}


@pytest.mark.parametrize("job_id", [0, -1, 2, 2**31, 2**63, 2**100])
def test_no_such_job(db: Any, job_id: int) -> None:
    submitted(db)
    with pytest.raises(NoSuchJob, match=f"there is no job {job_id}"):
        questions.job_by_id(db, job_id)


def test_changes_come_in_pages_without_loss(db: Any) -> None:
    """Also when progress of many jobs is written at once: each has a revision of its own."""
    jobs = [running(db) for _ in range(9)]
    start = questions.revision(db)
    reports.write_progress(db, {(job.id, job.lease): Progress(0.5) for job in jobs})
    seen: list[int] = []
    while page := questions.jobs_since(db, start, 4):
        seen += [job.id for job in page]
        start = page[-1].revision
    assert sorted(seen) == [job.id for job in jobs]
    assert questions.revision(db) == start


def test_a_change_moves_a_job_to_the_end_of_the_changes(db: Any) -> None:
    first, second = submitted(db).id, submitted(db).id
    pausing.set_hold(db, [first], True, "ann")
    assert [job.id for job in questions.jobs_since(db, 0, 10)] == [second, first]


def test_every_way_to_ask_gives_the_same_job(db: Any) -> None:
    first = submitted(db).id
    second = submitted(db, after=(first,), hold=True)
    assert questions.jobs_by_id(db, [second.id])[second.id] == second
    assert questions.jobs(db, f"id:{second.id}") == [second]
    assert questions.jobs_since(db, second.revision - 1, 5) == [second]
    for move in (Move.CLAIMED, Move.SUCCEEDED):
        assert moves.move(db, move, second.id, by="worker")
        job = questions.job_by_id(db, second.id)
        assert job.after == (first,)
        assert questions.jobs(db, f"id:{second.id}") == [job]


def test_counts_hold_every_state(db: Any) -> None:
    assert questions.counts(db) == dict.fromkeys(State, 0)
    running(db)
    submitted(db)
    assert questions.counts(db) == {**dict.fromkeys(State, 0), State.RUNNING: 1, State.QUEUED: 1}


def test_events_of_one_job_and_of_all(db: Any) -> None:
    first = ended(db)
    second = submitted(db).id
    assert [event.move for event in questions.events(db, job_id=first)] == ["submitted", "claimed", "succeeded"]
    assert [event.job_id for event in questions.events(db)] == [first, first, first, second]
    assert [event.revision for event in questions.events(db, since=2)] == [3, 4]
    assert len(questions.events(db, limit=2)) == 2
    assert questions.events(db, since=questions.revision(db)) == []


def test_items_by_outcome_and_page(db: Any) -> None:
    job = running(db)
    outcomes = [ItemRecord(f"{number:02}", list(Outcome)[number % 4]) for number in range(12)]
    reports.write_items(db, job.id, job.lease, outcomes)
    assert [item.key for item in questions.items(db, job.id)] == [f"{number:02}" for number in range(12)]
    assert [item.key for item in questions.items(db, job.id, "failed")] == ["01", "05", "09"]
    assert [item.key for item in questions.items(db, job.id, offset=10)] == ["10", "11"]
    assert [item.key for item in questions.items(db, job.id, limit=1)] == ["00"]


def test_ids_are_of_one_moment_while_jobs_move(where: str) -> None:
    """A job that is claimed or ends between two of the questions is named once all the same."""
    with opened(where) as db:
        number = 12
        for _ in range(number):
            submissions.submit(db, new_job())
        stop = threading.Event()

        def churn() -> None:
            own = open_database(where)
            while not stop.is_set():
                for move in (Move.CLAIMED, Move.SUCCEEDED, Move.RESTARTED):
                    for job_id in range(1, number + 1):
                        moves.move(own, move, job_id, by="test")
            own.close()

        thread = threading.Thread(target=churn)
        thread.start()
        try:
            for _ in range(60):
                assert sorted(questions.job_ids(db)) == list(range(1, number + 1))
                assert len(questions.jobs(db)) == number
        finally:
            stop.set()
            thread.join(30)


def test_a_job_without_items_keeps_its_facts(db: Any) -> None:
    job = ended(db)
    with transaction(db):
        JobRow.update(detail='{"groups": 3}').where(JobRow.id == job).execute(db)
    assert questions.result(db, job) == {"groups": 3}
    assert questions.result(db, submitted(db).id) == {}
    assert questions.result(db, 99) == {}
