"""The words by which jobs are found: `state:failed queue:downloads older:2d holiday`. Pure.

The same words serve the command line and the console's filter. Every word must hold; `-word` turns one round;
a comma inside a value means "one of these". Each can be written so that no shell touches it: a name, a colon, a value.
`age>2d`, `age<1h`, `id>100` and `id<12` say the same as `older:2d`, `newer:1h`, `id:101-` and `id:-11`; for a shell
they need quotes, as it takes what follows < or > as the name of a file.
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
KEYS = ("state", "queue", "operation", "priority", "site", "batch", "id", "by", "older", "newer", "age", "items")
_TOLD = tuple(key for key in KEYS if key != "age")  # as they are told: those that every shell leaves alone
_AGES = {"older": ">", "newer": "<"}
_IDS = re.compile(r"[0-9]{1,15}(-[0-9]{0,15})?|-[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class Term:
    """One word: `key` is one of KEYS or "text"; `op` one of `:`, `<`, `>`; `values` alternatives.

    `older` and `newer` are terms of `age`.
    """

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
    if term.key in _AGES:
        raise UsageError(f"{word!r}: {term.key} takes a colon and one span of time, as in {term.key}:2d")
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
            raise UsageError(f"{word!r}: write older:2d or newer:1h")
        seconds(term.values[0])
    elif term.key == "id":
        for value in term.values:
            if not (_IDS.fullmatch(value) if term.op == ":" else re.fullmatch(r"[0-9]{1,15}", value)):
                raise UsageError(f"{word!r}: write id:12, id:12-20, id:100- (and above) or id:-12 (and below)")


def bare_name(query: str) -> str:
    """The first word of a query that is one of KEYS without a value, "" when there is none. In quotes it is text.

    `age` is what a shell leaves of `age>2d`; as a word of the title it would find other jobs than those meant.
    """
    words = (found["text"] or "" for found in _WORD.finditer(query))
    return next((word for word in words if word in KEYS), "")


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
            near = difflib.get_close_matches(found["key"], _TOLD, n=1)
            hint = f"did you mean {near[0]}:?" if near else f"known are {', '.join(_TOLD)}"
            raise UsageError(f"{word!r}: no such word {found['key']!r}; {hint}; quotes make it text")
        value = found["value"].strip('"')
        if found["key"] in _ONE_CASE:
            value = value.lower()
        values = tuple(part for part in value.split(",") if part)
        if not values:
            raise UsageError(f"{word!r}: a value is missing")
        term = Term(found["key"], found["op"], values, bool(found["no"]))
        if term.key in _AGES and term.op == ":" and len(values) == 1:
            term = Term("age", _AGES[term.key], values, term.negated)
        _check(word, term)
        terms.append(term)
    return tuple(terms)
