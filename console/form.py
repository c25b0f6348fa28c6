"""A form derived from an operation's parameters: what each field shows, and its values back again. Pure."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from console.cli.forms import Kind, absolute, hint, kind_of, path_of
from workers.errors import InvalidParams
from workers.operations.contract import Operation

NO, YES = "no", "yes"
UNSET = "(none)"
_NAMES = {
    # Words for people on the first page of the most used form; a test compares them with the operation.
    "download": {
        "inputs": "URLs",
        "quality": "Quality",
        "audio_only": "Audio only",
        "output": "Folder",
    },
}


@dataclass(frozen=True, slots=True)
class FormField:
    """One line of a form. `values` are the choices; without any it is text, of several `lines` for lists."""

    name: str
    words: str
    help: str
    start: str
    kind: Kind
    values: tuple[str, ...] = ()
    lines: bool = False
    advanced: bool = False
    required: bool = False
    path: bool = False
    secret: bool = False


def fields_of(operation: Operation[Any], given: Mapping[str, Any] | None = None) -> list[FormField]:
    """All fields of an operation, those of its first page first, starting from `given` values or the defaults."""
    model = operation.params.model_fields
    first = [name for name in _first_page(operation) if name in model]
    order = [*first, *(name for name in model if name not in first)]
    return [_field(operation, name, model[name], name not in first, (given or {}).get(name)) for name in order]


def _first_page(operation: Operation[Any]) -> Sequence[str]:
    if operation.primary:
        return operation.primary
    model = operation.params.model_fields
    return [name for name, info in model.items() if not hint(info, "advanced")]


def _field(operation: Operation[Any], name: str, info: FieldInfo, advanced: bool, given: Any) -> FormField:
    kind = kind_of(info.annotation)
    values: tuple[str, ...] = ()
    if kind.switch:
        values = (NO, YES)
    elif kind.choices and not kind.many:
        values = (UNSET, *kind.choices) if kind.optional else kind.choices
    start = _text(given if given is not None else _default(info), kind)
    words = _NAMES.get(operation.name, {}).get(name) or name.replace("_", " ").capitalize()
    return FormField(
        name=name,
        words=words,
        help=_help(info, kind),
        start=start or (UNSET if values and values[0] == UNSET else ""),
        kind=kind,
        values=values,
        lines=kind.many,
        advanced=advanced,
        required=info.is_required(),
        path=bool(hint(info, "path")) or kind.word == "PATH",
        secret=bool(hint(info, "secret")),
    )


def _help(info: FieldInfo, kind: Kind) -> str:
    text = " ".join((info.description or "").split())
    if kind.pairs:
        text += " One KEY=VALUE a line."
    elif kind.many:
        text += " One a line."
    return text.strip()


def _default(info: FieldInfo) -> Any:
    value = info.get_default(call_default_factory=True) if not info.is_required() else None
    return None if value is PydanticUndefined else value


def _text(value: Any, kind: Kind) -> str:
    if value is None:
        return ""
    if kind.switch:
        return YES if value else NO
    if isinstance(value, Mapping):
        return "\n".join(f"{key}={one}" for key, one in value.items())
    if kind.many and not isinstance(value, str):
        return "\n".join(_text(one, Kind()) for one in value)
    return str(value.value) if isinstance(value, Enum) else str(value)


def value_of(field: FormField, text: str) -> Any:
    """The value that a field's text means; None for "leave it to the default"."""
    if field.kind.switch:
        return text == YES
    if field.values:
        return None if text == UNSET else text
    if field.kind.pairs:
        return dict(_pair(line) for line in _lines(text)) or None
    if field.lines:
        return [_absolute(line) if field.path else line for line in _lines(text)]
    text = text.strip()
    if not text:
        return None if field.kind.word != "TEXT" or field.kind.optional or field.required else ""
    return _absolute(text) if field.path else text


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]


def _pair(line: str) -> tuple[str, str]:
    name, _, value = line.partition("=")
    return name.strip(), value.strip()


def _absolute(path: str) -> str:
    """Paths are meant from where the console was started, as on the command line. URLs stay."""
    return path if "://" in path else absolute(path)


def values_of(fields: Sequence[FormField], texts: Mapping[str, str]) -> dict[str, Any]:
    """The values to submit. Fields as they started, and required ones left empty, are left to the operation."""
    values: dict[str, Any] = {}
    for field in fields:
        value = value_of(field, texts[field.name])
        if value is not None and (field.required or value_of(field, field.start) != value or field.start == ""):
            values[field.name] = value
    return {name: value for name, value in values.items() if value not in ("", [])}


def problems_by_field(error: InvalidParams, fields: Sequence[FormField]) -> tuple[dict[str, str], str]:
    """What is wrong, under each field; and what belongs to none of them."""
    names = {field.name for field in fields}
    found: dict[str, list[str]] = {}
    rest: list[str] = []
    for place, message in error.problems:
        name = place.split(".")[0]
        message = message.removeprefix("Value error, ")
        (found.setdefault(name, []) if name in names else rest).append(message)
    return {name: "; ".join(dict.fromkeys(messages)) for name, messages in found.items()}, "; ".join(rest)


def absent(fields: Sequence[FormField], values: Mapping[str, Any]) -> dict[str, list[str]]:
    """Input paths that do not exist on this host, by field. URLs and empty fields are not looked at."""
    missing: dict[str, list[str]] = {}
    for field in fields:
        value = values.get(field.name)
        if field.path and field.required and value:
            paths = [value] if isinstance(value, str) else value
            gone = [path for path in paths if "://" not in path and not os.path.exists(path_of(path))]
            if gone:
                missing[field.name] = gone
    return missing
