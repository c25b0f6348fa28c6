"""The words between worker and runner: JSON lines over two pipes, version 1.

`down` carries what the worker says (its end-of-file is the leash of the runner), `up` what the runner says. Every
line is one object whose `"t"` names the message. What comes up is distrusted: lines are bounded, types checked.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from workers.errors import Failure
from workers.jobs import ItemRecord
from workers.runner.decoding import decode_down, decode_up
from workers.runner.messages import (
    VERSION,
    Alive,
    Down,
    Failed,
    Fields,
    FilesKept,
    Finished,
    Granted,
    Hello,
    ItemsEnded,
    JobMessage,
    Known,
    Offered,
    Progressed,
    Published,
    Publishing,
    Refused,
    Staging,
    Titled,
    Total,
    Up,
    WireError,
    Yield,
    Yielded,
)

__all__ = [
    "MAX_JOB_LINE",
    "MAX_LINE",
    "VERSION",
    "Alive",
    "Down",
    "Failed",
    "FilesKept",
    "Finished",
    "Granted",
    "Hello",
    "ItemsEnded",
    "JobMessage",
    "Known",
    "Offered",
    "Progressed",
    "Published",
    "Publishing",
    "Refused",
    "Staging",
    "Titled",
    "Total",
    "Up",
    "WireError",
    "Yield",
    "Yielded",
    "decode_down",
    "decode_up",
    "encode",
    "json_text",
]

MAX_LINE = 1 << 20  # bytes of one line that a runner may say
MAX_JOB_LINE = 1 << 28  # bytes of one line that the worker may say: a job may name very many inputs

_MOST_OUTPUTS = MAX_LINE // 8  # bytes of the outputs of one item in a line that had to be cut

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
    Offered: "offered",
    Known: "known",
    ItemsEnded: "items",
    FilesKept: "files",
    Finished: "result",
    Failed: "failure",
    Yield: "yield",
    Yielded: "yielded",
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
    return json_text(values).encode("ascii") + b"\n"


def json_text(values: Mapping[str, Any]) -> str:
    """`values` as JSON; what JSON cannot hold becomes text or None."""
    # ASCII only: a file name that is no UTF-8 travels as a lone surrogate, which UTF-8 itself could not carry.
    try:
        return json.dumps(values, separators=(",", ":"), default=str, allow_nan=False)
    except (ValueError, TypeError, RecursionError):
        return json.dumps(_tame(values), separators=(",", ":"))


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
        case ItemsEnded(items=items):
            values["items"] = [_record_fields(item) for item in items]
        case FilesKept():
            values |= _plain(message) | {"saved_s": _finite(message.saved_s)}
        case Failed(failure=failure):
            values |= _failure_fields(failure)
        case _:
            values |= _plain(message)
    return values


def _record_fields(item: ItemRecord) -> Fields:
    """Only what is not as usual: most items are done, and there may be many."""
    values: Fields = {"key": item.key, "outcome": item.outcome.value, "cost_s": _finite(item.cost_s)}
    if item.outputs:
        values["outputs"] = item.outputs
    if item.detail != "{}":
        values["detail"] = item.detail
    if item.kept:
        values["kept"] = item.kept
    if item.failure is not None:
        values["error"] = _failure_fields(item.failure)
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
        "retry_after_s": _finite(failure.retry_after_s),
        "short_of_room": failure.short_of_room,
    }


def _shortened(message: Down | Up) -> Down | Up:
    """The same message without what only explains it."""
    match message:
        case Finished(outputs=outputs):
            return _cut_outputs(outputs)
        case Failed(failure=failure):
            return Failed(_cut_failure(failure))
        case ItemsEnded(items=items):
            return ItemsEnded(tuple(_cut_longest(items)))
    return message


def _cut_outputs(outputs: tuple[str, ...]) -> Finished:
    """As many outputs as fit, and how many were left off."""
    kept = _fitting(outputs, MAX_LINE - 1024)
    return Finished(outputs[:kept], {"cut": True, "outputs_left_off": len(outputs) - kept})


def _fitting(outputs: tuple[str, ...], room: int) -> int:
    """How many outputs, from the first on, fit into so many bytes."""
    for kept, path in enumerate(outputs):
        room -= len(json.dumps(path)) + 1
        if room < 0:
            return kept
    return len(outputs)


def _cut_longest(items: tuple[ItemRecord, ...]) -> list[ItemRecord]:
    """The records, the longest of them cut until they fit on one line: the others keep what they tell."""
    sizes = [len(_dump(_record_fields(item))) for item in items]
    too_much = sum(sizes) - (MAX_LINE - 1024)
    cut = list(items)
    for place in sorted(range(len(items)), key=lambda place: -sizes[place]):
        if too_much <= 0:
            break
        cut[place] = _cut_record(items[place])
        too_much -= sizes[place] - len(_dump(_record_fields(cut[place])))
    return cut


def _cut_record(item: ItemRecord) -> ItemRecord:
    """The record without its detail, which can be kept no more, and with as many outputs as a part of a line holds."""
    if item.failure is not None:
        return replace(item, failure=_cut_failure(item.failure))
    outputs = item.outputs[: _fitting(item.outputs, _MOST_OUTPUTS)]
    left_off = len(item.outputs) - len(outputs)
    return replace(item, outputs=outputs, detail=json_text({"cut": True, "outputs_left_off": left_off}), kept="")


def _cut_failure(failure: Failure) -> Failure:
    return replace(failure, message=failure.message[:2000], input=failure.input[:4000], detail=failure.detail[-8000:])
