"""What of a wrong config.toml can still be used: keys are taken out of its values, and found in its text. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

_HEADER = re.compile(r"\s*\[+\s*([^\]#]+?)\s*\]+\s*(?:#.*)?$")
_KEY = re.compile(r"\s*([A-Za-z0-9_.\"'-]+)\s*=")
_WATCH_ONLY = re.compile(r"^\s*read_only\s*=\s*true\b", re.MULTILINE)


def take_out(values: dict[str, Any], location: Sequence[object]) -> None:
    """Take out what stands at a place of nested values, or as near above it as there is something."""
    holder = values
    name: Any = None
    inner: Any = values
    for part in location:
        if not isinstance(inner, dict) or part not in inner:
            break
        holder, name, inner = inner, part, inner[part]
    if name is None:
        values.clear()  # nobody can tell what is wrong
    else:
        del holder[name]


def line_of(text: str, location: Sequence[object]) -> int | None:
    """The line of a TOML file, from 1 on, in which a key or else its section is; None where it is written otherwise."""
    wanted = [str(part) for part in location]
    section: list[str] = []
    found = None
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            section = _parts(header[1])
        elif key := _KEY.match(line):
            whole = [*section, *_parts(key[1])]
            if whole == wanted[: len(whole)]:
                return number
            continue
        if section and section == wanted[: len(section)]:
            found = found or number
    return found


def _parts(name: str) -> list[str]:
    return [part.strip().strip("\"'") for part in name.split(".")]


def only_watches(text: str) -> bool:
    """Whether a file that is not valid TOML means to say that nothing may be written."""
    return _WATCH_ONLY.search(text) is not None
