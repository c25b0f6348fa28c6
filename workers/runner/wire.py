"""The words between worker and runner: JSON lines over two pipes, version 1.

`down` carries what the worker says (its end-of-file is the leash of the runner), `up` what the runner says. Every
line is one object whose `"t"` names the message. What comes up is distrusted: lines are bounded, types checked.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any, TypeAlias, TypeVar

from workers.errors import ErrorClass, Failure
from workers.jobs import ItemOutcome, Outcome, Progress
from workers.runner.messages import (
    Alive,
    Down,
    Failed,
    Finished,
    Granted,
    Hello,
    ItemBegun,
    ItemEnded,
    JobMessage,
    Progressed,
    Published,
    Publishing,
    Refused,
    Staging,
    Titled,
    Total,
    Up,
    WireError,
)

__all__ = [
    "MAX_JOB_LINE",
    "MAX_LINE",
    "VERSION",
    "Alive",
    "Down",
    "Failed",
    "Finished",
    "Granted",
    "Hello",
    "ItemBegun",
    "ItemEnded",
    "JobMessage",
    "Progressed",
    "Published",
    "Publishing",
    "Refused",
    "Staging",
    "Titled",
    "Total",
    "Up",
    "WireError",
    "decode_down",
    "decode_up",
    "encode",
]

VERSION = 1
MAX_LINE = 1 << 20  # bytes of one line that a runner may say
MAX_JOB_LINE = 1 << 28  # bytes of one line that the worker may say: a job may name very many inputs

Fields: TypeAlias = dict[str, Any]
T = TypeVar("T")

_NAMES: Mapping[type[Any], str] = {
    JobMessage: "job",
    Granted: "granted",
    Refused: "refused",
    Hello: "hello",
    Progressed: "progress",
    Titled: "title",
    Alive: "alive",
    Staging: "staging",
    Publishing: "publishing",
    Total: "total",
    ItemBegun: "begun",
    ItemEnded: "item",
    Finished: "result",
    Failed: "failure",
}
_VERSIONED = (JobMessage, Hello)


# --- to bytes ---------------------------------------------------------------------------------------------------


def encode(message: Down | Up) -> bytes:
    """One line, newline included. A message that would be longer than the reader takes is cut, never refused."""
    limit = MAX_JOB_LINE if isinstance(message, JobMessage) else MAX_LINE
    line = _dump(_fields(message))
    if len(line) <= limit:
        return line
    line = _dump(_fields(_shortened(message)))
    if len(line) > limit:
        raise WireError(f"a {_NAMES[type(message)]} message of {len(line)} bytes is too long for the wire")
    return line


def _dump(values: Fields) -> bytes:
    # ASCII only: a file name that is no UTF-8 travels as a lone surrogate, which UTF-8 itself could not carry.
    try:
        text = json.dumps(values, separators=(",", ":"), default=str, allow_nan=False)
    except (ValueError, TypeError, RecursionError):
        text = json.dumps(_tame(values), separators=(",", ":"))
    return text.encode("ascii") + b"\n"


def _tame(value: Any, depth: int = 8) -> Any:
    """`value` with whatever JSON cannot hold made into text or None: facts for people must not cost a result."""
    if depth == 0 or not isinstance(value, Mapping | list | tuple | str | int | float | None):
        return str(value)[:200]
    if isinstance(value, Mapping):
        return {str(key): _tame(entry, depth - 1) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_tame(entry, depth - 1) for entry in value]
    return _finite(value)


def _fields(message: Down | Up) -> Fields:
    values: Fields = {"t": _NAMES[type(message)]}
    if isinstance(message, _VERSIONED):
        values["v"] = VERSION
    match message:
        case JobMessage():
            values |= {f.name: getattr(message, f.name) for f in fields(message) if f.name != "memory_bytes"}
            values["published"] = [_plain(entry) for entry in message.published]
            values["limits"] = {"memory_bytes": message.memory_bytes}
        case Progressed(progress=progress):
            values |= {name: _finite(value) for name, value in _plain(progress).items()}
        case ItemEnded(item=item):
            values |= {"key": item.key, "outcome": item.outcome.value, "outputs": item.outputs, "detail": item.detail}
            values["error"] = None if item.failure is None else _failure_fields(item.failure)
        case Failed(failure=failure):
            values |= _failure_fields(failure) | {"retry_after_s": _finite(failure.retry_after_s)}
        case _:
            values |= _plain(message)
    return values


def _plain(value: Any) -> Fields:
    return {f.name: getattr(value, f.name) for f in fields(value)}


def _finite(value: Any) -> Any:
    """None for a NaN or infinity: neither is JSON, and as progress both mean unknown."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _failure_fields(failure: Failure) -> Fields:
    return {
        "class": failure.error_class.value,
        "message": failure.message,
        "input": failure.input,
        "detail": failure.detail,
    }


