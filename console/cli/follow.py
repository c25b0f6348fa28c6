"""`spool log` and `spool events`: what is written while work goes on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from console.cli.output import say, say_json
from console.cli.selection import one_id
from console.cli.words import door, json_option
from workers.errors import UsageError

if TYPE_CHECKING:
    from workers.client import Client
    from workers.jobs import JobEvent

_LOOK_S = 0.2
_PAGE = 500


@click.command()
@click.argument("job_id", metavar="ID")
@click.option("-f", "--follow", is_flag=True, help="Go on until the job has ended.")
@json_option
def log(job_id: str, follow: bool, as_json: bool) -> None:
    """Print the log of a job: what its tools said, with nothing that could act on the terminal."""
    client = door()
    number = one_id(job_id)
    job = client.job(number)
    offset = 0
    while True:
        ended = client.job(number).final if follow else True  # asked before reading: what it wrote last is still read
        offset = _print_rest(client, job.id, offset, as_json)
        if ended:
            return
        time.sleep(_LOOK_S)


def _print_rest(client: Client, job_id: int, offset: int, as_json: bool) -> int:
    while True:
        text, following = client.log(job_id, offset)
        if following == offset:
            return offset
        offset = following
        for line in text.removesuffix("\n").split("\n"):
            if as_json:
                say_json({"id": job_id, "line": line}, now=True)
            else:
                say(line, now=True)


@click.command()
@click.option("--since", type=click.IntRange(min=0), default=0, metavar="REVISION", help="Only what came after it.")
@click.option(
    "--job", "job_id", type=click.IntRange(min=0), metavar="ID", help="Only of this job; 0 is what belongs to none."
)
@click.option("--follow", is_flag=True, help="Go on with what happens from now, until Ctrl-C.")
@json_option
def events(since: int, job_id: int | None, follow: bool, as_json: bool) -> None:
    """Print the history, one JSON object a line: moves of jobs, orders, and alerts (of the job 0).

    Each line has a `revision`; give the last one you saw to --since to go on from there.
    """
    client = door()
    if since > (present := client.revision()):
        raise UsageError(f"--since {since}: the present revision is {present}; was the database put back, or removed?")
    if job_id and not client.events(0, job_id=job_id, limit=1):  # of a removed job they are still there
        client.job(job_id)
    while True:
        looked = client.revision()
        page = client.events(since, job_id=job_id, limit=_PAGE)
        for event in page:
            say_json(event_as_json(event), now=follow)
        since = page[-1].revision if page else since
        if len(page) >= _PAGE:
            continue
        if not follow:
            return
        _await_change(client, looked)


def _await_change(client: Client, looked: int) -> None:
    while client.revision() == looked:
        time.sleep(_LOOK_S)
    time.sleep(_LOOK_S / 10)


def event_as_json(event: JobEvent) -> dict[str, object]:
    """The one JSON form of a line of history."""
    from workers.jobs import rfc3339

    return {
        "type": "event",
        "revision": event.revision,
        "id": event.job_id,
        "at": rfc3339(event.at),
        "move": event.move,
        "before": event.before,
        "after": event.after,
        "by": event.by,
        "reason": event.reason,
    }
