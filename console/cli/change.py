"""The verbs that change jobs: cancel, pause, resume, retry, hold, unhold, rm, priority, edit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from console.cli.meanwhile import Listed
from console.cli.output import confirmed, person_present, say, say_json, tell
from console.cli.selection import Selection, nothing_found, one_id, select
from console.cli.times import end_of_pause, moment_ms
from console.cli.words import QueryCommand, door, json_option
from workers.errors import NoSuchJob, UsageError

if TYPE_CHECKING:
    from workers.client import Answer, Client
    from workers.jobs import Job
    from workers.operations.contract import Operation

Order = Callable[["Client", Sequence[int]], "list[Answer]"]


def _never(chosen: Selection) -> bool:
    return False


def _by_query(chosen: Selection) -> bool:
    return chosen.by_query


def _always(chosen: Selection) -> bool:
    return True


def _verb(
    name: str, text: str, order: Order, *, asks: Callable[[Selection], bool], only: str = "", none: str = ""
) -> click.Command:
    """A command that gives one order to all the jobs that its words mean.

    Of those that a query finds, it is for `only` those of one more word; `none` tells that none of them is left.
    """

    @click.command(name, cls=QueryCommand, help=text)
    @click.argument("ids", nargs=-1, metavar="ID…|QUERY")
    @json_option
    def command(ids: tuple[str, ...], as_json: bool, yes: bool = False) -> int:
        client = door()
        chosen = select(client, ids)
        if not chosen.ids:
            return nothing_found(ids)
        if only and chosen.by_query:
            chosen = select(client, [*ids, only])
            if not chosen.ids:
                tell(f"{none}; nothing was done")
                return 0
        if not asks(chosen) or yes:
            return answered(order(client, chosen.ids), as_json)
        listed = Listed(client, chosen.ids)
        if not agreed(name, client, chosen.ids):
            tell("nothing was done")
            return 1
        left = listed.unchanged()
        code = answered(order(client, left), as_json)
        return code if len(left) == len(chosen.ids) else 1

    if asks is not _never:
        command.params.append(click.Option(["-y", "--yes"], is_flag=True, help="Do not ask."))
    return command


def agreed(verb: str, client: Client, ids: Sequence[int], *, batch: str = "") -> bool:
    """Whether the person at the terminal agrees to it for these jobs, which may be all of a `batch`.

    UsageError when there is none to ask.
    """
    from console.format import plural

    count = plural(len(ids), "job")
    if not person_present():
        what = f"the batch {batch} with {count}" if batch else count
        raise UsageError(f"{verb} of {what} needs --yes where nobody can be asked; nothing was done")
    for job in client.jobs_by_id(ids[:5]).values():
        tell(f"  {job.id} {job.state.value} {job.title}")
    if len(ids) > 5:
        tell(f"  and {len(ids) - 5:,} more")
    return confirmed(f"{verb} {batch}: {count}?" if batch else f"{verb} {count}?")


def answered(answers: Sequence[Answer], as_json: bool) -> int:
    """Tell what became of each order; 0 when all were taken, 2 when there is no such job at all."""
    from console.format import in_clock

    absent = [answer for answer in answers if not answer.ok and answer.message == f"there is no job {answer.job_id}"]
    for answer in answers:
        if as_json:
            say_json({"id": answer.job_id, "ok": answer.ok, "message": answer.message})
        elif answer.ok:
            say(f"{answer.job_id}: {in_clock(answer.message)}")
        elif answer in absent:
            tell(f"spool: {answer.message}; `spool jobs` lists them")
        else:
            tell(f"spool: job {answer.job_id}: {answer.message}")
    if answers and len(absent) == len(answers):
        return NoSuchJob.exit_code
    return 0 if all(answer.ok for answer in answers) else 1


cancel = _verb(
    "cancel",
    "Cancel jobs: a waiting one at once, a running one with all that it started. Asks before it acts on a QUERY.",
    lambda client, ids: client.cancel(ids),
    asks=_by_query,
    only="state:queued,running,paused",
    none="all jobs that match have ended",
)


@click.command(cls=QueryCommand)
@click.argument("ids", nargs=-1, metavar="ID…|QUERY")
@click.option("--for", "span", metavar="SPAN", help="Go on by itself after 30m, 2h, 1d …")
@click.option("--until", metavar="TIME", help="Go on by itself at 08:00, 'tomorrow 08:00' …")
@click.option("--soft", is_flag=True, help="Let each end the input that it has in hand, then wait on hold.")
@json_option
def pause(ids: tuple[str, ...], span: str | None, until: str | None, soft: bool, as_json: bool) -> int:
    """Pause running jobs where they are; they keep their slots and their partial work. Waiting ones are held."""
    end = end_of_pause(span, until)
    client = door()
    chosen = select(client, ids)
    if not chosen.ids:
        return nothing_found(ids)
    return answered(client.pause(chosen.ids, until=end, soft=soft), as_json)


resume = _verb("resume", "Let paused jobs go on.", lambda client, ids: client.resume(ids), asks=_never)


@click.command(cls=QueryCommand)
@click.argument("ids", nargs=-1, metavar="ID…|QUERY")
@click.option(
    "--new", "anew", is_flag=True, help="Submit the inputs that failed as a new job; the old one stays as it is."
)
@json_option
def retry(ids: tuple[str, ...], anew: bool, as_json: bool) -> int:
    """Run ended jobs again; of a job with many items only those that failed."""
    client = door()
    chosen = select(client, ids)
    if not chosen.ids:
        return nothing_found(ids)
    return answered((client.retry_anew if anew else client.retry)(chosen.ids), as_json)


now = _verb(
    "now",
    "Start waiting jobs before all others: off hold, at once, urgent and first in their queue.",
    lambda client, ids: client.start_now(ids),
    asks=_never,
)
hold = _verb("hold", "Keep waiting jobs from starting.", lambda client, ids: client.hold(ids), asks=_never)
unhold = _verb("unhold", "Let held jobs start.", lambda client, ids: client.unhold(ids), asks=_never)
rm = _verb(
    "rm",
    "Remove ended jobs from the list, with their logs. Files that they made stay. Always asks first.",
    lambda client, ids: client.remove(ids),
    asks=_always,
)


@click.command(cls=QueryCommand)
@click.argument("words", nargs=-1, metavar="ID…|QUERY LEVEL")
@json_option
def priority(words: tuple[str, ...], as_json: bool) -> int:
    """Set the priority of jobs: low, normal, high or urgent."""
    from workers.jobs import Priority

    if len(words) < 2:
        raise UsageError("write the jobs and then the level, as in: spool priority 12 high")
    try:
        level = Priority.parse(words[-1])
    except ValueError as error:
        raise UsageError(str(error)) from None
    client = door()
    chosen = select(client, words[:-1])
    if not chosen.ids:
        return nothing_found(words[:-1])
    return answered(client.set_priority(chosen.ids, level), as_json)


@click.command(cls=QueryCommand)
@click.argument("ids", nargs=-1, metavar="ID…|QUERY")
@click.option("--at", metavar="TIME", help="Not before: 08:00, 'tomorrow 08:00', +30m, RFC 3339, or now.")
@click.option("--window", metavar="HOURS", help="Only within: 22:00-06:00, 'mon-fri 22:00-06:00; sat,sun', or any.")
@json_option
def schedule(ids: tuple[str, ...], at: str | None, window: str | None, as_json: bool) -> int:
    """Say when waiting jobs may start."""
    if at is None and window is None:
        raise UsageError("when? give --at TIME, --window HOURS, or both")
    moment = None if at is None else 0 if at == "now" else moment_ms(at)
    client = door()
    chosen = select(client, ids)
    if not chosen.ids:
        return nothing_found(ids)
    hours = "" if window == "any" else window
    return answered(client.schedule(chosen.ids, run_after=moment, window=hours), as_json)


@click.command(context_settings={"ignore_unknown_options": True})  # --quality=720p is meant as quality=720p
@click.argument("job_id", metavar="ID")
@click.argument("changes", nargs=-1, required=True, metavar="OPTION=VALUE…")
@json_option
def edit(job_id: str, changes: tuple[str, ...], as_json: bool) -> int:
    """Change options of a waiting job, as its operation names them: spool edit 12 quality=720p playlist=on.

    `option=` alone takes an option back to its default. `spool show ID` tells what it has.
    """
    from console.cli.forms import edited_values, no_folders
    from workers.errors import InvalidParams

    client = door()
    job = client.job(one_id(job_id))
    operation = client.operation(job.operation)
    values = edited_values(operation, changes)
    if problems := [*_missing(operation, job, values), *no_folders(operation, values)]:
        raise InvalidParams(operation.name, problems)
    return answered([client.edit(job.id, values)], as_json)


def _missing(operation: Operation[Any], job: Job, values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is wrong with new inputs, as at submission: one that starts after others may wait for what they make."""
    from console.cli.forms import POSITIONAL, missing_files
    from console.cli.submit import tell_still_absent

    given = values.get(POSITIONAL, ())
    absent = missing_files(operation, [given] if isinstance(given, str) else list(given))
    if job.after:
        tell_still_absent(absent)
        return []
    return [(repr(text), "there is no such file or folder") for text in absent]