def _shortened(message: Down | Up) -> Down | Up:
    """The same message without what only explains it."""
    match message:
        case Finished(outputs=outputs):
            return _cut_outputs(outputs)
        case Failed(failure=failure):
            return Failed(_cut_failure(failure))
        case ItemEnded(item=item):
            cut = None if item.failure is None else _cut_failure(item.failure)
            return ItemEnded(replace(item, outputs=item.outputs[:100], failure=cut, detail={"cut": True}))
    return message


def _cut_outputs(outputs: tuple[str, ...]) -> Finished:
    """As many outputs as fit, and how many were left off."""
    kept, room = 0, MAX_LINE - 1024
    for path in outputs:
        room -= len(json.dumps(path)) + 1
        if room < 0:
            break
        kept += 1
    return Finished(outputs[:kept], {"cut": True, "outputs_left_off": len(outputs) - kept})


def _cut_failure(failure: Failure) -> Failure:
    return replace(failure, message=failure.message[:2000], input=failure.input[:4000], detail=failure.detail[-8000:])


# --- from bytes -------------------------------------------------------------------------------------------------


def decode_up(line: bytes) -> Up:
    """The message that a runner said in `line`; WireError when it is none."""
    values = _load(line)
    return _decoder(_UP, values)(values)


def decode_down(line: bytes) -> Down:
    """The message that the worker said in `line`; WireError when it is none."""
    values = _load(line)
    return _decoder(_DOWN, values)(values)


def _load(line: bytes) -> Fields:
    try:
        values = json.loads(line, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise WireError(f"not a line of JSON: {line[:80]!r}") from None
    if not isinstance(values, dict):
        raise WireError(f"not an object: {line[:80]!r}")
    return values


def _refuse_constant(word: str) -> float:
    raise ValueError(word)


def _decoder(table: Mapping[str, Callable[[Fields], T]], values: Fields) -> Callable[[Fields], T]:
    name = values.get("t")
    decoder = table.get(name) if isinstance(name, str) else None
    if decoder is None:
        raise WireError(f"no message {str(name)[:40]!r}")
    return decoder


def _text(values: Fields, name: str) -> str:
    value = values.get(name, "")
    if not isinstance(value, str):
        raise WireError(f"{name} is not text")
    return value


def _path(values: Fields, name: str = "path") -> str:
    value = _text(values, name)
    if not value.startswith("/") or "\0" in value:
        raise WireError(f"{name} is not an absolute path")
    return value


def _whole(values: Fields, name: str) -> int:
    value = _whole_or_none(values, name)
    if value is None or value < 0:
        raise WireError(f"{name} is not a whole number of 0 or more")
    return value


def _whole_or_none(values: Fields, name: str) -> int | None:
    value = values.get(name)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or abs(value) >= 1 << 64):
        raise WireError(f"{name} is not a whole number")
    return value


def _number_or_none(values: Fields, name: str) -> float | None:
    value = values.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise WireError(f"{name} is not a number")
    try:
        number = float(value)
    except OverflowError:
        raise WireError(f"{name} is too large") from None
    return number if math.isfinite(number) else None


