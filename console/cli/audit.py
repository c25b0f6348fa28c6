"""`spool audit`: every order with the user who gave it and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from console.cli.output import say, say_json, tell
from console.cli.words import door, json_option
from workers.errors import UsageError

if TYPE_CHECKING:
    from workers.jobs import JobEvent

_PAGE = 500
_DAY_MS = 86_400_000


@click.command()
@click.option("--since", metavar="SPAN|TIME", help="Only what was ordered since: 2h, 7d, or a time as --at takes it.")
@click.option("--by", metavar="USER", help="Only what this user ordered.")
@json_option
def audit(since: str | None, by: str | None, as_json: bool) -> None:
    """List who ordered what, and when, the oldest first.

    Orders are kept for `jobs.keep_days`, and those about a job as long as the job at least.
    """
    moment = 0 if since is None else since_ms(since)
    client = door()
    after, any_found = 0, False
    while True:
        page = client.ordered(moment, by=by, after_id=after, limit=_PAGE)
        for event in page:
            any_found = True
            say_json(order_as_json(event)) if as_json else say(_line(event))
        if len(page) < _PAGE:
            break
        after = page[-1].id
    if not any_found and not as_json:
        tell("no order was found")


def since_ms(text: str) -> int:
    """The time that `--since` names, in ms since 1970: so long ago, or a time. UsageError."""
    import time

    from console.cli.times import is_span, moment_ms, span_s

    now = int(time.time() * 1000)
    if is_span(text):
        return now - int(span_s(text) * 1000)
    moment = moment_ms(text)
    if moment > now and ":" in text and len(text) <= 5:
        return moment - _DAY_MS  # 08:00 is the last one here
    if moment > now:
        raise UsageError(f"{text!r} is still to come: nothing was ordered since")
    return moment


def order_as_json(event: JobEvent) -> dict[str, object]:
    """The one JSON form of an order; `id` is that of the job, 0 where it was about none."""
    from workers.jobs import rfc3339

    return {
        "at": rfc3339(event.at),
        "by": event.by,
        "order": event.move,
        "id": event.job_id,
        "before": event.before,
        "after": event.after,
        "reason": event.reason,
        "revision": event.revision,
    }


def _line(event: JobEvent) -> str:
    from console.format import clock, in_clock
    from workers.text import clean

    what = f"job {event.job_id}" if event.job_id else "-"
    change = f"{event.before} -> {event.after}" if event.before != event.after else ""
    rest = "  ".join(word for word in (change.strip(), in_clock(event.reason)) if word)
    return clean(f"{clock(event.at):>16}  {event.by:<12}  {event.move:<16}  {what:<10}  {rest}").rstrip()
