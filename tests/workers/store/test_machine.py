"""Random interleavings of moves by people and several workers, against the real store and a model of it."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.support.databases import claimed, opened, submitted, target, wipe
from workers.jobs import FINAL, LIVE, MOVES, ItemRecord, Job, JobEvent, Move, Outcome, Priority, Progress, State
from workers.store import chains, moves, orders, pausing, places, questions, reports
from workers.store.tables import ItemRow

_ENDS = (Move.SUCCEEDED, Move.FAILED, Move.RETRIED, Move.RELEASED, Move.RESCUED, Move.PAUSED, Move.RESUMED)
_LONG = settings(
    max_examples=40,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)


_ORDERS = {"cancel": orders.cancel, "pause": pausing.pause, "resume": pausing.resume, "retry": chains.retry}


class StoreMachine(RuleBasedStateMachine):
    """Workers hold leases, some of them long lost; people give orders; after each step the invariants hold."""

    db: Any

    jobs = Bundle("jobs")
    held = Bundle("held")  # (job id, lease) as some worker believes to hold them

    @initialize()
    def begin(self) -> None:
        wipe(self.db)
        self.leases: dict[int, int] = {}
        self.revision = 0

    def _now(self) -> dict[int, Job]:
        return {job.id: job for job in questions.jobs(self.db)}

    @rule(target=jobs, priority=st.sampled_from([10, 50, 90]), after=st.none() | jobs)
    def submit(self, priority: int, after: int | None) -> int:
        wanted: tuple[int, ...] = ()
        if after is not None:
            state = self._now()[after].state
            wanted = (after,) if state not in FINAL or state is State.SUCCEEDED else ()
        return submitted(self.db, priority=Priority(priority), after=wanted).id

    @rule(target=held, worker=st.integers(1, 3))
    def claim(self, worker: int) -> tuple[int, int]:
        before = self._now()
        job = claimed(self.db, worker_id=worker)
        if job is None:
            assert not any(self._may_run(one, before) for one in before.values())
            return (0, 0)
        free = [one for one in before.values() if self._may_run(one, before)]
        best = min(free, key=lambda one: (-one.priority, one.position, one.id))
        assert job.id == best.id
        return (job.id, job.lease)

    @staticmethod
    def _may_run(job: Job, jobs: dict[int, Job]) -> bool:
        return (
            job.state is State.QUEUED
            and not job.hold
            and all(jobs[on_id].state is State.SUCCEEDED for on_id in job.after)
        )

    @rule(holder=held, move=st.sampled_from(_ENDS))
    def move_under_lease(self, holder: tuple[int, int], move: Move) -> None:
        job_id, lease = holder
        before = self._now()
        made = moves.move(self.db, move, job_id, by="worker", lease=lease)
        job = before.get(job_id)
        assert made is (job is not None and job.lease == lease and job.state in MOVES[move].sources)
        if not made:
            assert self._now() == before

    @rule(holder=held, outcome=st.sampled_from(Outcome), key=st.sampled_from("abcd"))
    def item(self, holder: tuple[int, int], outcome: Outcome, key: str) -> None:
        job_id, lease = holder
        before = self._now()
        written = reports.write_items(self.db, job_id, lease, [ItemRecord(key, outcome)])
        job = before.get(job_id)
        assert written is (job is not None and job.lease == lease and job.state in LIVE)
        if not written:
            assert self._now() == before

    @rule(holders=st.lists(held, max_size=3), fraction=st.floats(0, 1))
    def progress(self, holders: list[tuple[int, int]], fraction: float) -> None:
        before = self._now()
        reports.write_progress(self.db, {holder: Progress(fraction, "on") for holder in holders})
        for job_id, job in self._now().items():
            ours = (job_id, before[job_id].lease) in holders and before[job_id].state in LIVE
            assert ours or job == before[job_id]

    @rule(ids=st.lists(jobs, max_size=3), order=st.sampled_from(sorted(_ORDERS)))
    def order(self, ids: list[int], order: str) -> None:
        answers = _ORDERS[order](self.db, ids, "ann")
        assert [answer.job_id for answer in answers] == list(dict.fromkeys(ids))

    @rule(ids=st.lists(jobs, max_size=3), where=st.sampled_from(["first", "last", "up", "down"]))
    def reorder(self, ids: list[int], where: str) -> None:
        places.reorder(self.db, ids, where, "ann")

    @rule(job_id=consumes(jobs))
    def remove(self, job_id: int) -> None:
        # Kept when something waits for it: the model above looks its state up.
        now = self._now()
        if any(job_id in job.after for job in now.values()):
            return
        (answer,) = orders.remove(self.db, [job_id], "ann")
        assert answer.ok is (now[job_id].state in FINAL)
        if answer.ok:
            del self.leases[job_id]

    @invariant()
    def the_store_is_sound(self) -> None:
        jobs = self._now()
        self._histories_replay(jobs, questions.events(self.db, limit=10_000))
        self._revisions_grow_and_belong_to_one_change(jobs)
        self._counts_add_up(jobs)
        assert len({job.position for job in jobs.values()}) == len(jobs)
        for job_id, job in jobs.items():
            assert job.lease >= self.leases.get(job_id, 0)
            self.leases[job_id] = job.lease
            assert (job.state in FINAL) == (job.finished_at is not None)
            assert job.attempts >= 0 and job.failures >= 0
            hopeless = any(jobs[on_id].state in FINAL - {State.SUCCEEDED} for on_id in job.after if on_id in jobs)
            assert not (hopeless and job.state is State.QUEUED)

    def _histories_replay(self, jobs: dict[int, Job], events: list[JobEvent]) -> None:
        """The history leads to the state, each step allowed; a final state is left only by restarted."""
        states = dict.fromkeys(jobs, "")
        for event in events:
            if event.job_id not in jobs:
                continue  # of a job that is gone only the orders are kept
            assert event.before == states[event.job_id]
            if event.move in MOVES:
                step = MOVES[Move(event.move)]
                assert State(event.before) in step.sources and event.after == step.target
                assert State(event.before) not in FINAL or event.move == Move.RESTARTED
            else:
                assert event.before == event.after or event.move == "submitted"
            states[event.job_id] = event.after
        assert states == {job_id: job.state for job_id, job in jobs.items()}
        revisions = [event.revision for event in events]
        assert revisions == sorted(set(revisions))

    def _revisions_grow_and_belong_to_one_change(self, jobs: dict[int, Job]) -> None:
        now = questions.revision(self.db)
        assert now >= self.revision
        self.revision = now
        revisions = [job.revision for job in questions.jobs_since(self.db, 0, 10_000)]
        assert revisions == sorted(job.revision for job in jobs.values()) == sorted(set(revisions))
        assert all(revision <= now for revision in revisions)

    def _counts_add_up(self, jobs: dict[int, Job]) -> None:
        counts = questions.counts(self.db)
        assert sum(counts.values()) == len(jobs) == questions.count(self.db)
        assert all(counts[state] == sum(job.state is state for job in jobs.values()) for state in State)
        rows = ItemRow.select(ItemRow.job_id, ItemRow.outcome).tuples().execute(self.db)
        found = Counter((job_id, outcome) for job_id, outcome in rows)
        for job_id, job in jobs.items():
            for outcome in Outcome:
                assert getattr(job.items, outcome.value) == found[job_id, outcome.value]


def _run(kind: str) -> None:
    with tempfile.TemporaryDirectory() as folder, opened(target(kind, Path(folder))) as db:
        machine = type("Machine", (StoreMachine,), {"db": db})
        run_state_machine_as_test(machine, settings=_LONG)


def test_random_moves_on_sqlite() -> None:
    _run("sqlite")


def test_random_moves_on_postgresql() -> None:
    _run("postgresql")
