"""Claims: which job comes next, and that none is ever given twice, by threads and by processes."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.databases import claimed, opened, running, situation, submitted
from workers.jobs import QUEUES, Move, Priority, State
from workers.store import batches, claims, hosts, moves, orders, pausing, places, questions
from workers.store.database import open_database, transaction
from workers.store.tables import JobRow


def _in_threads(number: int, work: Callable[[int], None]) -> None:
    """Run `work(0)`, `work(1)` … at once; the first error of any is raised here."""
    errors: list[BaseException] = []
    gate = threading.Barrier(number)

    def guarded(which: int) -> None:
        try:
            gate.wait(30)
            work(which)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(which,)) for which in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    if errors:
        raise errors[0]


def test_the_most_urgent_comes_first_then_the_order_of_submission(db: Any) -> None:
    wanted = [Priority.LOW, Priority.NORMAL, Priority.URGENT, Priority.NORMAL, Priority.HIGH]
    ids = [submitted(db, priority=priority).id for priority in wanted]
    order = [job.id for job in iter(lambda: claimed(db), None)]
    assert order == [ids[2], ids[4], ids[1], ids[3], ids[0]]


def test_a_claim_gives_the_job_to_its_worker_and_raises_the_lease(db: Any) -> None:
    job_id = submitted(db).id
    found = claims.claim(db, "default", 7, situation())
    assert found is not None and found.published == "[]" and found.worker_deaths == 0
    assert (found.job.id, found.job.state, found.job.lease, found.job.attempts) == (job_id, State.RUNNING, 1, 1)
    assert [orphan.job_id for orphan in hosts.orphans(db)] == [job_id]
    assert claims.claim(db, "default", 7, situation()) is None
    assert claims.claim(db, "video", 7, situation()) is None


def _claimable(db: Any, now: int) -> dict[str, int]:
    found = {queue: claims.claimable(db, queue, 10, situation(now=now)) for queue in QUEUES}
    return {queue: number for queue, number in found.items() if number}


def test_claimable_counts_what_could_start_by_queue(db: Any) -> None:
    for queue in ("video", "video", "images"):
        submitted(db, queue=queue)
    submitted(db, queue="images", hold=True)
    submitted(db, queue="metadata", run_after=1000)
    assert _claimable(db, 999) == {"video": 2, "images": 1}
    assert _claimable(db, 1000) == {"video": 2, "images": 1, "metadata": 1}
    assert [claims.claimable(db, "video", most, situation()) for most in (0, 1, 2, 3)] == [0, 1, 2, 2]


def _steps(db: Any, act: Callable[[], object]) -> int:
    """How many steps SQLite's machine takes for it: what it costs, whatever else the host does."""
    act()
    counted: list[int] = []
    db.connection().set_progress_handler(lambda: counted.append(1), 1)
    act()
    db.connection().set_progress_handler(None, 1)
    return len(counted)


def test_counting_what_could_start_reads_no_more_than_is_asked_for(tmp_path: Path) -> None:
    with opened(str(tmp_path / "store.db")) as db:
        steps = []
        for more in (20, 480):
            for _ in range(more):
                submitted(db)
            steps.append(_steps(db, lambda: claims.claimable(db, "default", 4, situation())))
    assert steps[1] < steps[0] * 1.5


@pytest.mark.parametrize("which", ["batch", "site"])
def test_many_jobs_that_wait_for_room_cost_each_the_same(tmp_path: Path, which: str) -> None:
    """Ten thousand jobs of a batch that is full took a claim ten seconds while each of them counted the batch."""
    with opened(str(tmp_path / "store.db")) as db:
        batches.set_limit(db, "b", 1, "ann")
        running(db, **{which: "b"})
        steps = []
        for more in (50, 150):
            for _ in range(more):
                submitted(db, **{which: "b"})
            steps.append(_steps(db, lambda: claims.next_priority(db, "default", situation(per_site=1))))
        assert claims.next_priority(db, "default", situation(per_site=1)) is None
    assert steps[1] < steps[0] * 5


def test_one_that_had_its_turn_goes_first_when_asked_to_but_not_before_what_is_more_urgent(where: str) -> None:
    with opened(where) as db:
        big, small, urgent = submitted(db).id, submitted(db).id, submitted(db, priority=Priority.URGENT).id
        with transaction(db):
            JobRow.update(position=places.after_turn(db)).where(JobRow.id == big).execute(db)
        taken = [claims.claim(db, "default", 1, situation(), turned_first=True) for _ in range(4)]
        assert [one and one.job.id for one in taken] == [urgent, big, small, None]


