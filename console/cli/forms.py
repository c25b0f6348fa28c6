"""Flags derived from the parameters of an operation: a pydantic field in, a click option out, and back again."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from urllib.parse import quote_from_bytes, unquote_to_bytes

import click
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from workers.errors import InvalidParams, UsageError
from workers.jobs import Job
from workers.operations.contract import EMPTY_NAME, Operation, flag_of

POSITIONAL = "inputs"
SECRET = "***"
_URL = re.compile(r"[a-z][a-z0-9+.-]+://|bytes:", re.IGNORECASE)
_SEQUENCES = (list, tuple, set, frozenset, Sequence, Iterable)


@dataclass(frozen=True, slots=True)
class Kind:
    """What a field holds, as far as a flag must know it."""

    many: bool = False  # the flag may be given several times
    pairs: bool = False  # each value is KEY=VALUE
    switch: bool = False  # --x / --no-x
    optional: bool = False  # may be None
    choices: tuple[str, ...] = ()
    word: str = "TEXT"  # what stands for the value in the help


def kind_of(annotation: Any) -> Kind:
    """The kind of an annotation: `bool`, `int | None`, `Literal[...]`, `tuple[Path, ...]`, `dict[str, str]` …"""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return kind_of(args[0])
    if origin in (Union, UnionType):
        return _kind_of_union(args)
    if origin is Literal:
        return Kind(choices=tuple(str(arg.value if isinstance(arg, Enum) else arg) for arg in args))
    if origin in (dict, Mapping) or getattr(origin, "__name__", "") == "Mapping":
        return Kind(many=True, pairs=True, word="KEY=VALUE")
    if origin in _SEQUENCES or getattr(origin, "__name__", "") in ("Sequence", "Iterable"):
        inner = kind_of(args[0]) if args else Kind()
        return Kind(many=True, choices=inner.choices, word=inner.word)
    if annotation is bool:
        return Kind(switch=True)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return Kind(choices=tuple(str(member.value) for member in annotation))
    words = {int: "INTEGER", float: "NUMBER", Path: "PATH"}
    return Kind(word=words.get(annotation, "TEXT"))


def _kind_of_union(args: tuple[Any, ...]) -> Kind:
    inner = [kind_of(arg) for arg in args if arg is not NoneType]
    first = inner[0]
    if len(inner) == 1:
        return Kind(first.many, first.pairs, first.switch, NoneType in args, first.choices, first.word)
    return Kind(optional=NoneType in args, word="|".join(dict.fromkeys(kind.word for kind in inner)))


class _Offered(click.Choice[str]):
    """Choices that are shown and completed here, but checked with everything else at once by the operation."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The value as it stands."""
        return str(value)


class ParamOption(click.Option):
    """The flag of one field. `advanced` ones are listed after the others."""

    advanced = False


def hint(field: FieldInfo, name: str) -> Any:
    """A hint for forms and flags from the field's `json_schema_extra`, or None."""
    return field.json_schema_extra.get(name) if isinstance(field.json_schema_extra, dict) else None


def secret_fields(operations: Iterable[Operation[Any]], name: str) -> frozenset[str]:
    """Names of the options of an operation that are never shown."""
    return frozenset(
        option for operation in operations if operation.name == name for option in operation.secret_options
    )


def shown_params(operations: Iterable[Operation[Any]], job: Job) -> dict[str, Any]:
    """The options of a job as they may be shown: secret ones that were given are masked."""
    secret = secret_fields(operations, job.operation)
    return {name: SECRET if name in secret and given else given for name, given in job.params.items()}


def defaults_of(operations: Iterable[Operation[Any]], name: str) -> dict[str, Any]:
    """The defaults of an operation's options; of a required one, None."""
    found = (operation.params.model_fields for operation in operations if operation.name == name)
    return {
        name: None if info.is_required() else info.get_default(call_default_factory=True)
        for fields in found
        for name, info in fields.items()
    }


def options_of(operation: Operation[Any]) -> list[click.Option]:
    """A flag for every field but the inputs."""
    fields = operation.params.model_fields
    return [option_of(name, field) for name, field in fields.items() if name != POSITIONAL]


def option_of(name: str, field: FieldInfo) -> click.Option:
    """The flag of one field."""
    kind = kind_of(field.annotation)
    flag, short = flag_of(name), hint(field, "short")
    declared = [f"{flag}/--no-{flag[2:]}" if kind.switch else flag, name]
    if isinstance(short, str) and short:
        declared.append(f"-{short.lstrip('-')}")
    given: dict[str, Any] = {"help": help_of(field, kind), "default": None, "multiple": kind.many}
    if not kind.switch:
        given["type"] = _type_of(field, kind)
        given["metavar"] = None if kind.choices else "PATH" if hint(field, "path") else kind.word
    option = ParamOption(declared, **given)
    option.advanced = bool(hint(field, "advanced"))
    return option


def _type_of(field: FieldInfo, kind: Kind) -> click.ParamType[Any]:
    if kind.choices:
        return _Offered(kind.choices)
    return click.Path() if hint(field, "path") or kind.word == "PATH" else click.STRING


def help_of(field: FieldInfo, kind: Kind) -> str:
    """The description of a field with its bounds and default."""
    text = " ".join((field.description or "").split())
    notes = [note for note in (_bounds(field), _default(field, kind), "repeatable" if kind.many else "") if note]
    return f"{text} [{'; '.join(notes)}]" if notes else text


def _bounds(field: FieldInfo) -> str:
    low = high = None
    for rule in field.metadata:
        low = getattr(rule, "ge", getattr(rule, "gt", low))
        high = getattr(rule, "le", getattr(rule, "lt", high))
    if low is not None and high is not None:
        return f"{low} to {high}"
    return f"at least {low}" if low is not None else f"at most {high}" if high is not None else ""


