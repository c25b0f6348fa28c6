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
_AGE = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
KEYS = ("state", "queue", "operation", "priority", "site", "batch", "id", "by", "age")


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
    if term.key == "state":
        _one_of(word, term.values, tuple(state.value for state in State))
    elif term.key == "queue":
        _one_of(word, term.values, QUEUES)
    elif term.key == "priority":
        _one_of(word, term.values, tuple(priority.word for priority in Priority))
    elif term.key == "age":
        if term.op == ":":
            raise UsageError(f"{word!r}: write age>2d or age<1h")
        seconds(term.values[0])
    elif term.key == "id":
        for value in term.values:
            if not re.fullmatch(r"\d{1,15}(-\d{1,15})?", value):
                raise UsageError(f"{word!r}: an id is a number, or two with a dash between")


def parse(query: str) -> tuple[Term, ...]:
    """The terms of a query; UsageError names the word that is wrong, the reason and what to write."""
    terms = []
    for found in _WORD.finditer(query):
        word = found[0]
        if found["key"] is None or (found["key"] not in KEYS and "://" in word):
            terms.append(Term("text", ":", (found["text"] or word,), bool(found["no"]) and found["key"] is None))
            continue
        if found["key"] not in KEYS:
            near = difflib.get_close_matches(found["key"], KEYS, n=1)
            hint = f"did you mean {near[0]}:?" if near else f"known are {', '.join(KEYS)}"
            raise UsageError(f"{word!r}: no such word {found['key']!r}; {hint}; quotes make it text")
        value = found["value"].strip('"')
        values = tuple(part for part in value.split(",") if part)
        if not values:
            raise UsageError(f"{word!r}: a value is missing")
        term = Term(found["key"], found["op"], values, bool(found["no"]))
        _check(word, term)
        terms.append(term)
    return tuple(
        Term("text", ":", (t.values[0].strip('"'),), t.negated) if t.key == "text" else t
        for t in terms
        if t.key != "text" or t.values[0].strip('"')
    )
