"""`spool queue`: the queues, their slots, and pausing them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from console.cli.output import say, say_json, tell
from console.cli.times import end_of_pause
from console.cli.words import door, json_option, pause_options
from workers.errors import UsageError

if TYPE_CHECKING:
    from workers.client import Client, QueueStatus

_ACTIONS = ("pause", "resume", "slots")


@click.command()
@click.argument("words", nargs=-1, metavar="[pause|resume|slots N|slots auto] [QUEUE]")
@pause_options("jobs")
@json_option
def queue(words: tuple[str, ...], span: str | None, until: str | None, soft: bool, as_json: bool) -> int:
    """Show the queues, or pause, resume or resize one of them (without QUEUE: pause or resume all).

    `slots N` sets how many of its jobs run at once, 0 to 32, until it is set anew. `slots auto` gives the number back
    to the configuration, where it may follow the load.
    """
    client = door()
    action, rest = (words[0], list(words[1:])) if words and words[0] in _ACTIONS else ("", list(words))
    if action != "pause" and (span or until or soft):
        raise UsageError("--for, --until and --soft belong to `spool queue pause`")
    end = end_of_pause(span, until)
    if action == "slots":
        count, name = _slots(rest)
        client.set_slots(_known(name), count)
        if count is None:
            _tell_if_fixed(client, name)
    elif action:
        return _pause_or_resume(client, action, rest, end, soft, as_json)
    elif len(rest) > 1:
        raise UsageError(f"{rest[0]!r} is none of {', '.join(_ACTIONS)}")
    show_queues(client, _known(rest[-1]) if rest else None, as_json)
    return 0


def _slots(rest: list[str]) -> tuple[int | None, str]:
    """The number (None: as configured) and the queue."""
    from workers.jobs import MOST_AT_ONCE

    if len(rest) == 2 and rest[0] == "auto":
        return None, rest[1]
    if len(rest) != 2 or not rest[0].isdecimal() or int(rest[0]) > MOST_AT_ONCE:
        told = f"write a number from 0 to {MOST_AT_ONCE}, or auto, and the queue"
        raise UsageError(f"{told}, as in: spool queue slots 4 downloads")
    return int(rest[0]), rest[1]


def _tell_if_fixed(client: Client, name: str) -> None:
    """Who asks for `auto` where the configuration says a number is told how to get it."""
    status = next(status for status in client.queues() if status.name == name)
    if not status.auto:
        tell(f'the configuration gives {name} {status.slots}: {name} = "auto" in [slots] lets it follow the load')


def _known(name: str) -> str:
    import difflib

    from workers.jobs import QUEUES

    if name not in QUEUES:
        near = difflib.get_close_matches(name, QUEUES, n=1)
        raise UsageError(f"no queue {name!r}; {f'did you mean {near[0]}?' if near else 'one of ' + ', '.join(QUEUES)}")
    return name


def _pause_or_resume(client: Client, action: str, rest: list[str], until: int | None, soft: bool, as_json: bool) -> int:
    if len(rest) > 1:
        raise UsageError(f"one queue at a time, or none for all: not {' '.join(rest)!r}")
    name = _known(rest[0]) if rest else None
    if action == "pause":
        client.pause_queue(name, until=until, soft=soft)
        show_queues(client, name, as_json)
        return 0
    resumed = client.resume_queue(name)
    show_queues(client, name, as_json, resumed=resumed)
    if not resumed:
        tell(f"spool: the queue {name} was not paused" if name else "spool: no queue was paused")
    return 0 if resumed else 1


def show_queues(client: Client, name: str | None, as_json: bool, *, resumed: Sequence[str] | None = None) -> None:
    """The queues as lines, or one object a line; after a resume these tell which were `resumed`."""
    shown = [status for status in client.queues() if name is None or status.name == name]
    if as_json:
        for status in shown:
            say_json(queue_as_json(status) | ({} if resumed is None else {"resumed": status.name in resumed}))
        return
    for line in queue_lines(shown):
        say(line)


def queue_lines(queues: list[QueueStatus]) -> list[str]:
    """A table of queues for people."""
    lines = [f"{'QUEUE':<10}  {'SLOTS':>5}  {'RUNNING':>7}  {'WAITING':>7}  {'FAILED':>6}"]
    for status in queues:
        note = "".join(f"  {words}" for words in (_paused(status), _chosen(status)) if words)
        lines.append(
            f"{status.name:<10}  {status.slots:>5}  {status.running:>7}  {status.waiting:>7}  {status.failed:>6}{note}"
        )
    return lines


def _paused(status: QueueStatus) -> str:
    from console.format import clock

    if not status.paused:
        return ""
    until = f" until {clock(status.paused_until)}" if status.paused_until else ""
    return f"paused{until}" + (f" by {status.paused_by}" if status.paused_by else "")


def _chosen(status: QueueStatus) -> str:
    return f"({status.slots_words})" if status.slots_words else ""


def queue_as_json(status: QueueStatus) -> dict[str, object]:
    """The one JSON form of a queue."""
    from workers.jobs import rfc3339

    return {
        "name": status.name,
        "slots": status.slots,
        "running": status.running,
        "waiting": status.waiting,
        "failed": status.failed,
        "paused": status.paused,
        "paused_until": rfc3339(status.paused_until),
        "paused_by": status.paused_by,
        "slots_auto": status.auto or None,
        "slots_by_hand": status.by_hand,
        "slots_reason": status.slots_reason,
    }
