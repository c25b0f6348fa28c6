"""From the flags and inputs of one command line to jobs: everything is checked before anything is submitted."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from console.cli.forms import POSITIONAL, inputs_of, kind_of, missing_files, no_folders, takes_many, values_of
from console.cli.output import say, say_json, tell
from console.cli.selection import one_id
from workers.errors import InvalidParams, UsageError
from workers.jobs import Job, Priority
from workers.operations.contract import Operation, flag_of

if TYPE_CHECKING:
    from workers.client import Client

Problems = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Request:
    """What one command line asks for: the values of each job, and what holds for all of them."""

    values: tuple[dict[str, Any], ...]
    priority: Priority
    run_after: int | None
    window: str | None
    after: tuple[int, ...]
    after_ended: tuple[int, ...]
    batch: str | None
    hold: bool


def submit(operation: Operation[Any], given: Mapping[str, Any]) -> int:
    """Submit what was asked for and tell the ids; with --wait stay. The exit code."""
    from console.cli.words import door

    request = request_of(operation, given)
    client = door()
    as_json, wait = bool(given["as_json"]), bool(given["job_wait"])
    jobs = [_submit(client, operation, request, values) for values in request.values]
    for job in jobs:
        _tell_submitted(client, job, as_json, wait)
    if wait:
        from console.cli.output import flush
        from console.cli.wait import await_jobs

        flush()
        return await_jobs(client, [job.id for job in jobs], as_json, start=True)
    if not client.worker().running:
        tell("no worker runs yet: `spool worker --detach` starts one, and so does opening the console with `spool`")
    return 0


def _submit(client: Client, operation: Operation[Any], request: Request, values: dict[str, Any]) -> Job:
    return client.submit(
        operation.name,
        values,
        priority=request.priority,
        run_after=request.run_after,
        window=request.window,
        after=request.after,
        after_ended=request.after_ended,
        batch=request.batch,
        hold=request.hold,
    )


def _tell_submitted(client: Client, job: Job, as_json: bool, wait: bool) -> None:
    from console.cli.jobs import as_json_with_reasons

    if not as_json:
        say(str(job.id))
    elif not wait:  # with --wait each job is told once, when it has ended
        say_json(as_json_with_reasons(client, job))


def request_of(operation: Operation[Any], given: Mapping[str, Any]) -> Request:
    """The request that the flags make; InvalidParams with every problem there is, and nothing done."""
    problems: Problems = []
    run_after = _at(given["job_at"], problems)
    after = _after("--after", given["job_after"], problems)
    after_ended = _after("--after-ended", given["job_after_ended"], problems)
    for both in sorted({*after} & {*after_ended}):
        said = f"job {both} is named by --after-ended too, which any end satisfies; give one of the two"
        problems.append(("--after", said))
    window = _window(given["job_window"], problems)
    try:
        values = values_of(operation, given)
    except InvalidParams as error:
        problems += error.problems
        values = {}
    try:
        inputs = _inputs(operation, given)
    except InvalidParams as error:
        raise InvalidParams(operation.name, problems + error.problems) from None
    batch = _batch(given["job_batch"], problems)
    absent = missing_files(operation, inputs)
    chained = bool(after or after_ended)
    if not chained:
        problems += [(repr(text), "there is no such file or folder") for text in absent]
    problems += no_folders(operation, values)
    per_job = _per_job(operation, values, inputs)
    for one in per_job:
        problems += [problem for problem in _check(operation, one) if problem not in problems]
    if problems:
        raise InvalidParams(operation.name, problems)
    if chained:
        tell_still_absent(absent)
    return Request(
        values=tuple(per_job),
        priority=Priority.parse(given["job_priority"]),
        run_after=run_after,
        window=window,
        after=after,
        after_ended=after_ended,
        batch=batch,
        hold=given["job_hold"],
    )


def tell_still_absent(inputs: Sequence[str]) -> None:
    """Say of these inputs of a job that starts after others that they are not there: the others may make them."""
    for text in inputs:
        tell(f"{text!r}: there is no such file or folder yet; the job fails unless those before it make it")


def _at(text: str | None, problems: Problems) -> int | None:
    from console.cli.times import moment_ms

    try:
        return moment_ms(text) if text else None
    except UsageError as error:
        problems.append(("--at", str(error)))
        return None


def _batch(name: str | None, problems: Problems) -> str | None:
    from workers.client import new_batch_name

    try:
        return None if name is None else new_batch_name(name)
    except UsageError as error:
        problems.append(("--batch", str(error)))
        return None


def _window(text: str | None, problems: Problems) -> str | None:
    from workers.client import canonical_window

    try:
        return canonical_window(text) if text else None
    except UsageError as error:
        problems.append(("--window", str(error)))
        return None


def _after(flag: str, words: Sequence[str], problems: Problems) -> tuple[int, ...]:
    found = []
    for word in words:
        try:
            found.append(one_id(word))
        except UsageError as error:
            problems.append((flag, str(error)))
    return tuple(found)


def _inputs(operation: Operation[Any], given: Mapping[str, Any]) -> list[str]:
    words = list(given.get(POSITIONAL) or ())
    if "-" in words:
        at = words.index("-")
        words[at : at + 1] = read_inputs(nul=bool(given.get("job_nul")))
    elif given.get("job_nul"):
        raise UsageError("-0 says how inputs on stdin end: give - as an input too")
    return inputs_of(operation, words) if words else []


def read_inputs(*, nul: bool) -> list[str]:
    """The inputs on stdin: one a line, or each ended by NUL. Blank lines count for nothing."""
    if sys.stdin is None:
        raise UsageError("- reads inputs from stdin, but it is closed")
    data = sys.stdin.buffer.read()
    if nul:
        return [os.fsdecode(part) for part in data.split(b"\0") if part]
    return [text for text in (os.fsdecode(line).strip("\r\n") for line in data.split(b"\n")) if text.strip()]


def _per_job(operation: Operation[Any], values: dict[str, Any], inputs: list[str]) -> list[dict[str, Any]]:
    field = operation.params.model_fields.get(POSITIONAL)
    if field is None or not inputs:
        return [values]
    if takes_many(operation):
        return [{**values, POSITIONAL: inputs}]
    many = kind_of(field.annotation).many
    return [{**values, POSITIONAL: [text] if many else text} for text in inputs]


def _check(operation: Operation[Any], values: dict[str, Any]) -> Problems:
    try:
        operation.validate(values)
    except InvalidParams as error:
        return [
            (_as_written(field, values), message.removeprefix("Value error, ")) for field, message in error.problems
        ]
    return []


def _as_written(field: str, values: Mapping[str, Any]) -> str:
    """The field as the person wrote it: the flag, or the input itself."""
    name, _, rest = field.partition(".")
    if name != POSITIONAL:
        return flag_of(name) if name else ""
    given = values.get(POSITIONAL)
    if isinstance(given, list) and (rest.isdecimal() or len(given) == 1):
        at = int(rest or 0)
        given = given[at] if at < len(given) else None
    return repr(given) if isinstance(given, str) else "INPUT"