def test_threads_racing_for_claims_never_share_a_job(where: str) -> None:
    with opened(where) as db:
        for _ in range(60):
            submitted(db)
        taken: list[tuple[int, int]] = []

        def work(which: int) -> None:
            while (job := claimed(db, worker_id=which + 1)) is not None:
                taken.append((job.id, job.lease))
                assert moves.move(db, Move.SUCCEEDED, job.id, by="worker", lease=job.lease)
            db.close()

        _in_threads(4, work)
        assert sorted(taken) == [(number, 1) for number in range(1, 61)]
        assert questions.counts(db)[State.SUCCEEDED] == 60
        revisions = [event.revision for event in questions.events(db)]
        assert revisions == list(range(1, 181))


def test_separate_connections_racing_for_claims_never_share_a_job(where: str) -> None:
    """Every thread with a database of its own, as several processes have: no lock of ours is shared."""
    with opened(where) as db:
        for _ in range(40):
            submitted(db)
        taken: list[int] = []

        def work(which: int) -> None:
            own = open_database(where)
            while (job := claimed(own, worker_id=which + 1)) is not None:
                taken.append(job.id)
            own.close()

        _in_threads(3, work)
        assert sorted(taken) == list(range(1, 41))
        assert {job.attempts for job in questions.jobs(db)} == {1}


def test_the_limit_of_a_site_holds_when_threads_race(where: str) -> None:
    with opened(where) as db:
        for number in range(12):
            submitted(db, site=f"{number % 2}.example.org")
        taken: list[str | None] = []

        def work(which: int) -> None:
            own = open_database(where)
            while (job := claimed(own, per_site=2)) is not None:
                taken.append(job.site)
            own.close()

        _in_threads(4, work)
        assert Counter(taken) == {"0.example.org": 2, "1.example.org": 2}


def test_orders_over_many_jobs_and_claims_never_wait_for_each_other(where: str) -> None:
    """Ids in opposite orders, chains that are skipped, claims: on PostgreSQL row locks alone would deadlock."""
    with opened(where) as db:
        ids = [submitted(db).id for _ in range(30)]
        for job_id in ids:
            submitted(db, queue="video", after=(job_id,))

        def work(which: int) -> None:
            own = open_database(where)
            mine = ids if which % 2 else list(reversed(ids))
            for _ in range(3):
                orders.set_priority(own, mine, Priority.HIGH, "ann")
                pausing.set_hold(own, mine, bool(which % 2), "ann")
                claimed(own)
            orders.cancel(own, mine, "ann")
            own.close()

        _in_threads(4, work)
        counts = questions.counts(db)
        live = counts[State.RUNNING]
        assert counts[State.CANCELLED] == 30 - live == counts[State.SKIPPED]
        assert counts[State.QUEUED] == live


def test_the_same_submission_key_at_once_gives_one_job(where: str) -> None:
    with opened(where) as db:
        got: list[int] = []

        def work(which: int) -> None:
            own = open_database(where)
            got.extend(submitted(own, submission_key=f"key {number}").id for number in range(10))
            own.close()

        _in_threads(4, work)
        assert sorted(Counter(got).values()) == [4] * 10
        assert questions.count(db) == 10


_SUBMITTER = """
import sys
import peewee
from tests.support.databases import open_database, submitted
db = open_database(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
for number in range(40):
    submitted(db, title=f"{sys.argv[2]} {number}")
"""


def test_two_processes_submitting_at_once_lose_nothing(where: str) -> None:
    children = [
        subprocess.Popen(
            [sys.executable, "-c", _SUBMITTER, where, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for name in ("one", "two")
    ]
    for child in children:
        assert child.stdout is not None and child.stdout.readline() == "ready\n"
    for child in children:
        child.communicate("go\n", timeout=60)
    assert [child.returncode for child in children] == [0, 0]
    with opened(where) as db:
        jobs = questions.jobs(db, sort="id")
        assert [job.id for job in jobs] == list(range(1, 81))
        assert {job.title for job in jobs} == {f"{name} {number}" for name in ("one", "two") for number in range(40)}
        assert [job.revision for job in jobs] == list(range(1, 81))


def test_a_reader_never_sees_a_revision_before_an_earlier_one(where: str) -> None:
    """Else a console that asks for what is newer than the last it saw would miss a change for ever."""
    with opened(where) as db:
        running(db)
        done = threading.Event()
        seen: list[int] = []

        def write(which: int) -> None:
            own = open_database(where)
            for _ in range(10):
                submitted(own)
            own.close()

        def read() -> None:
            own, last = open_database(where), 0
            while True:
                ended = done.wait(0.0005)  # and lets writers have the interpreter
                for event in questions.events(own, last):
                    seen.append(event.revision)
                    last = event.revision
                if ended:
                    break
            own.close()

        reader = threading.Thread(target=read)
        reader.start()
        try:
            _in_threads(3, write)
        finally:
            done.set()
            reader.join(30)
        assert seen == list(range(1, 33))
