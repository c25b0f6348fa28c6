"""Orders about jobs: submit, cancel, pause, retry, reorder, edit … A part of the front door."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from workers.door import Door
from workers.errors import UsageError
from workers.jobs import LATEST_MS, Job, Priority, Waiting
from workers.logs import remove_log
from workers.store import chains, orders, pausing, places, questions, submissions
from workers.store.answers import Answer
from workers.store.batches import new_batch_name
from workers.store.database import spoken
from workers.store.records import now_ms
from workers.text import clean
from workers.users import user_of
from workers.windows import canonical as canonical_window


class Ordering(Door):
    """What `workers.client.Client` can do with jobs."""

    if TYPE_CHECKING:  # of other parts of the front door

        def why_each(self, ids: Sequence[int], *, chains: bool = False) -> dict[int, tuple[Waiting, ...]]:
            """Why each of these jobs does not run."""

        def _note_removal(self, ids: Sequence[int], by: str | None) -> None: ...

    @spoken
    def submit(
        self,
        operation: str,
        values: Mapping[str, Any],
        *,
        priority: Priority = Priority.NORMAL,
        run_after: int | None = None,
        window: str | None = None,
        after: Sequence[int] = (),
        after_ended: Sequence[int] = (),
        batch: str | None = None,
        hold: bool = False,
        submission_key: str | None = None,
        by: str | None = None,
    ) -> Job:
        """Accept a job. When this returns it survives a power cut. InvalidParams names every wrong option at once.

        `window` is when in the week it may start (see `workers.windows`); of `after_ended` any end will do.
        """
        if run_after is not None and not 0 <= run_after <= LATEST_MS:
            raise UsageError("a job can be scheduled up to the year 9999")
        new = self._new_job(
            operation,
            values,
            by,
            priority=priority,
            run_after=run_after,
            window=canonical_window(window) if window else None,
            after=tuple(after),
            after_ended=tuple(after_ended),
            batch=None if batch is None else new_batch_name(batch),
            hold=hold,
            submission_key=submission_key,
        )
        job = submissions.submit(self._db, new)
        self._bells.ring(job.queue, priority=job.priority.value, at=run_after)
        return job

    def _new_job(self, operation: str, values: Mapping[str, Any], by: str | None, **rest: Any) -> submissions.NewJob:
        """A job that can be submitted: its options checked, and `rest` as they are. InvalidParams."""
        kind = self.operation(operation)
        params = kind.validate(values)
        return submissions.NewJob(
            operation=kind.name,
            queue=kind.queue,
            title=clean(kind.label(params)),
            params=params.model_dump(mode="json"),
            by=user_of(by),
            site=kind.site(params),
            max_attempts=self.settings.jobs.attempts,
            **rest,
        )

    def _ordered(self, answers: list[Answer]) -> list[Answer]:
        self._bells.wake()
        return answers

    def _ending(self, order: Callable[[], list[Answer]]) -> list[Answer]:
        """Carry out an order that ends jobs, and ring for those that waited for their ends, or for those skipped."""
        before = questions.revision(self._db)
        answers = order()
        for queue in chains.freed_since(self._db, before):
            self._bells.ring(queue)
        return self._ordered(answers)

    def _may_start(self, answers: list[Answer]) -> list[Answer]:
        started = [answer.job_id for answer in answers if answer.ok]
        for queue in {job.queue for job in questions.jobs_by_id(self._db, started).values()}:
            self._bells.ring(queue)
        return self._ordered(answers)

    @spoken
    def cancel(self, ids: Sequence[int], *, by: str | None = None) -> list[Answer]:
        """Waiting jobs end at once; running ones are stopped with all that they started."""
        return self._ending(lambda: orders.cancel(self._db, ids, user_of(by)))

    @spoken
    def pause(
        self, ids: Sequence[int], *, until: int | None = None, soft: bool = False, by: str | None = None
    ) -> list[Answer]:
        """Running jobs are stopped where they are (`soft`: when they have ended what they have in hand); waiting ones
        are held. For good, or until a time in milliseconds."""
        if until is not None and until <= now_ms():
            raise UsageError("a pause until a time that has passed is none")
        return self._ordered(pausing.pause(self._db, ids, user_of(by), until=until, soft=soft))

    @spoken
    def resume(self, ids: Sequence[int], *, by: str | None = None) -> list[Answer]:
        """Paused jobs go on; held ones may start."""
        return self._may_start(pausing.resume(self._db, ids, user_of(by)))

    @spoken
    def hold(self, ids: Sequence[int], *, by: str | None = None) -> list[Answer]:
        """Keep waiting jobs from starting."""
        return self._ordered(pausing.set_hold(self._db, ids, True, user_of(by)))

    @spoken
    def unhold(self, ids: Sequence[int], *, by: str | None = None) -> list[Answer]:
        """Let held jobs start."""
        return self._may_start(pausing.set_hold(self._db, ids, False, user_of(by)))

    @spoken
    def retry(self, ids: Sequence[int], *, by: str | None = None) -> list[Answer]:
        """Ended jobs start over, without the items that are done; those that wait for a retry start at once."""
        return self._may_start(chains.retry(self._db, ids, user_of(by)))

    @spoken
    def retry_anew(self, ids: Sequence[int], *, by: str | None = None) -> list[Answer]:
        """The inputs of ended jobs that failed, as a new job for each, with the same options."""
        return self._ordered([self._retried_anew(job_id, by) for job_id in dict.fromkeys(ids)])

    def _retried_anew(self, job_id: int, by: str | None) -> Answer:
        job = questions.jobs_by_id(self._db, [job_id]).get(job_id)
        if job is None:
            return Answer(job_id, False, f"there is no job {job_id}")
        if not job.final:
            return Answer(job_id, False, f"has not ended: it is {job.state.value}")
        keys = questions.failed_keys(self._db, job_id)
        if not keys:
            return Answer(job_id, False, "none of its inputs failed")
        new = self.submit(job.operation, {**job.params, "items": keys}, priority=job.priority, batch=job.batch, by=by)
        return Answer(job_id, True, f"job {new.id} takes the inputs that failed: {len(keys)}")

    @spoken
    def remove(self, ids: Sequence[int], *, by: str | None = None) -> list[Answer]:
        """Forget ended jobs, their history and their logs. Files that they made stay."""
        answers = self._ending(lambda: orders.remove(self._db, ids, user_of(by)))
        for answer in answers:
            if answer.ok:
                remove_log(self.settings.paths.job_log(answer.job_id))
        self._note_removal([answer.job_id for answer in answers if answer.ok], by)
        return answers

    @spoken
    def set_priority(self, ids: Sequence[int], priority: Priority, *, by: str | None = None) -> list[Answer]:
        """Change how urgent jobs are."""
        return self._ordered(orders.set_priority(self._db, ids, priority, user_of(by)))

    @spoken
    def move_first(self, ids: Sequence[int], *, by: str | None = None) -> list[Answer]:
        """Put waiting jobs before all others of their queue and priority."""
        return self._ordered(places.reorder(self._db, ids, "first", user_of(by)))

    @spoken
    def start_now(self, ids: Sequence[int], *, by: str | None = None) -> list[Answer]:
        """Start waiting jobs before all others: off hold, at once, urgent and first. Closed hours still count."""
        who = user_of(by)
        answers = orders.schedule(self._db, ids, who, run_after=0)
        waiting = [answer.job_id for answer in answers if answer.ok]
        pausing.set_hold(self._db, waiting, False, who)
        orders.set_priority(self._db, waiting, Priority.URGENT, who)
        places.reorder(self._db, waiting, "first", who)
        self._may_start(answers)
        held = self.why_each(waiting, chains=len(waiting) == 1)
        return [Answer(answer.job_id, True, _told(held, answer.job_id)) if answer.ok else answer for answer in answers]

    @spoken
    def move_up(self, ids: Sequence[int], *, by: str | None = None) -> list[Answer]:
        """Put waiting jobs one place forward."""
        return self._ordered(places.reorder(self._db, ids, "up", user_of(by)))

    @spoken
    def move_down(self, ids: Sequence[int], *, by: str | None = None) -> list[Answer]:
        """Put waiting jobs one place back."""
        return self._ordered(places.reorder(self._db, ids, "down", user_of(by)))

    @spoken
    def schedule(
        self, ids: Sequence[int], *, run_after: int | None = None, window: str | None = None, by: str | None = None
    ) -> list[Answer]:
        """When waiting jobs may start: not before a time, and within windows of the week ("" for any time)."""
        if run_after is not None and not 0 <= run_after <= LATEST_MS:
            raise UsageError("a job can be scheduled up to the year 9999")
        text = canonical_window(window) if window else window
        return self._may_start(orders.schedule(self._db, ids, user_of(by), run_after=run_after, window=text))

    @spoken
    def edit(self, job_id: int, values: Mapping[str, Any], *, by: str | None = None) -> Answer:
        """Change options of a waiting job; those not named stay. InvalidParams when the whole would be wrong."""

        def changed(job: Job) -> orders.Edited:
            kind = self.operation(job.operation)
            params = kind.validate({**job.params, **values})
            title, site = clean(kind.label(params)), kind.site(params)
            return orders.Edited(params.model_dump(mode="json"), title, site, kind.secret_options)

        (answer,) = self._may_start([orders.edit(self._db, job_id, changed, user_of(by))])
        return answer


def _told(held: Mapping[int, tuple[Waiting, ...]], job_id: int) -> str:
    """What is true of a job that was put before all others."""
    still = [why.detail for why in held.get(job_id, ()) if why.reason not in ("slot", "no_worker")]
    return f"is first, and still waits: {'; '.join(still)}" if still else "is the next to start"
