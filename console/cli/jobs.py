"""`spool jobs`, `spool show` and `spool why`: what there is, and how it stands."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from console.cli.output import columns, say, say_json, tell
from console.cli.selection import as_query, is_ids, one_id
from console.cli.words import QueryCommand, door, json_option

if TYPE_CHECKING:
    from workers.client import Client
    from workers.jobs import ItemOutcome, Job, Waiting

_PAGE = 500
_SCREEN = 100


@click.command(cls=QueryCommand)
@click.argument("query", nargs=-1)
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    metavar="N",
    help="How many at most; 0 for all. [default: 100, with --json all]",
)
@click.option(
    "--sort",
    default="",
    metavar="WORD",
    help="By id, name, queue, operation, state, age or priority; -id turns it round.",
)
@json_option
def jobs(query: tuple[str, ...], limit: int | None, sort: str, as_json: bool) -> None:
    """List jobs: what runs, what waits in its order, what ended last.

    QUERY is words that must all hold: state:failed queue:downloads site:example.org older:2d holiday; -word excludes.
    Known are state, queue, operation, priority, site, batch, id (id:12-20, id:100-), by, older, newer (newer:1h) and
    items (items:failed: jobs with inputs that failed); state:failed,cancelled means one of these, any other word a part
    of the title.
    """
    from workers.client import bare_name

    client = door()
    ids = client.job_ids(as_query(query), sort=sort)
    for word in filter(is_ids, query):
        tell(f"{word} was looked for in titles; `spool jobs id:{word}` lists by id")
    if name := bare_name(as_query(query)):
        tell(
            f"{name} was looked for in titles: it has no value; a shell takes < and > for itself, older:2d it does not"
        )
    most = limit if limit is not None else (0 if as_json else _SCREEN)
    shown = ids[:most] if most else ids
    if as_json:
        for page in _pages(client, shown):
            why = client.why_each([job.id for job in page])
            for job in page:
                say_json(as_json_with_reasons(client, job, why.get(job.id, ())))
        return
    _table(client, shown)
    if len(shown) < len(ids):
        tell(f"{len(shown):,} of {len(ids):,} jobs; --limit 0 shows all")
    elif not ids:
        tell("no job matches" if query else "no jobs yet; `spool download URL` makes one, `spool demo` several")


def _pages(client: Client, ids: Sequence[int]) -> Iterator[list[Job]]:
    for start in range(0, len(ids), _PAGE):
        part = ids[start : start + _PAGE]
        found = client.jobs_by_id(part)
        yield [found[job_id] for job_id in part if job_id in found]


def as_json_with_reasons(client: Client, job: Job, why: tuple[Waiting, ...] | None = None) -> dict[str, object]:
    """The JSON form of a job, with why it waits if it does (asked for unless given), and without what is secret."""
    from console.cli.forms import shown_params
    from workers.jobs import job_as_json

    value = job_as_json(job, client.why(job.id) if why is None else why)
    value["params"] = shown_params(client.operations(), job)
    return value


def _table(client: Client, ids: Sequence[int]) -> None:
    from console.format import cut, plural

    width = columns()
    if ids:
        say(f"{'ID':>6}  {'STATE':<9}  {'OPERATION':<14}  {'PRIORITY':<8}  {'DONE':>5}  {'AGO':>4}  TITLE")
    now_ms = int(time.time() * 1000)
    live = 0
    for job in itertools.chain.from_iterable(_pages(client, ids)):
        live += job.live
        line = row(job, now_ms)
        say(cut(line, width) if width else line)
    if live and not client.worker().running:
        tell(f"{plural(live, 'job')} of these cannot run: no worker runs here; `spool worker --detach` starts one")


def row(job: Job, now_ms: int) -> str:
    """One line about a job, with its title last; before it how many of its inputs failed."""
    from console.format import age
    from console.reached import reached
    from workers.jobs import State

    share = reached(job)
    done = "" if share is None or job.state is State.QUEUED else f"{int(share * 100)}%"
    word = "held" if job.hold and job.state is State.QUEUED else job.state.value
    since = age(job.finished_at or job.started_at or job.submitted_at, now_ms)
    bad = f"({job.items.failed} of {job.items.total} failed) " if job.items.failed else ""
    start = f"{job.id:>6}  {word:<9}  {job.operation:<14}  {job.priority.word:<8}  {done:>5}  {since:>4}"
    return f"{start}  {bad}{job.title}"


@click.command()
@click.argument("job_id", metavar="ID")
@click.option("--items", is_flag=True, help="One JSON object a line for each input that has ended, with its facts.")
@json_option
def show(job_id: str, items: bool, as_json: bool) -> None:
    """Show everything about one job: options, progress, error, outputs, what was found, history.

    Of many inputs a line each for the first is told; `spool show ID --items` prints all facts of every one as JSON.
    Where it goes to a terminal, long names are cut in their middle; in a pipe and with --json they are whole.
    """
    client = door()
    job = client.job(one_id(job_id))
    if items:
        for item in _ended_items(client, job):
            say_json(_item_as_json(item))
        return
    if as_json:
        say_json(as_json_with_reasons(client, job))
        return
    from console.cli.card import card

    for line in card(client, job, columns()):
        say(line)


def _ended_items(client: Client, job: Job) -> Iterator[ItemOutcome]:
    """The inputs of a job that have ended; a job that is one piece of work is its own, once it succeeded."""
    from workers.jobs import ItemOutcome, Outcome, State

    start = 0
    while page := client.items(job.id, offset=start, limit=_PAGE):
        yield from page
        start += len(page)
    if not start and not job.items.total and job.state is State.SUCCEEDED:
        (key, *more) = job.params.get("inputs") or [""]
        yield ItemOutcome("" if more else key, Outcome.DONE, tuple(job.outputs), None, client.result(job.id))


def _item_as_json(item: ItemOutcome) -> dict[str, object]:
    failure = item.failure
    error = failure and {
        "class": failure.error_class.value,
        "message": failure.message,
        "retryable": failure.retryable,
        "input": failure.input or item.key,
    }
    return {
        "key": item.key,
        "outcome": item.outcome.value,
        "outputs": list(item.outputs),
        "error": error,
        "detail": dict(item.detail),
    }


@click.command()
@click.argument("job_id", metavar="ID")
@json_option
def why(job_id: str, as_json: bool) -> None:
    """Say why a job waits, stands still or failed, and what lifts that."""
    client = door()
    job = client.job(one_id(job_id))
    reasons = client.why(job.id) or _why_not_on(client, job)
    if as_json:
        say_json({"id": job.id, "state": job.state.value, "waiting": [_reason(w) for w in reasons], **_why_ended(job)})
        return
    from console.format import in_clock
    from workers.jobs import State

    if job.state is not State.QUEUED:
        say(f"job {job.id} does not wait: it {_is_now(job)}")
        for line in _what_to_do(client, job):
            say(in_clock(line))
    elif not reasons:
        say(f"job {job.id} waits for nothing: it starts next")
    for waiting in reasons:
        say(in_clock(f"{waiting.detail}; {waiting.lifts}" if waiting.lifts else waiting.detail))


def _why_not_on(client: Client, job: Job) -> tuple[Waiting, ...]:
    """What keeps a running job from going on, or soon will: its worker is gone, or somebody asked something of it."""
    from workers.jobs import State, Waiting, Wish

    if job.state is not State.RUNNING:
        return ()
    stands = client.standstill()
    if stands is not None and stands.reason == "no_worker":
        return (stands,)
    asked = {
        Wish.CANCEL: ("it is being cancelled", ""),
        Wish.PAUSE: ("it is being paused", f"spool resume {job.id} lets it go on"),
        Wish.HOLD: ("it waits on hold when it has ended what it has in hand", f"spool resume {job.id} takes that back"),
    }
    wished = (Waiting("asked", *asked[job.wish]),) if job.wish in asked else ()
    return wished if stands is None else (*wished, stands)


def _reason(waiting: Waiting) -> dict[str, str]:
    return {"reason": waiting.reason, "detail": waiting.detail, "lifts": waiting.lifts}


def _why_ended(job: Job) -> dict[str, object]:
    from workers.jobs import State

    if job.state is not State.FAILED or job.failure is None:
        return {}
    failure = job.failure
    told = {"class": failure.error_class.value, "message": failure.message, "retryable": failure.retryable}
    return {"failed": {**told, "advice": failure.error_class.advice, "again": f"spool retry {job.id}"}}


def _what_to_do(client: Client, job: Job) -> list[str]:
    """What helps after a failure, or led to the end, in lines."""
    from workers.jobs import State

    if job.state is State.FAILED and job.failure:
        kind = job.failure.error_class
        helps = f"can help: spool retry {job.id}" if kind.retryable else "does not help as things are"
        return [f"{kind.value}: {kind.advice}", f"trying again {helps}"]
    if job.state is State.SUCCEEDED and job.items.failed:
        return [f"spool show {job.id} tells which; spool retry {job.id} tries those again"]
    last = client.events(job_id=job.id, limit=100_000)[-1:]
    return [event.reason for event in last if event.reason and job.state is State.SKIPPED]


def _is_now(job: Job) -> str:
    from workers.jobs import State

    if job.state is State.FAILED and job.failure:
        return f"failed: {job.failure.message}"
    if job.state is State.SUCCEEDED and job.items.failed:
        return f"succeeded, but {job.items.failed} of its {job.items.total} inputs failed"
    words = {
        State.RUNNING: "runs",
        State.PAUSED: "is paused",
        State.CANCELLED: "was cancelled",
        State.SKIPPED: "was skipped",
    }
    return words.get(job.state, job.state.value)