def _default(field: FieldInfo, kind: Kind) -> str:
    value = field.default
    if field.is_required():
        return "required"
    if value is PydanticUndefined or value in (None, "", (), [], {}) or hint(field, "secret"):
        return ""
    if kind.switch:
        return f"default: {'on' if value else 'off'}"
    return f"default: {value.value if isinstance(value, Enum) else value}"


def values_of(operation: Operation[Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the flags that were given, paths made absolute; what was not given keeps its default."""
    values: dict[str, Any] = {}
    for name, field in operation.params.model_fields.items():
        value = given.get(name)
        if name == POSITIONAL or value is None or value == ():
            continue
        values[name] = _value(operation.name, name, field, value)
    return values


def _value(operation: str, name: str, field: FieldInfo, value: Any) -> Any:
    kind = kind_of(field.annotation)
    if kind.pairs:
        return dict(_pair(operation, name, text) for text in value)
    if not (hint(field, "path") or kind.word == "PATH"):
        return list(value) if kind.many else value
    return [absolute(text) for text in value] if kind.many else absolute(value)


def _pair(operation: str, name: str, text: str) -> tuple[str, str]:
    key, found, value = text.partition("=")
    if not found or not key:
        raise InvalidParams(operation, [(flag_of(name), f"{text!r} is not KEY=VALUE")])
    return key, value


def absolute(text: str) -> str:
    """A path as the worker can find it: from the folder of the person, not of the worker. A URL stays as it is.

    A name that is no UTF-8 becomes `bytes:` and its bytes, percent-encoded: the form that every operation reads.
    """
    if not text or (_URL.match(text) and not os.path.lexists(text)):
        return text
    path = os.path.abspath(os.path.expanduser(text))
    try:
        path.encode()
    except UnicodeEncodeError:
        return "bytes:" + quote_from_bytes(os.fsencode(path))
    return path


def inputs_of(operation: Operation[Any], inputs: Sequence[str]) -> list[str]:
    """The inputs with files by their absolute paths. What is neither a file nor meant as one stays as it is.

    InvalidParams when one is empty or only blanks, as of a variable that was not set: it would mean this folder.
    """
    if any(not text.strip() and not os.path.lexists(text) for text in inputs):
        raise InvalidParams(operation.name, [("INPUT", EMPTY_NAME)])
    field = operation.params.model_fields[POSITIONAL]
    files = bool(hint(field, "path")) or kind_of(field.annotation).word == "PATH"
    return [absolute(text) if files or os.path.lexists(text) else text for text in inputs]


def missing_files(operation: Operation[Any], inputs: Sequence[str]) -> list[str]:
    """Those of these inputs that are meant as files (absolute paths, as of `inputs_of`) and are not there."""
    field = operation.params.model_fields.get(POSITIONAL)
    if field is None or not (hint(field, "path") or kind_of(field.annotation).word == "PATH"):
        return []
    return [text for text in inputs if text.startswith(("/", "bytes:/")) and not os.path.lexists(path_of(text))]


def no_folders(operation: Operation[Any], values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is wrong with the folder for outputs, as far as it can be seen now: flag and words."""
    field, given = operation.params.model_fields.get("output"), values.get("output")
    if field is None or field.is_required() or not hint(field, "path") or not isinstance(given, str) or not given:
        return []  # a required one is the name of a file
    try:
        facts = os.stat(path_of(given))
    except OSError as error:
        wrong = error.errno in (errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP)
        return [("--output", f"{given!r}: {error.strerror}")] if wrong else []
    return [] if stat.S_ISDIR(facts.st_mode) else [("--output", f"{given!r} is a file, and must be a folder")]


def path_of(given: str) -> str:
    """The path that `absolute` was given."""
    return os.fsdecode(unquote_to_bytes(given.removeprefix("bytes:"))) if given.startswith("bytes:") else given


def takes_many(operation: Operation[Any]) -> bool:
    """Whether one job of the operation takes several inputs; otherwise each input is a job of its own."""
    field = operation.params.model_fields.get(POSITIONAL)
    return field is not None and kind_of(field.annotation).many and operation.takes_many


def edited_values(operation: Operation[Any], changes: Sequence[str]) -> dict[str, Any]:
    """The values that `option=value` words give; UsageError names the word that is wrong and the nearest right one."""
    given: dict[str, list[str]] = {}
    for word in changes:
        key, found, value = word.partition("=")
        name = key.lstrip("-").replace("-", "_")
        if not found:
            raise UsageError(f"{word!r}: write option=value")
        if name not in operation.params.model_fields:
            raise UsageError(_no_such_option(operation, key))
        given.setdefault(name, []).append(value)
    return {name: _edited(operation, name, texts) for name, texts in given.items()}


def _no_such_option(operation: Operation[Any], key: str) -> str:
    import difflib

    names = [name.replace("_", "-") for name in operation.params.model_fields]
    near = difflib.get_close_matches(key.replace("_", "-"), names, n=1)
    hint_text = f"did you mean {near[0]}?" if near else f"one of {', '.join(names)}"
    return f"{operation.name} has no option {key!r}; {hint_text}"


def _edited(operation: Operation[Any], name: str, texts: list[str]) -> Any:
    field = operation.params.model_fields[name]
    kind = kind_of(field.annotation)
    if texts == [""]:
        if field.is_required():
            raise InvalidParams(operation.name, [(name, "this option is required")])
        return field.get_default(call_default_factory=True)
    if name == POSITIONAL:
        found = inputs_of(operation, texts)
        return found if kind.many else found[-1]
    return _value(operation.name, name, field, texts if kind.many else texts[-1])
