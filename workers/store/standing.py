"""Standing still, in words: which pauses and holds keep a job, who gave them, and what lifts them."""

from __future__ import annotations

import shlex
from typing import Any

from peewee import SQL, Database, fn

from workers.jobs import Job, Scope, Waiting, Wish, rfc3339
from workers.sites import sites_over
from workers.store.keepers import Keepers, With, read
from workers.store.pauses import lasting
from workers.store.tables import JobRow, PauseRow
from workers.text import span_words

_WISHED = {Wish.RESUME: "resumed", Wish.CANCEL: "cancelled"}


def _in_scope(job: Job) -> Any:
    """Whether a pause is about `job`."""
    mine = (PauseRow.scope == Scope.QUEUE.value) & (PauseRow.name == job.queue)
    if job.site is not None:
        mine = mine | ((PauseRow.scope == Scope.SITE.value) & PauseRow.name.in_(sites_over(job.site)))
    if job.batch is not None:
        mine = mine | ((PauseRow.scope == Scope.BATCH.value) & (PauseRow.name == job.batch))
    return mine


def paused(now: Any) -> Any:
    """The predicate that a queue, site or batch of a job is paused."""

    def names(scope: Scope) -> Any:
        return PauseRow.select(PauseRow.name).where((PauseRow.scope == scope.value) & lasting(now))

    return (
        JobRow.queue.in_(names(Scope.QUEUE))
        | (JobRow.site.is_null(False) & (JobRow.site.in_(names(Scope.SITE)) | _above_paused(now)))
        | (JobRow.batch.is_null(False) & JobRow.batch.in_(names(Scope.BATCH)))
    )


def _above_paused(now: Any) -> Any:
    """The predicate that a domain above a job's site is paused; asked of no job while no site is."""
    sites = (PauseRow.scope == Scope.SITE.value) & lasting(now)
    ends = fn.SUBSTR(JobRow.site, fn.LENGTH(JobRow.site) - fn.LENGTH(PauseRow.name)) == SQL("'.'").concat(PauseRow.name)
    longer = fn.LENGTH(JobRow.site) > fn.LENGTH(PauseRow.name)
    one = SQL("1")
    return fn.EXISTS(PauseRow.select(one).where(sites)) & fn.EXISTS(PauseRow.select(one).where(sites & longer & ends))


def tell_paused(db: Database, job: Job, now: int) -> tuple[str, str]:
    """Who paused what of it until when, and what lifts that."""
    rows = PauseRow.select().where(_in_scope(job) & lasting(now)).order_by(PauseRow.scope.desc()).dicts().execute(db)
    told = [_pause_in_words(row, now) for row in rows]
    return "; ".join(detail for detail, _ in told), " and ".join(lifts for _, lifts in told)


def _pause_in_words(row: Any, now: int) -> tuple[str, str]:
    scope = Scope(row["scope"])
    lifts = f"spool {scope.value} resume {shlex.quote(row['name'])}"
    return f"{row['by'] or 'somebody'} paused {scope.called(row['name'])}{_until(row['until'] or None, now)}", lifts


def tell_hold(db: Database, job: Job, now: int) -> tuple[str, str]:
    """Who holds a waiting job until when, and what lifts that."""
    kept = _keepers(db, job)
    by = f", by {kept.person}" if kept.person else ""
    alone = f"it is on hold{_until(job.pause_until, now)}{by}"
    lifts = f"spool unhold {job.id}"
    return _kept(db, kept, alone, (lifts, lifts), now)


def stopped(db: Database, job: Job, now: int) -> Waiting:
    """Why a paused job stands still: who paused what, until when, and what lifts it."""
    if job.wish in (Wish.RESUME, Wish.CANCEL):
        return Waiting("paused", f"it is being {_WISHED[job.wish]}", "the worker that runs it sees to it")
    kept = _keepers(db, job)
    alone = f"{kept.person or 'somebody'} paused it{_until(job.pause_until, now)}"
    lifts = f"spool resume {job.id}"
    return Waiting("paused", *_kept(db, kept, alone, (lifts, f"{lifts} lets it go on"), now))


def _keepers(db: Database, job: Job) -> Keepers:
    return read(str(JobRow.select(JobRow.wish_by).where(JobRow.id == job.id).scalar(db) or ""))


def _kept(db: Database, kept: Keepers, alone: str, lifts: tuple[str, str], now: int) -> tuple[str, str]:
    """All who keep a job, in words, and what lets it go on; `alone` tells of the person who keeps only this job."""
    if not kept.scopes:
        return alone, lifts[1]
    told = [_paused_with(db, one, now) for one in kept.scopes]
    if kept.person:
        return "; ".join((alone, *told)), f"{lifts[0]} lets it go on"
    verbs = " and ".join(f"spool {one.scope.value} resume {shlex.quote(one.name)}" for one in kept.scopes)
    all_of = "lets all of it" if len(told) == 1 else "let all of them"
    return "; ".join(told), f"{verbs} {all_of} go on, {lifts[0]} this job alone"


def _paused_with(db: Database, one: With, now: int) -> str:
    mine = (PauseRow.scope == one.scope.value) & (PauseRow.name == one.name)
    until = PauseRow.select(PauseRow.until).where(mine).scalar(db)
    return f"{one.by or 'somebody'} paused {one.scope.called(one.name)} and this job with it{_until(until, now)}"


def _until(until: int | None, now: int) -> str:
    return "" if until is None else f" until {rfc3339(until)}, {span_words((until - now) / 1000)} from now"
