"""The words by which jobs are found: `state:failed queue:downloads age>2d holiday`. Pure.

The same words serve the command line and the console's filter. Every word must hold; `-word` turns one round;
a comma inside a value means "one of these".
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from workers.errors import UsageError
from workers.jobs import QUEUES, Priority, State

_WORD = re.compile(r'(?P<no>-)?(?:(?P<key>[a-z]+)(?P<op>[:<>])(?P<value>"[^"]*"|\S*)|(?P<text>"[^"]*"|\S+))')
_AGE = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)([smhdw])", re.ASCII)
_LONGEST_TEXT = 1000
ITEM_WORDS = ("failed", "skipped")  # jobs of which some inputs ended so
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_ONE_CASE = ("state", "queue", "operation", "priority", "site")  # their values have no capitals
KEYS = ("state", "queue", "operation", "priority", "site", "batch", "id", "by", "age", "items")


@dataclass(frozen=True, slots=True)
class Term:
    """One word: `key` is one of KEYS or "text"; `op` one of `:`, `<`, `>`; `values` alternatives."""

    key: str
    op: str
    values: tuple[str, ...]
    negated: bool = False


def seconds(text: str) -> float:
    """A span such as `90s`, `30m`, `2h`, `1.5d`, `1w` in seconds; UsageError names what is wrong."""
    found = _AGE.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"{text!r} is not a span of time: write 90s, 30m, 2h, 7d or 1w")
    return float(found[1]) * _UNIT_S[found[2]]


def _one_of(word: str, values: tuple[str, ...], known: tuple[str, ...]) -> None:
    for value in values:
        if value not in known:
            near = difflib.get_close_matches(value, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else f"; one of {', '.join(known)}"
            raise UsageError(f"{word!r}: no such value {value!r}{hint}")


def _check(word: str, term: Term) -> None:
    if term.op != ":" and term.key not in ("age", "id"):
        raise UsageError(f"{word!r}: {term.key} takes a colon, as in {term.key}:…")
    if term.op != ":" and len(term.values) > 1:
        raise UsageError(f"{word!r}: {term.op} takes one value")
    if term.key == "state":
        _one_of(word, term.values, tuple(state.value for state in State))
    elif term.key == "queue":
        _one_of(word, term.values, QUEUES)
    elif term.key == "priority":
        _one_of(word, term.values, tuple(priority.word for priority in Priority))
    elif term.key == "items":
        _one_of(word, term.values, ITEM_WORDS)
    elif term.key == "age":
        if term.op == ":":
            raise UsageError(f"{word!r}: write age>2d or age<1h")
        seconds(term.values[0])
    elif term.key == "id":
        for value in term.values:
            if not re.fullmatch(r"[0-9]{1,15}(-[0-9]{1,15})?" if term.op == ":" else r"[0-9]{1,15}", value):
                raise UsageError(f"{word!r}: an id is a number, or (after a colon) two with a dash between")


def parse(query: str) -> tuple[Term, ...]:
    """The terms of a query; UsageError names the word that is wrong, the reason and what to write."""
    terms = []
    for found in _WORD.finditer(query):
        word = found[0]
        if found["key"] is None or (found["key"] not in KEYS and "://" in word):
            text = (found["text"] or word.removeprefix("-")).strip('"')
            if len(text) > _LONGEST_TEXT:
                raise UsageError(f"a text of {len(text)} characters: at most {_LONGEST_TEXT} can be looked for")
            if text:
                terms.append(Term("text", ":", (text,), bool(found["no"])))
            continue
        if found["key"] not in KEYS:
            near = difflib.get_close_matches(found["key"], KEYS, n=1)
            hint = f"did you mean {near[0]}:?" if near else f"known are {', '.join(KEYS)}"
            raise UsageError(f"{word!r}: no such word {found['key']!r}; {hint}; quotes make it text")
        value = found["value"].strip('"')
        if found["key"] in _ONE_CASE:
            value = value.lower()
        values = tuple(part for part in value.split(",") if part)
        if not values:
            raise UsageError(f"{word!r}: a value is missing")
        term = Term(found["key"], found["op"], values, bool(found["no"]))
        _check(word, term)
        terms.append(term)
    return tuple(terms)
