"""Orders and questions about batches and templates: a part of the front door."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from workers import daytimes, localtime
from workers.daytimes import Start
from workers.door import Door
from workers.errors import UsageError
from workers.jobs import FINAL, LATEST_MS, QUEUES, Job, Priority, Scope, State
from workers.store import batches, pausing, planned, questions, submissions
from workers.store.answers import Answer
from workers.store.batches import Batch, Template
from workers.store.database import spoken, transaction
from workers.store.pauses import scope_name
from workers.store.records import now_ms, to_json
from workers.store.submissions import NewJob
from workers.text import clean
from workers.users import user_of


class Batching(Door):
    """What `workers.client.Client` can do with jobs under one name."""

    if TYPE_CHECKING:  # of other parts of the front door

        def cancel(self, ids: Sequence[int], *, by: str | None = None) -> list[Answer]:
            """Cancel jobs."""

        def remove(self, ids: Sequence[int], *, by: str | None = None) -> list[Answer]:
            """Forget ended jobs."""

        def _new_job(self, operation: str, values: Mapping[str, Any], by: str | None, **rest: Any) -> NewJob: ...

    @spoken
    def batches(self, name: str | None = None) -> list[Batch]:
        """Every batch, or the one of that name, with counts, progress, limit and pause."""
        return batches.batches(self._db, name)

    def batch(self, name: str) -> Batch:
        """One batch; UsageError when there is none of that name."""
        found = self.batches(scope_name(Scope.BATCH, name))
        if not found:
            raise UsageError(f"no batch {clean(name)!r}: {self._near(name)}")
        return found[0]

    def _near(self, name: str) -> str:
        """Which batch may be meant."""
        known = [batch.name for batch in self.batches()]
        near = difflib.get_close_matches(name, known, n=3)
        if near:
            return f"did you mean {' or '.join(map(repr, near))}?"
        return f"there are {', '.join(known[:10])}" if known else "no job names one"

    @spoken
    def limit_batch(self, name: str, limit: int | None, *, new: bool = False, by: str | None = None) -> None:
        """How many of its jobs run at once: 1 to 32, 0 for as many as the host is good for, None for any.

        UsageError for the name of neither a batch nor a template, unless it is to be a `new` one.
        """
        name = batches.new_batch_name(name)
        known = new or self.batches(name) or name in {template.name for template in self.templates()}
        if not known:
            raise UsageError(f"no batch {name!r}: {self._near(name)} (--new limits one that is still to come)")
        batches.set_limit(self._db, name, limit, user_of(by))
        self._ring_all()

    @spoken
    def assign_batch(self, ids: Sequence[int], name: str | None, *, by: str | None = None) -> list[Answer]:
        """Put jobs into a batch, a new one if none has that name; None takes them out of theirs."""
        answers = batches.assign(self._db, ids, name, user_of(by))
        self._ring_all()
        return answers

    @spoken
    def hold_batch(self, name: str, *, by: str | None = None) -> list[Answer]:
        """Hold those of its jobs that wait; what runs goes on."""
        waiting = [job_id for job_id, state in self._members(name).items() if state is State.QUEUED]
        return pausing.set_hold(self._db, waiting, True, user_of(by))

    @spoken
    def start_batch(self, name: str, *, by: str | None = None) -> list[Answer]:
        """End its pause and let its jobs that are held or paused go on; one of a paused queue or site stays so."""
        open_ids = [job_id for job_id, state in self._members(name).items() if state not in FINAL]
        answers = pausing.start_scope(self._db, Scope.BATCH, name, open_ids, user_of(by))
        self._ring_all()
        return answers

    def _ring_all(self) -> None:
        for queue in QUEUES:  # what held them back may do so no longer
            self._bells.ring(queue)
        self._bells.wake()

    @spoken
    def cancel_batch(self, name: str, *, by: str | None = None) -> list[Answer]:
        """Cancel those of its jobs that have not ended."""
        open_ids = [job_id for job_id, state in self._members(name).items() if state not in FINAL]
        return self.cancel(open_ids, by=by)

    @spoken
    def remove_batch(self, name: str, *, by: str | None = None) -> list[Answer]:
        """Forget all its jobs, its limit and its pause; UsageError while some of them have not ended. Files stay."""
        members = self._members(name)
        waiting = sum(state not in FINAL for state in members.values())
        if waiting:
            raise UsageError(f"{waiting} jobs of {clean(name)!r} have not ended: cancel the batch first")
        answers = self.remove(list(members), by=by)
        batches.forget(self._db, name, user_of(by))
        return answers

    @spoken
    def batch_members(self, name: str) -> dict[int, State]:
        """The state of each of its jobs by id, in the order in which they were submitted; as `batch` refuses."""
        return dict(self._members(name))

    def _members(self, name: str) -> Mapping[int, State]:
        self.batch(name)
        return questions.states_by_id(self._db, batches.member_ids(self._db, scope_name(Scope.BATCH, name)))

    # ---------------------------------------------------------------- templates

    @spoken
    def templates(self) -> list[Template]:
        """Every template, by name."""
        return batches.templates(self._db)

    @spoken
    def save_template(self, batch: str, name: str, *, by: str | None = None) -> Template:
        """Keep what the jobs of a batch ask for under a name, with its limit, in place of what had that name.

        Of the times at which they were to start it keeps the times of day. Not kept are jobs of elsewhere that they
        waited for.
        """
        jobs = questions.jobs_by_id(self._db, list(self._members(batch)))
        if not jobs:
            raise UsageError(f"the batch {clean(batch)!r} has no jobs, so there is nothing to keep")
        places = {job_id: place for place, job_id in enumerate(sorted(jobs))}
        begin = daytimes.kept_of(planned.planned_starts(self._db, list(jobs)), localtime.zone())
        kept = [_as_template(jobs[job_id], places, begin.get(job_id)) for job_id in places]
        batches.save_template(self._db, name, kept, user_of(by), limit=self.batch(batch).limit)
        return self._template(scope_name(Scope.BATCH, name))

    def _template(self, name: str) -> Template:
        found = {template.name: template for template in self.templates()}
        if name not in found:
            raise UsageError(f"no template {clean(name)!r}: {', '.join(found) or 'none is kept'}")
        return found[name]

    @spoken
    def use_template(
        self,
        name: str,
        batch: str,
        *,
        inputs: Sequence[str] = (),
        hold: bool = False,
        run_after: int | None = None,
        by: str | None = None,
    ) -> list[Job]:
        """Submit the jobs of a template as a batch, all of them or none; `inputs` take the place of what each had.

        Jobs that become equal by that are submitted once. They wait for each other as those did, and the batch gets the
        template's limit unless it has one. Each starts at the next such time of day as it had, unless `run_after` says
        before when none of them starts (0: all may at once). UsageError when there is no such template; InvalidParams
        when one of its jobs is none any more.
        """
        template, batch, by = self._template(name), batches.new_batch_name(batch), user_of(by)
        if run_after is not None and not 0 <= run_after <= LATEST_MS:
            raise UsageError("a job can be scheduled up to the year 9999")
        given = {"inputs": list(inputs)} if inputs else {}
        kept = [daytimes.start_of(job) for job in template.jobs]
        begin = daytimes.moments(kept if run_after is None else [None] * len(kept), now_ms(), localtime.zone())
        wanted = [
            self._new_job(
                job["operation"],
                {**job["params"], **given},
                by,
                priority=Priority.parse(job["priority"]),
                window=job["window"],
                hold=hold or job.get("hold", False),
                batch=batch,
                run_after=run_after or moment,
            )
            for job, moment in zip(template.jobs, begin, strict=True)
        ]
        with transaction(self._db):
            jobs = self._submit_chained(wanted, template, once=bool(inputs))
            if template.limit is not None and self.batch(batch).limit is None:
                batches.set_limit(self._db, batch, template.limit, by)
        for queue, moment in {(job.queue, job.run_after) for job in jobs if job.run_after}:
            self._bells.ring(queue, at=moment)
        self._ring_all()
        return jobs

    def _submit_chained(self, wanted: Sequence[NewJob], template: Template, *, once: bool) -> list[Job]:
        """The jobs of a template, each behind those that stand before it there; of equal ones, `once` takes the first.

        Equal are those that do the same and wait for the same.
        """
        jobs: list[Job] = []
        had: dict[str, Job] = {}
        for new, kept in zip(wanted, template.jobs, strict=True):
            after, ended = (
                tuple(dict.fromkeys(jobs[place].id for place in kept.get(key, ()))) for key in ("after", "after_ended")
            )
            new = replace(new, after=after, after_ended=ended)
            key = to_json(asdict(new))
            if not once or key not in had:
                had[key] = submissions.submit(self._db, new)
            jobs.append(had[key])
        return list({job.id: job for job in jobs}.values())

    @spoken
    def remove_template(self, name: str, *, by: str | None = None) -> None:
        """Forget a template; UsageError when there is none of that name."""
        if not batches.remove_template(self._db, name, user_of(by)):
            raise UsageError(f"no template {clean(name)!r}")


def _as_template(job: Job, places: Mapping[int, int], start: Start | None) -> dict[str, Any]:
    """What a job asks for; those of the batch that it waits for by their places in the template."""
    ended = [places[on_id] for on_id in job.after_ended if on_id in places]
    return {
        "operation": job.operation,
        "params": dict(job.params),
        "priority": job.priority.word,
        "window": job.window,
        "start": None if start is None else start.as_json(),
        "hold": job.hold and job.state is State.QUEUED,
        "after": [places[on_id] for on_id in job.after if on_id in places and on_id not in job.after_ended],
        "after_ended": ended,
    }
