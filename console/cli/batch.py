"""`spool batch`: named groups of jobs, their limit, holding and cancelling them as a whole, and templates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from console.cli.change import agreed, answered
from console.cli.output import confirmed, person_present, say, say_json, tell
from console.cli.times import end_of_pause, moment_ms
from console.cli.words import door, json_option, pause_options
from console.limits import limit_of, limit_word
from workers.errors import UsageError
from workers.jobs import Scope

if TYPE_CHECKING:
    from workers.client import Answer, Batch, Client, Template

_USES = {
    "list": "",
    "show": "NAME",
    "add": "NAME ID|QUERY…",
    "out": "ID|QUERY…",
    "limit": "NAME N|auto|any",
    "pause": "NAME",
    "resume": "NAME",
    "hold": "NAME",
    "start": "NAME",
    "cancel": "NAME",
    "delete": "NAME",
    "save": "NAME [TEMPLATE]",
    "use": "TEMPLATE NAME [INPUT…]",
    "templates": "",
    "forget": "TEMPLATE",
}


@click.command()
@click.argument("words", nargs=-1, metavar="[ACTION …]")
@pause_options("jobs")
@click.option("--hold", is_flag=True, help="With use: hold the jobs until `spool unhold`.")
@click.option("--at", metavar="TIME", help="With use: start nothing of it before 22:00, +2h …, or now; else as kept.")
@click.option("--new", is_flag=True, help="With limit: of a batch that is still to come.")
@click.option("-y", "--yes", is_flag=True, help="With cancel, delete and forget: do not ask.")
@json_option
def batch(
    words: tuple[str, ...],
    span: str | None,
    until: str | None,
    soft: bool,
    hold: bool,
    at: str | None,
    new: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Show the batches (named by `--batch NAME` of a submission), or act on one of them as a whole.

    \b
    list                        all of them, as without an action
    show NAME                   one, with its limit and progress
    add NAME ID…|QUERY          put jobs into it
    out ID…|QUERY               take jobs out of theirs
    limit NAME N|auto|any       how many of its jobs run at once
    pause NAME, resume NAME     start nothing of it, or go on
    hold NAME                   hold all its jobs that wait
    start NAME                  let all its jobs go on, those on hold too
    cancel NAME                 end all its jobs
    delete NAME                 remove it with its jobs, as rm does
    save NAME [TEMPLATE]        keep what its jobs ask for
    use TEMPLATE NAME [INPUT…]  submit that again, with these inputs if any
    templates, forget TEMPLATE  list what was kept, or forget one
    """
    action, rest = (words[0], list(words[1:])) if words else ("list", [])
    if action not in _USES:
        raise UsageError(f"{action!r} is none of {', '.join(_USES)}")
    _check_flags(action, pause=bool(span or until or soft), use=hold or bool(at), new=new, yes=yes)
    _check_words(action, rest)
    client = door()
    if action == "pause":
        client.batch(rest[0])
        client.pause_scope(Scope.BATCH, rest[0], until=end_of_pause(span, until), soft=soft)
        return _shown(client, rest[0], as_json)
    if action in ("cancel", "delete"):
        return _end(client, action, rest[0], yes, as_json)
    if action == "forget":
        return _forgotten(client, rest[0], yes, as_json)
    if action == "use":
        return _used(client, rest, hold, at, as_json)
    if action == "limit":
        return _limited(client, rest, new, as_json)
    return _ACTS[action](client, rest, as_json)


def _check_flags(action: str, *, pause: bool, use: bool, new: bool, yes: bool) -> None:
    if pause and action != "pause":
        raise UsageError("--for, --until and --soft belong to `spool batch pause`")
    if use and action != "use":
        raise UsageError("--hold and --at belong to `spool batch use`")
    if new and action != "limit":
        raise UsageError("--new belongs to `spool batch limit`")
    if yes and action not in ("cancel", "delete", "forget"):
        raise UsageError("--yes belongs to `spool batch cancel`, `spool batch delete` and `spool batch forget`")


def _check_words(action: str, rest: Sequence[str]) -> None:
    wanted = _USES[action].split()
    least = sum(not word.startswith("[") for word in wanted)
    if len(rest) < least or (len(rest) > len(wanted) and not _USES[action].endswith(("…]", "…"))):
        raise UsageError(f"write it as: spool batch {action} {_USES[action]}".rstrip())


