"""From the lines of the wire to messages. What comes up is distrusted: types and bounds are checked."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from workers.errors import ErrorClass, Failure
from workers.jobs import ItemRecord, Outcome, Progress
from workers.runner.messages import (
    NAME_DIGITS,
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

T = TypeVar("T")
_HEX = re.compile("[0-9a-f]*")


def _refuse_constant(word: str) -> float:
    raise ValueError(word)


_JSON = json.JSONDecoder(parse_constant=_refuse_constant)  # made once: that takes longer than reading a short line


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
        values = _JSON.decode(line.decode())
    except (ValueError, RecursionError):
        raise WireError(f"not a line of JSON: {line[:80]!r}") from None
    if not isinstance(values, dict):
        raise WireError(f"not an object: {line[:80]!r}")
    return values


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
    entries = _objects(values, "published")
    return JobMessage(
        job_id=_whole(values, "job_id"),
        lease=_whole(values, "lease"),
        attempt=_whole(values, "attempt"),
        operation=_text(values, "operation"),
        params=_mapping(values, "params"),
        work_dir=_path(values, "work_dir"),
        settings=_mapping(values, "settings"),
        resumed=values.get("resumed") is True,
        published=tuple(Published(**_file(entry)) for entry in entries),
        environment={name: str(value) for name, value in _mapping(values, "environment").items()},
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


def _objects(values: Fields, name: str) -> list[Fields]:
    entries = values.get(name, [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise WireError(f"{name} is not a list of objects")
    return entries


def _items(values: Fields) -> ItemsEnded:
    return ItemsEnded(tuple(_record(entry) for entry in _objects(values, "items")))


def _record(values: Fields) -> ItemRecord:
    error = values.get("error")
    if error is not None and not isinstance(error, dict):
        raise WireError("error is not an object")
    try:
        outcome = Outcome(_text(values, "outcome"))
    except ValueError:
        raise WireError(f"no outcome {_text(values, 'outcome')[:40]!r}") from None
    return ItemRecord(
        _text(values, "key"),
        outcome,
        _texts(values, "outputs"),
        None if error is None else _failure(error),
        _text(values, "detail") or "{}",
        _number_or_none(values, "cost_s") or 0.0,
        _hexadecimal(values, "kept", NAME_DIGITS),
    )


def _hexadecimal(values: Fields, name: str, digits: int) -> str:
    text = _text(values, name)
    if text and (len(text) != digits or not _HEX.fullmatch(text)):
        raise WireError(f"{name} is not {digits} hexadecimal digits")
    return text


def _offered(values: Fields) -> Offered:
    keys = _texts(values, "keys")
    return Offered(_whole(values, "number"), keys, _hexadecimal(values, "kept", NAME_DIGITS * len(keys)))


def _known(values: Fields) -> Known:
    finished, cached, elsewhere = (_places(values, name) for name in ("finished", "cached", "elsewhere"))
    return Known(_whole(values, "number"), finished, cached, elsewhere, _whole(values, "failed"))


def _places(values: Fields, name: str) -> tuple[int, ...]:
    places = values.get(name, [])
    if not isinstance(places, list) or not all(isinstance(place, int) and place >= 0 for place in places):
        raise WireError(f"{name} is not a list of places")
    return tuple(places)


def _files(values: Fields) -> FilesKept:
    hits, misses, size = (_whole(values, name) for name in ("hits", "misses", "size"))
    saved_s = max(0.0, _number_or_none(values, "saved_s") or 0.0)
    return FilesKept(_text(values, "category"), hits, misses, size, saved_s)


def _failure(values: Fields) -> Failure:
    try:
        error_class = ErrorClass(_text(values, "class"))
    except ValueError:
        raise WireError(f"no class of failure {_text(values, 'class')[:40]!r}") from None
    texts = (_text(values, "message"), _text(values, "input"), _text(values, "detail"))
    short = values.get("short_of_room") is True
    return Failure(error_class, *texts, _number_or_none(values, "retry_after_s"), short)


_DOWN: Mapping[str, Callable[[Fields], Down]] = {
    "job": _job,
    "granted": lambda values: Granted(_text(values, "path")),
    "refused": lambda values: Refused(_text(values, "why"), _text(values, "path")),
    "known": _known,
    "yield": lambda values: Yield(values.get("wanted") is not False),
}
_UP: Mapping[str, Callable[[Fields], Up]] = {
    "hello": _hello,
    "progress": _progressed,
    "title": lambda values: Titled(_text(values, "title")),
    "alive": lambda values: Alive(),
    "staging": lambda values: Staging(_path(values), _texts(values, "gone")),
    "publishing": lambda values: Publishing(**_file(values), durable=values.get("durable") is not False),
    "total": lambda values: Total(_whole(values, "items")),
    "offered": _offered,
    "items": _items,
    "files": _files,
    "result": lambda values: Finished(_texts(values, "outputs"), _mapping(values, "detail")),
    "failure": lambda values: Failed(_failure(values)),
    "yielded": lambda values: Yielded(),
}
