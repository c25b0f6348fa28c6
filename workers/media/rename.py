"""Names of results by a pattern such as `{date} {stem}`. Pure."""

from __future__ import annotations

import string
from collections.abc import Mapping

from workers.media.names import MAX_BYTES, safe_name, safe_text

FIELDS = ("stem", "number", "width", "height", "date", "format")


def check_pattern(pattern: str) -> None:
    """ValueError with the reason when `pattern` makes no names, or one name for all."""
    try:
        pieces = list(string.Formatter().parse(pattern))
    except ValueError as error:
        raise ValueError(f"the pattern cannot be read: {error}") from None
    used = [field for _, field, _, _ in pieces if field is not None]
    for _, field, spec, conversion in pieces:
        if field is not None and (spec or conversion or field not in FIELDS):
            raise ValueError(f"no field {{{field}}}: use {', '.join('{' + name + '}' for name in FIELDS)}")
    if "/" in pattern or "\\" in pattern:
        raise ValueError("the pattern names files, not folders: it must hold no slash")
    if not {"stem", "number"} & set(used):
        raise ValueError("the pattern must hold {stem} or {number}, or files get one name")


def fill_pattern(pattern: str, fields: Mapping[str, object], *, room: int = MAX_BYTES) -> str:
    """A safe name of at most `room` bytes, without extension, that `pattern` makes of `fields`.

    A name that is too long is cut in its stem, so that the number stays. ValueError when the pattern is wrong.
    """
    check_pattern(pattern)
    values = {name: safe_text(str(fields.get(name, ""))) for name in FIELDS}
    filled = pattern.format(**values)
    while len(filled.encode()) > room - 1 and len(values["stem"]) > 1:
        values["stem"] = values["stem"][:-1]
        filled = pattern.format(**values)
    return safe_name(filled, limit=room)
