"""`spool undo`: what a job replaced goes back, by a plan."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from console.cli.output import confirmed, person_present, say, say_json, tell
from console.cli.selection import one_id
from console.cli.trash import answered
from console.cli.words import door, json_option
from workers.errors import ReadOnlyError, UsageError

if TYPE_CHECKING:
    from workers.client import Client, UndoStep


@click.command()
@click.argument("job_id", metavar="ID")
@click.option("--plan", is_flag=True, help="Only show what would be done.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@json_option
def undo(job_id: str, plan: bool, yes: bool, as_json: bool) -> int:
    """Put back what a job replaced; what has its place goes to the trash, so that this can be undone too.

    What changed since stays as it is. Exit code 1 when some of it cannot be put back.
    """
    from console.format import plural

    client = door()
    number = one_id(job_id)
    steps = _planned(client, number)
    if plan:
        _show(steps, as_json)
        return 0 if all(step.possible for step in steps) else 1
    if client.settings.read_only:
        raise ReadOnlyError("undoing a job")
    if not any(step.possible for step in steps):
        _show(steps, as_json)
        tell(f"nothing of job {number} can be put back")
        return 1
    if not yes:
        count = plural(sum(step.possible for step in steps), "file")
        if not person_present():
            raise UsageError(f"undo of {count} needs --yes where nobody can be asked; nothing was done (see --plan)")
        _show(steps, False)
        if not confirmed(f"put {count} back?"):
            tell("nothing was done")
            return 1
    return answered(client.undo(number, steps), as_json)


def _planned(client: Client, number: int) -> list[UndoStep]:
    """What undoing the job would do; also of a job that was removed, whose originals are still there."""
    try:
        return client.undo_plan(number)
    except UsageError:
        client.job(number)  # one that never was has nothing in the trash either, which is not what to tell
        raise


def _show(steps: Sequence[UndoStep], as_json: bool) -> None:
    from workers.client import undo_step_as_json
    from workers.text import clean

    for step in steps:
        if as_json:
            say_json(undo_step_as_json(step))
            continue
        entry = step.entry
        say(f"{entry.id}  {clean(entry.original)}")
        if step.problem:
            say(f"    stays in the trash: {step.problem}")
        elif step.successor_goes:
            say(f"    goes back; to the trash goes {clean(entry.replacement)}")
        else:
            say(f"    goes back; {clean(entry.replacement)} is gone already")
