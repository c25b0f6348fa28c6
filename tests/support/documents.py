"""The parts of the documentation that follow from the code. `python -m tests.support.documents` writes them in place.

A generated part stands between `<!-- name -->` and `<!-- /name -->`; config.example.toml is generated as a whole.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from console.cli.forms import POSITIONAL, ParamOption
from console.cli.operations import command_of, known_operations
from console.cli.root import VERBS, spool
from console.keys import ACTIONS, shown_key
from workers.errors import ErrorClass
from workers.jobs import moves_as_table
from workers.settings import Settings

ROOT = Path(__file__).parents[2]
WIDTH = 100


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A Markdown table; pipes inside cells are escaped."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def keys() -> str:
    """Every action of the console's one table of keys."""

    def key(shown: str) -> str:
        return " ".join(f"`{part}`" for part in shown.split())

    rows = [
        (action.id, key(shown_key(action, all_of_them=True)), action.does, action.where.replace(",", ", "))
        for action in ACTIONS
    ]
    return table(("name", "key", "does", "where"), rows)


def errors() -> str:
    """Every class of failure, with the comment that stands beside it in the code."""
    source = (ROOT / "workers/errors.py").read_text(encoding="utf-8")
    rows = []
    for error_class in ErrorClass:
        found = re.search(rf'^    {error_class.name} = "[a-z_]+"  # (.+)$', source, re.MULTILINE)
        assert found, error_class
        rows.append((error_class.value, found[1], "yes" if error_class.retryable else "no"))
    return table(("class", "meaning", "tried again"), rows)


def verbs() -> str:
    """Every verb with its arguments, options and line of help."""
    context = click.Context(spool, info_name="spool")
    rows = []
    for name, (_, text) in VERBS.items():
        command = spool.get_command(context, name)
        assert command is not None
        words = [param.make_metavar(context) for param in command.params if isinstance(param, click.Argument)]
        options = [option_as_written(param) for param in command.params if isinstance(param, click.Option)]
        rows.append((f"`{' '.join([name, *words])}`", " ".join(options), text))
    return table(("verb", "options", "does"), rows)


def option_as_written(option: click.Option) -> str:
    """An option as a person writes it."""
    names = "/".join(sorted(option.opts, key=len))
    return f"`{names}{'' if option.is_flag else f' {option.metavar or option.type.name.upper()}'}`"


def operations() -> str:
    """Every operation with all its options."""
    return "\n\n".join("\n".join(_operation(operation)) for operation in known_operations())


def _operation(operation: Any) -> Iterator[str]:
    yield f"## {operation.name}\n"
    yield f"{operation.summary} Jobs wait in the queue `{operation.queue}`.\n"
    fields = operation.params.model_fields
    if POSITIONAL in fields:
        yield f"INPUT: {' '.join((fields[POSITIONAL].description or '').split())}\n"
    rows = []
    for param in command_of(operation).params:
        if isinstance(param, ParamOption):
            names = "/".join([*sorted(param.opts, key=len), *param.secondary_opts])
            values = "" if param.is_flag else f" {param.make_metavar(click.Context(spool))}"
            rows.append((f"`{names}{values}`", param.help or "", "advanced" if param.advanced else ""))
    yield table(("option", "meaning", ""), rows) + "\n"
    yield "```\n" + "\n".join(operation.examples) + "\n```"


_BY_MACHINE = {
    "slots.video": ("1", "Default: half of the cores."),
    "slots.images": ("2", "Default: one for each core."),
}
"""Settings whose default depends on the machine: the value of the example, and what to say."""


def example_config() -> str:
    """config.example.toml: every setting with its description and default, commented out."""
    parts = [
        "# Every setting of Spool with its default. Copy what you want to change to the path that",
        "# `spool config --path` prints, without the leading #. The environment wins over this file:",
        "# SPOOL_OUTPUT, SPOOL_FFMPEG, SPOOL_LOG_LEVEL and SPOOL_READ_ONLY. A worker reads it once: `spool stop`,",
        "# then `spool worker --detach`, makes a change hold. `spool status` tells when it has an older one.",
        "",
    ]
    sections: list[str] = []
    for name, field in Settings.model_fields.items():
        if name == "paths":
            continue
        model = field.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            sections += _section(name, model)
        else:
            parts += _setting(name, name, field)
    return "\n".join([*parts, *sections]) + "\n"


def _section(name: str, model: type[BaseModel]) -> list[str]:
    lines = ["", *_comment(" ".join((model.__doc__ or "").split())), f"[{name}]"]
    inner: list[str] = []
    for key, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            inner += _section(f"{name}.{key}", field.annotation)
        else:
            lines += _setting(f"{name}.{key}", key, field)
    return lines + inner


def _setting(full_name: str, name: str, field: FieldInfo) -> list[str]:
    value, note = _BY_MACHINE.get(full_name, ("", ""))
    if not value:
        default = field.get_default(call_default_factory=True)
        value = json.dumps(default, ensure_ascii=False)
    return [*_comment(f"{' '.join((field.description or '').split())} {note}".strip()), f"#{name} = {value}"]


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, WIDTH)]


PARTS: dict[str, dict[str, Callable[[], str]]] = {
    "README.md": {"keys": keys, "moves": moves_as_table, "errors": errors},
    "docs/command-line.md": {"verbs": verbs},
    "docs/operations.md": {"operations": operations},
}


def written(path: str) -> str:
    """A document as it should be: what is written by hand, with its generated parts up to date."""
    text = (ROOT / path).read_text(encoding="utf-8")
    for name, make in PARTS[path].items():
        pattern = re.compile(f"<!-- {name} -->\n.*?<!-- /{name} -->", re.DOTALL)
        assert pattern.search(text), f"{path} has no place for {name}"
        before, after = pattern.split(text)[0], pattern.split(text)[-1]
        text = f"{before}<!-- {name} -->\n{make()}\n<!-- /{name} -->{after}"
    return text


def main() -> int:
    """Write everything in place."""
    for path in PARTS:
        (ROOT / path).write_text(written(path), encoding="utf-8")
    (ROOT / "config.example.toml").write_text(example_config(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