def _list(client: Client, rest: Sequence[str], as_json: bool) -> int:
    _tell_batches(client.batches(), as_json)
    return 0


def _shown(client: Client, name: str, as_json: bool) -> int:
    _tell_batches([client.batch(name)], as_json)
    return 0


def _limited(client: Client, rest: Sequence[str], new: bool, as_json: bool) -> int:
    name = rest[0].strip()
    client.limit_batch(name, limit_of(rest[1]), new=new)
    found = client.batches(name)
    if not any(one.jobs for one in found):
        tell(f"no job names the batch {name} yet: `--batch {name}` of a submission does")
    _tell_batches(found, as_json)
    return 0


def _added(client: Client, rest: Sequence[str], as_json: bool) -> int:
    return _assigned(client, rest[0], rest[1:], as_json)


def _assigned(client: Client, name: str | None, words: Sequence[str], as_json: bool) -> int:
    from console.cli.selection import select

    chosen = select(client, words)
    if not chosen.ids:
        tell("no job matches; nothing was done")
        return 0
    return answered(client.assign_batch(chosen.ids, name), as_json)


def _resumed(client: Client, rest: Sequence[str], as_json: bool) -> int:
    found = client.batch(rest[0])
    was = client.resume_scope(Scope.BATCH, found.name)
    left = client.batches(found.name)  # none where only its pause was left of it
    if as_json:
        say_json(batch_as_json(left[0] if left else replace(found, pause=None)) | {"resumed": was})
    elif was:
        _tell_batches(left, as_json)
    if not was:
        tell(f"spool: the batch {found.name} was not paused; `spool batch start` lets its jobs on hold go on, too")
    return 0 if was else 1


def _held(client: Client, rest: Sequence[str], as_json: bool) -> int:
    return _all_told(client, rest[0], client.hold_batch(rest[0]), "no job of it waits", as_json)


def _started(client: Client, rest: Sequence[str], as_json: bool) -> int:
    return _all_told(client, rest[0], client.start_batch(rest[0]), "none of its jobs was on hold or paused", as_json)


def _all_told(client: Client, name: str, answers: Sequence[Answer], none: str, as_json: bool) -> int:
    """What became of the jobs of a batch in few words, those that were refused one by one, and the batch."""
    told = [answer.message for answer in answers if answer.ok]
    for message in dict.fromkeys(told):
        tell(f"{told.count(message)} of its jobs: {message}")
    for answer in answers:
        if not answer.ok:
            tell(f"job {answer.job_id} {answer.message}")
    if not answers:
        tell(none)
    return _shown(client, name, as_json)


def _end(client: Client, action: str, name: str, yes: bool, as_json: bool) -> int:
    found = client.batch(name)
    if action == "cancel" and found.over:
        tell(f"all jobs of {found.name} have ended; nothing was done")
        return 0
    members = list(client.batch_members(name))
    if not yes and not agreed(action, client, members, batch=found.name):
        tell("nothing was done")
        return 1
    if not yes and list(client.batch_members(name)) != members:
        tell(f"spool: jobs came into {found.name} or left it while you were asked; nothing was done")
        return 1
    answers = (client.cancel_batch if action == "cancel" else client.remove_batch)(name)
    if not answers and action == "delete":  # it had a limit or a pause, and no jobs of which something could be told
        if as_json:
            say_json({"batch": found.name, "ok": True})
        else:
            say(f"{found.name}: removed; it had no jobs")
    return answered(answers, as_json)


def _saved(client: Client, rest: Sequence[str], as_json: bool) -> int:
    _tell_templates([client.save_template(rest[0], rest[-1])], as_json)
    return 0


def _used(client: Client, rest: Sequence[str], hold: bool, at: str | None, as_json: bool) -> int:
    from workers.jobs import job_as_json

    template, name, *words = rest
    inputs = [_whole(text) for text in words]
    begin = None if not at else 0 if at == "now" else moment_ms(at)
    jobs = client.use_template(template, name, inputs=inputs, hold=hold, run_after=begin)
    for job in jobs:
        if as_json:
            say_json(job_as_json(job))
        else:
            say(str(job.id))
    kept = next((len(one.jobs) for one in client.templates() if one.name == template), len(jobs))
    if inputs and len(jobs) < kept:
        tell(f"the template has {kept} jobs; those that these inputs make equal were submitted once")
    return 0


