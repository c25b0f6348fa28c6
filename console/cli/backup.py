"""`spool backup` and `spool restore`: copies of the jobs table, and putting one back."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from console.cli.output import confirmed, person_present, say, say_json, tell
from console.cli.words import json_option
from workers.errors import UsageError

if TYPE_CHECKING:
    from workers.client import Backup, ChangedNumber, Contents, RestorePlan
    from workers.jobs import Pause
    from workers.settings import Settings

_ACTIONS = ("now", "list")


@click.command()
@click.argument("action", default="now", metavar="[list]")
@json_option
def backup(action: str, as_json: bool) -> int:
    """Copy the jobs table now, beside the running work; list shows the copies that there are."""
    from workers.client import backup_as_json, list_backups, list_replaced, make_backup
    from workers.config import load_settings

    if action not in _ACTIONS:
        raise UsageError(f"{action!r}: `spool backup` makes a copy, `spool backup list` shows them")
    settings = load_settings()
    if action == "list":
        return _listed(settings, list_backups(settings), list_replaced(settings), as_json)
    made = make_backup(settings)
    if as_json:
        say_json(backup_as_json(made))
    else:
        say(_line(made))
    return 0


def _listed(settings: Settings, made: list[Backup], replaced: list[Backup], as_json: bool) -> int:
    from workers.client import backup_as_json

    for kind, found in (("backup", made), ("replaced", replaced)):
        for one in found:
            if as_json:
                say_json({"kind": kind, **backup_as_json(one)})
            else:
                say(_line(one) + ("" if kind == "backup" else "  (a restored one took its place)"))
    if not made and not as_json:
        tell(f"no backup yet in {settings.paths.backups}; `spool backup` makes one, and so does the worker each day")
    return 0


def _line(made: Backup) -> str:
    from console.format import clock, size

    return f"{made.path.name}  {clock(made.at_ms):>16}  {size(made.size):>9}"


@click.command()
@click.argument("file", default="newest", metavar="[FILE|newest]")
@click.option("--hold", is_flag=True, help="Keep all its waiting jobs from starting until you have looked at them.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@json_option
def restore(file: str, hold: bool, yes: bool, as_json: bool) -> int:
    """Put a copy of the jobs table in the place of the present one, which is kept. The worker must be stopped.

    FILE is the name of a backup, as `spool backup list` shows it, or any file; without it the newest backup is meant.
    It tells what would be lost, and asks; where nobody can be asked it needs --yes, or changes nothing.
    """
    from workers.client import find_backup, login_name, plan_restore, restore_backup
    from workers.config import load_settings

    settings = load_settings()
    plan = plan_restore(settings, find_backup(settings, file))
    for line in _described(plan, hold):
        tell(line)
    if not yes and not _agreed():
        tell("nothing was changed")
        return 1
    replaced = restore_backup(settings, plan, by=login_name(), hold=hold)
    if as_json:
        say_json({**_as_json(plan), "hold": hold, "replaced": None if replaced is None else str(replaced)})
        return 0
    say(f"restored {plan.source.name}: {_holds(plan.contents)}")
    if replaced is not None:
        say(f"the one before is kept in {replaced}; `spool restore {replaced.name}` goes back to it")
    return 0


def _agreed() -> bool:
    if not person_present():
        raise UsageError("restore needs --yes where nobody can be asked; nothing was changed")
    return confirmed("restore it?")


def _described(plan: RestorePlan, hold: bool) -> Iterator[str]:
    """What a person should know before: what the copy holds, what there is now, and what that means."""
    from console.format import age, clock, plural
    from workers.text import clean

    made = f", made {clock(plan.at_ms)}, {age(plan.at_ms, int(time.time() * 1000))} ago" if plan.at_ms else ""
    yield f"{plan.source}{made}: {_holds(plan.contents)}"
    if plan.problem:
        yield f"the present database: {plan.problem}"
    if plan.present is not None:
        yield f"the present database: {_holds(plan.present)}"
    yield from (clean(line) for line in _in_force(plan))
    if plan.difference is None:
        yield "what has happened since the copy was made is lost"
        return
    lost, again, back = plan.difference.lost, plan.difference.again, plan.difference.back
    if plan.difference.kept and not hold:
        yield f"{plural(plan.difference.kept, 'job')} that somebody let go since would be on hold again"
    if plan.difference.freed and not hold:
        yield f"{plural(plan.difference.freed, 'job')} that somebody put on hold since would be free to run"
    if not (lost or again or back):
        yield "lost: no job; only what was changed of them since"
    if lost:
        whose = "its history (files that it made stay)" if lost == 1 else "their history (files that they made stay)"
        yield f"lost: {plural(lost, 'job')} that came later, with {whose}"
    if again:
        what = "wait, held," if hold else "be done again (--hold keeps what waits from starting)"
        yield f"{plural(again, 'job')} that ended since would {what}"
    if back:
        yield f"{plural(back, 'job')} that somebody removed since would be listed again"


def _in_force(plan: RestorePlan) -> Iterator[str]:
    """Pauses, slots and limits that would be others than they are, as far as it is known how they are."""
    changes = plan.changes
    for pause in changes.again:
        yield f"paused again, {_lasts(pause)}: {pause.scope.called(pause.name)} (by {pause.by})"
    for pause in changes.lifted:
        yield f"paused no more: {pause.scope.called(pause.name)} (paused {_lasts(pause)} by {pause.by})"
    for old, new in changes.otherwise:
        yield f"paused {_lasts(new)} (by {new.by}), not {_lasts(old)} (by {old.by}): {new.scope.called(new.name)}"
    for one in changes.numbers:
        whose = "slots of the queue" if one.kind == "slots" else "limit of the batch"
        before = f", not {_number(one, one.before)}" if plan.present is not None else ""
        yield f"{whose} {one.name}: {_number(one, one.after)}{before}"


def _lasts(pause: Pause) -> str:
    from console.format import clock

    return f"until {clock(pause.until)}" if pause.until else f"until `spool {pause.scope.value} resume` ends it"


def _number(changed: ChangedNumber, number: int | None) -> str:
    from console.limits import limit_word

    if changed.kind == "slots":
        return "as configured" if number is None else str(number)
    return limit_word(number)


def _holds(contents: Contents) -> str:
    from console.format import clock, plural

    states = ", ".join(f"{count:,} {state}" for state, count in contents.states.items())
    last = f"; last change {clock(contents.last_change_ms)}" if contents.last_change_ms else ""
    return f"{plural(contents.jobs, 'job')}{f' ({states})' if states else ''}{last}"


def _as_json(plan: RestorePlan) -> Mapping[str, Any]:
    from dataclasses import asdict

    from workers.jobs import rfc3339

    changes, known = plan.changes, plan.present is not None
    change = asdict(plan.difference) if plan.difference else dict.fromkeys(("lost", "again", "back", "kept", "freed"))
    return {
        "restored": str(plan.source),
        "at": rfc3339(plan.at_ms),
        "version": plan.contents.schema,
        "states": plan.contents.states,
        "problem": plan.problem or None,
        "paused_again": [_pause_as_json(pause) for pause in changes.again],
        "paused_no_more": [_pause_as_json(pause) for pause in changes.lifted] if known else None,
        "paused_otherwise": [
            {**_pause_as_json(new), "until_before": rfc3339(old.until), "by_before": old.by}
            for old, new in changes.otherwise
        ],
        "set_otherwise": [asdict(one) for one in changes.numbers],
        **change,
    }


def _pause_as_json(pause: Pause) -> dict[str, Any]:
    from workers.jobs import rfc3339

    return {"scope": pause.scope.value, "name": pause.name, "until": rfc3339(pause.until), "by": pause.by}
