"""What an operation found out, told for people: names and values of the facts of one input or one job. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from console.format import amount, plural, size
from workers.jobs import ItemOutcome
from workers.text import clean

Line = tuple[str, str]  # a name and its value

_LONG = 8  # of a list that are told
_TOP = 5  # groups of duplicates that are told
_SIZES = ("size", "bytes", "size_before", "source_size")
_NUMBERS_ONLY = frozenset({"histogram", "routes", "method", "route"})  # for programs
_FULL_NAMES = {"kept": "from cache"}  # where the name alone says too little


def lines(operation: str, facts: Mapping[str, Any]) -> list[Line]:
    """All facts, line by line; long lists are cut, with how many there are more. Texts are cleaned."""
    if operation == "duplicates":
        return [(name, clean(value)) for name, value in _duplicates(facts)]
    return [(_words(name), clean(value)) for name, value in _told(facts) if value]


def headline(operation: str, item: ItemOutcome) -> str:
    """The facts of one input in one short line, for a table of many; why not, when it failed or was skipped."""
    if item.failure is not None:
        return clean(f"{item.failure.error_class.value}: {item.failure.message}")
    facts = item.detail
    if "why" in facts:
        return clean(str(facts["why"]))
    parts = [f"{_words(name)} {value}" for name, value in _told(_first(operation, facts)) if value]
    return clean(", ".join(parts))


def _first(operation: str, facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """What tells most of a result."""
    names = {
        "probe": ("format", "duration_s", "width", "height", "streams"),
        "quality": ("score",),
        "hash": ("digest", "phash"),
        "analyze-image": ("width", "height", "issues"),
    }.get(operation)
    if names:
        return {name: facts[name] for name in names if name in facts}
    plain = [(name, value) for name, value in facts.items() if not isinstance(value, (Mapping, list))]
    return dict(plain[:4])


def _told(facts: Mapping[str, Any]) -> Iterator[Line]:
    for name, value in facts.items():
        if name in _NUMBERS_ONLY:
            continue
        if isinstance(value, Mapping):
            yield from ((f"{name} {_words(inner)}", text) for inner, text in _inner(name, value))
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            yield from _rows(name, value)
        else:
            yield name, _value(name, value)


def _inner(name: str, facts: Mapping[str, Any]) -> Iterator[Line]:
    """The members of a fact that has some; a part of a score, or a field with its source, is one line."""
    for inner, value in facts.items():
        if isinstance(value, Mapping) and "score" in value:
            score = "not measured" if value["score"] is None else f"{value['score']:g}"
            found = "" if value.get("value") is None else f", {value['value']:g} {value.get('unit', '')}"
            yield inner, f"{score}{found} ({value.get('rule', '')})"
        elif isinstance(value, Mapping) and "source" in value:
            yield inner, f"{_value(inner, value.get('value'))} (from {value['source']})"
        else:
            yield inner, _value(inner, value)


def _rows(name: str, rows: Sequence[Any]) -> Iterator[Line]:
    one = name.removesuffix("s")
    for number, row in enumerate(rows[:_LONG]):
        yield f"{one} {number}", _row(row)
    if len(rows) > _LONG:
        yield name, f"and {len(rows) - _LONG} more"


def _row(row: Mapping[str, Any]) -> str:
    if "text" in row:
        return f"{_words(str(row.get('name', '')))}: {row['text']}"
    if "codec" in row and "kind" in row:
        return _stream(row)
    parts = ((name, _value(name, value)) for name, value in row.items())
    return ", ".join(f"{_words(name)} {text}" for name, text in parts if text)


def _stream(row: Mapping[str, Any]) -> str:
    shape = f"{row['width']}x{row['height']}" if row.get("width") else ""
    rate = f"{row['fps']:g} fps" if row.get("fps") else ""
    sound = f"{row['sample_rate']} Hz" if row.get("sample_rate") else ""
    channels = plural(row["channels"], "channel") if row.get("channels") else ""
    bits = _value("bit_rate", row.get("bit_rate"))
    parts = (f"{row['kind']} {row['codec']}", row.get("language", ""), shape, row.get("pix_fmt", ""), rate, sound)
    return ", ".join(str(part) for part in (*parts, channels, bits) if part)


def _value(name: str, value: Any) -> str:
    if value is None or value in ("", [], {}):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return _number(name, value)
    if isinstance(value, Mapping):
        return ", ".join(f"{_words(inner)} {text}" for inner, one in value.items() if (text := _value(inner, one)))
    if isinstance(value, list):
        shown = ", ".join(_value(name, one) for one in value[:_LONG])
        return f"{shown} and {len(value) - _LONG} more" if len(value) > _LONG else shown
    return str(value)


def _number(name: str, value: float) -> str:
    if name in _SIZES or name.endswith(("_bytes", "_size")):
        return size(value)
    if name == "bit_rate":
        return f"{amount(value)}bit/s"
    if name.endswith("_s"):
        return f"{value:g} s"
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def _words(name: str) -> str:
    return _FULL_NAMES.get(name) or name.removesuffix("_s").replace("_", " ")


def _duplicates(facts: Mapping[str, Any]) -> Iterator[Line]:
    yield "compared", f"{plural(facts.get('files', 0), 'file')}, {size(facts.get('bytes', 0))}, {facts.get('match')}"
    groups, more = facts.get("groups", 0), facts.get("duplicates", 0)
    yield "found", f"{plural(groups, 'group')} with {plural(more, 'file')} more than needed"
    yield "to gain", f"{size(facts.get('reclaimable_bytes', 0))}; nothing was deleted"
    for group in facts.get("top", ())[:_TOP]:
        paths = [str(file.get("path", "")) for file in group.get("files", ())]
        yield "group", f"{size(group.get('reclaimable_bytes', 0))}, keep {paths[0] if paths else ''}"
        yield from (("", f"  and {path}") for path in paths[1:])
        if group.get("more"):
            yield "", f"  and {group['more']} more"
    if groups > _TOP:
        yield "", f"and {plural(groups - _TOP, 'group')} more: --report FILE.json or FILE.csv writes all"
    for problem in facts.get("first_problems", ()):
        yield "problem", str(problem.get("why", ""))