def _whole(text: str) -> str:
    """An input as the worker understands it: an address, or the whole path of a file that is there."""
    import os
    from pathlib import Path

    if "://" in text:
        return text
    path = Path(os.path.expanduser(text)).absolute()  # of a user that there is not, it stays as it is
    if not path.exists():
        raise UsageError(f"{text!r}: there is no such file or folder")
    return str(path)


def _templates(client: Client, rest: Sequence[str], as_json: bool) -> int:
    _tell_templates(client.templates(), as_json)
    return 0


def _forgotten(client: Client, name: str, yes: bool, as_json: bool) -> int:
    kept = [template for template in client.templates() if template.name == name]
    if kept and not yes:
        if not person_present():
            raise UsageError(f"forget of the template {name} needs --yes where nobody can be asked; nothing was done")
        _tell_templates(kept, as_json=False)
        if not confirmed(f"forget {name}?"):
            tell("nothing was done")
            return 1
    client.remove_template(name)
    if as_json:
        say_json({"template": name, "ok": True})
    else:
        say(f"{name}: forgotten")
    return 0


_ACTS: dict[str, Callable[[Client, Sequence[str], bool], int]] = {
    "list": _list,
    "show": lambda client, rest, as_json: _shown(client, rest[0], as_json),
    "add": _added,
    "out": lambda client, rest, as_json: _assigned(client, None, rest, as_json),
    "resume": _resumed,
    "hold": _held,
    "start": _started,
    "save": _saved,
    "templates": _templates,
}


def _tell_batches(batches: Sequence[Batch], as_json: bool) -> None:
    if as_json:
        for one in batches:
            say_json(batch_as_json(one))
        return
    if not batches:
        tell("there are no batches: `--batch NAME` of a submission makes one")
        return
    for line in batch_lines(batches):
        say(line)


def batch_lines(batches: Sequence[Batch]) -> list[str]:
    """A table of batches for people."""
    from console.format import clock
    from workers.jobs import State
    from workers.text import clean

    lines = [f"{'BATCH':<20}  {'AT ONCE':>7}  {'JOBS':>6}  {'RUNNING':>7}  {'WAITING':>7}  {'FAILED':>6}  {'DONE':>5}"]
    for one in batches:
        limit = limit_word(one.limit)
        done = "-" if one.fraction is None else f"{one.fraction:.0%}"
        waiting, failed = one.counts.get(State.QUEUED, 0), one.counts.get(State.FAILED, 0)
        until = f" until {clock(one.pause.until)}" if one.pause and one.pause.until else ""
        note = f"  paused{until} by {clean(one.pause.by)}" if one.pause else ""
        numbers = f"{limit:>7}  {one.jobs:>6}  {one.live:>7}  {waiting:>7}  {failed:>6}  {done:>5}"
        lines.append(f"{clean(one.name)[:40]:<20}  {numbers}{note}")
    return lines


def batch_as_json(one: Batch) -> dict[str, object]:
    """The one JSON form of a batch."""
    from workers.jobs import rfc3339

    items = one.items
    return {
        "name": one.name,
        "limit": "auto" if one.limit == 0 else one.limit,
        "jobs": one.jobs,
        "states": {state.value: count for state, count in one.counts.items()},
        "items": {
            "total": items.total,
            "done": items.done,
            "failed": items.failed,
            "skipped": items.skipped,
            "cached": items.cached,
        },
        "fraction": one.fraction,
        "submitted_at": rfc3339(one.first_at),
        "finished_at": rfc3339(one.last_end),
        "paused": one.pause is not None,
        "paused_until": rfc3339(one.pause.until) if one.pause else None,
        "paused_by": one.pause.by if one.pause else "",
    }


def _tell_templates(templates: Sequence[Template], as_json: bool) -> None:
    from workers.client import start_of
    from workers.jobs import rfc3339
    from workers.text import clean

    for one in templates:
        if as_json:
            limit = "auto" if one.limit == 0 else one.limit
            at = rfc3339(one.at)
            say_json({"name": one.name, "limit": limit, "jobs": list(one.jobs), "by": one.by, "at": at})
            continue
        names = [str(job["operation"]) for job in one.jobs]
        told = ", ".join(f"{names.count(name)} {name}" for name in dict.fromkeys(names))
        first = min(filter(None, map(start_of, one.jobs)), default=None)
        when = f", from {first.as_json()['clock']} on" if first else ""
        say(f"{clean(one.name):<20}  {told}{when}")
    if not templates and not as_json:
        tell("no template is kept: `spool batch save NAME` makes one")
