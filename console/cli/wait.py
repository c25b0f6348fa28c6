"""`spool wait`, and the `--wait` of a submission: stay until jobs have ended, and end as they did."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click

from console.cli.jobs import as_json_with_reasons
from console.cli.output import LiveLine, say_json, tell
from console.cli.selection import select
from console.cli.words import QueryCommand, door, json_option
from workers.errors import StillStarting, UsageError

if TYPE_CHECKING:
    from workers.client import Client
    from workers.jobs import Job, Waiting

_LOOK_S = 0.1
_LOOKS_FOR_WORKER = 20
_PATIENCE_S = 5.0  # without a move of the jobs, before what holds them back is asked and told
_MOST_TOLD = 3  # jobs whose reasons are told
_PASSING = {"slot", "batch", "site", "window", "suspect"}  # which one job of a chain after the other meets and leaves


@click.command(cls=QueryCommand)
@click.argument("ids", nargs=-1, metavar="ID…|QUERY")
@json_option
def wait(ids: tuple[str, ...], as_json: bool) -> int:
    """Wait until all these jobs have ended. Exit code 0 when all succeeded with all their inputs, else 1."""
    client = door()
    chosen = select(client, ids).ids
    if not chosen:
        raise UsageError("no job matches; `spool jobs` lists them")
    return await_jobs(client, chosen, as_json)


def await_jobs(client: Client, ids: Sequence[int], as_json: bool, *, start: bool = False) -> int:
    """Wait for the jobs and tell how each ended; 0 when all succeeded. Interrupting it stops no job.

    `start` starts a worker when none runs: who waits for a job of his own wants it to run.
    """
    for job_id in ids:
        client.job(job_id)  # an id that never was is told at once
    line = LiveLine()
    try:
        if not client.worker().running:
            _mend_missing_worker(client, start)
        return _wait(client, list(ids), line, as_json)
    except KeyboardInterrupt:
        line.clear()
        few = " ".join(map(str, ids)) if len(ids) < 10 else "…"
        tell(f"interrupted; the work goes on (spool wait {few} waits again, spool cancel {few} ends it)")
        raise


def _mend_missing_worker(client: Client, start: bool) -> None:
    if not start:
        tell("no worker runs, so nothing will move: `spool worker --detach` starts one")
        return
    from workers.client import start_worker

    try:
        if start_worker(client.settings, tell):
            tell("no worker was running: started one, which goes on afterwards (`spool stop` ends it)")
    except StillStarting as error:  # the jobs run once it has: there is nothing to do but wait for them
        tell(str(error))


class _Reasons:
    """Why jobs that are waited for do not start: told once they have waited for a while, and again when it changes."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._told: dict[int, frozenset[tuple[int, str]]] = {}
        self._asked_at = time.monotonic()

    def tell_new(self, jobs: Iterable[Job], line: LiveLine) -> None:
        """Tell what holds back the first of the jobs, unless that was done a moment ago or is known."""
        from console.format import in_clock
        from workers.jobs import State

        if time.monotonic() - self._asked_at < _PATIENCE_S:
            return
        self._asked_at = time.monotonic()
        waiting = [job.id for job in jobs if job.state in (State.QUEUED, State.PAUSED)][:_MOST_TOLD]
        for job_id, found in self._client.why_each(waiting, chains=True).items():
            reasons = [reason for reason in found if reason.reason != "no_worker"]  # that is told by itself
            keepers = _keepers(reasons)
            if keepers and self._told.get(job_id) != keepers:
                line.clear()
                said = "; ".join(filter(None, itertools.chain(*((one.detail, one.lifts) for one in reasons))))
                tell(in_clock(f"job {job_id} waits: {said}"))
            self._told[job_id] = keepers


def _keepers(reasons: Iterable[Waiting]) -> frozenset[tuple[int, str]]:
    """What has to change before a reason is told again: its kind, and down a chain also which job it keeps.

    The words will not do, for they count down; nor the job, where a chain moves on by itself from one to the next.
    """
    found: set[tuple[int, str]] = set()
    for reason in reasons:
        found.add((0, reason.reason))
        found.update((-1 if kind in _PASSING else job_id, kind) for job_id, kind in reason.ahead)
    return frozenset(found)


def _wait(client: Client, ids: list[int], line: LiveLine, as_json: bool) -> int:
    left, good, total = dict.fromkeys(ids), True, len(ids)
    revision, looks, running = -1, 0, client.worker().running
    jobs: dict[int, Job] = {}
    reasons = _Reasons(client)
    while left:
        reasons.tell_new((jobs[job_id] for job_id in left if job_id in jobs), line)
        newest = client.revision()
        if newest == revision:
            time.sleep(_LOOK_S)
            looks += 1
            if looks % _LOOKS_FOR_WORKER == 0:
                running = _told_of_end(client, running, line)
            continue
        revision = newest
        jobs = client.jobs_by_id(list(left))
        for job_id in list(left):
            job = jobs.get(job_id)
            if job is None or job.final:
                del left[job_id]
                line.clear()
                good = _tell_end(client, job_id, job, as_json) and good
        line.show(_summary([job for job in jobs.values() if not job.final], total))
    line.clear()
    return 0 if good else 1


def _told_of_end(client: Client, was_running: bool, line: LiveLine) -> bool:
    """Whether a worker runs now; that it has ended meanwhile is told once."""
    runs = client.worker().running
    if was_running and not runs:
        line.clear()
        tell("the worker has ended, so nothing moves any more: `spool worker --detach` starts one")
    return runs


def _tell_end(client: Client, job_id: int, job: Job | None, as_json: bool) -> bool:
    from workers.jobs import State

    if job is None:
        tell(f"job {job_id} was removed")
        return False
    if as_json:
        say_json(as_json_with_reasons(client, job), now=True)
    reason = f": {job.failure.message}" if job.failure and job.state is State.FAILED else ""
    if job.state is State.SUCCEEDED and job.items.failed:
        reason = f": {job.items.failed} of {job.items.total} inputs failed (spool show {job.id} tells which)"
    tell(f"job {job.id} {job.state.value}: {job.title}{reason}")
    return job.state is State.SUCCEEDED and not job.items.failed


def _summary(jobs: Sequence[Job], total: int) -> str:
    from console.format import rate, span_of

    if not jobs:
        return ""
    job = next((job for job in jobs if job.live), jobs[0])
    progress = job.progress
    parts = [f"{total - len(jobs)}/{total} ended" if total > 1 else "", f"job {job.id} {job.state.value}"]
    if job.live:
        parts += [progress.phase, f"{progress.fraction:.0%}" if progress.fraction is not None else ""]
        parts += [rate(progress.rate, progress.unit)]
        parts += [f"{span_of(progress.eta_s)} left" if progress.eta_s is not None else ""]
    parts.append(job.title)
    return "  ".join(part for part in parts if part)