def _texts(values: Fields, name: str) -> tuple[str, ...]:
    value = values.get(name, [])
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise WireError(f"{name} is not a list of texts")
    return tuple(value)


def _mapping(values: Fields, name: str) -> Fields:
    value = values.get(name, {})
    if not isinstance(value, dict):
        raise WireError(f"{name} is not an object")
    return value


def _check_version(values: Fields) -> None:
    if values.get("v") != VERSION:
        raise WireError(f"the wire has version {str(values.get('v'))[:20]}, this side speaks {VERSION}")


def _job(values: Fields) -> JobMessage:
    _check_version(values)
    entries = values.get("published", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise WireError("published is not a list of objects")
    return JobMessage(
        job_id=_whole(values, "job_id"),
        lease=_whole(values, "lease"),
        attempt=_whole(values, "attempt"),
        operation=_text(values, "operation"),
        params=_mapping(values, "params"),
        work_dir=_path(values, "work_dir"),
        settings=_mapping(values, "settings"),
        finished=_texts(values, "finished"),
        published=tuple(Published(**_file(entry)) for entry in entries),
        memory_bytes=_whole(_mapping(values, "limits") or {"memory_bytes": 0}, "memory_bytes"),
    )


def _file(values: Fields) -> Fields:
    numbers = {name: _whole(values, name) for name in ("inode", "device", "size")}
    return {"item": _text(values, "item"), "path": _path(values)} | numbers


def _hello(values: Fields) -> Hello:
    _check_version(values)
    return Hello(_whole(values, "pid"))


def _progressed(values: Fields) -> Progressed:
    fraction = _number_or_none(values, "fraction")
    progress = Progress(
        fraction=None if fraction is None else min(max(fraction, 0.0), 1.0),
        phase=_text(values, "phase"),
        done=_whole_or_none(values, "done"),
        total=_whole_or_none(values, "total"),
        rate=_number_or_none(values, "rate"),
        eta_s=_number_or_none(values, "eta_s"),
        unit=_text(values, "unit"),
    )
    return Progressed(progress)


def _item(values: Fields) -> ItemEnded:
    error = values.get("error")
    if error is not None and not isinstance(error, dict):
        raise WireError("error is not an object")
    try:
        outcome = Outcome(_text(values, "outcome"))
    except ValueError:
        raise WireError(f"no outcome {_text(values, 'outcome')[:40]!r}") from None
    failure = None if error is None else _failure(error)
    return ItemEnded(
        ItemOutcome(_text(values, "key"), outcome, _texts(values, "outputs"), failure, _mapping(values, "detail"))
    )


def _failure(values: Fields) -> Failure:
    try:
        error_class = ErrorClass(_text(values, "class"))
    except ValueError:
        raise WireError(f"no class of failure {_text(values, 'class')[:40]!r}") from None
    texts = (_text(values, "message"), _text(values, "input"), _text(values, "detail"))
    return Failure(error_class, *texts, _number_or_none(values, "retry_after_s"))


_DOWN: Mapping[str, Callable[[Fields], Down]] = {
    "job": _job,
    "granted": lambda values: Granted(_text(values, "path")),
    "refused": lambda values: Refused(_text(values, "why"), _text(values, "path")),
}
_UP: Mapping[str, Callable[[Fields], Up]] = {
    "hello": _hello,
    "progress": _progressed,
    "title": lambda values: Titled(_text(values, "title")),
    "alive": lambda values: Alive(),
    "staging": lambda values: Staging(_path(values)),
    "publishing": lambda values: Publishing(**_file(values)),
    "total": lambda values: Total(_whole(values, "items")),
    "begun": lambda values: ItemBegun(_text(values, "key")),
    "item": _item,
    "result": lambda values: Finished(_texts(values, "outputs"), _mapping(values, "detail")),
    "failure": lambda values: Failed(_failure(values)),
}
