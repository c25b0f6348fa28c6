"""The words of a query as predicates on the jobs table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from peewee import SQL, NodeList, fn

from workers.jobs import Priority
from workers.query import Term, parse, seconds
from workers.sites import site_named
from workers.store.records import folded, now_ms, storable
from workers.store.tables import JobRow

_LARGEST_ID = 2**31 - 1  # larger numbers do not fit into the column


def _like(text: str) -> str:
    escaped = folded(text).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _text(term: Term) -> Any:
    # LIKE by hand with its escape: a `_` or `%` in a title is meant as it stands.
    return NodeList((JobRow.folded, SQL("LIKE"), _like(term.values[0]), SQL("ESCAPE '\\'")))


def _number(text: str) -> int:
    return min(int(text), _LARGEST_ID)


def _id(term: Term) -> Any:
    if term.op != ":":
        number = _number(term.values[0])
        return JobRow.id < number if term.op == "<" else JobRow.id > number
    found: Any = None
    for value in term.values:
        low, dash, high = value.partition("-")
        highest = _number(high) if high else _LARGEST_ID if dash else _number(low)
        one = JobRow.id.between(_number(low or "0"), highest)
        found = one if found is None else found | one
    return found


def _age(term: Term) -> Any:
    moment = now_ms() - int(seconds(term.values[0]) * 1000)
    return JobRow.submitted_at < moment if term.op == ">" else JobRow.submitted_at > moment


def _site(term: Term) -> Any:
    found: Any = None
    for value in map(_as_site, term.values):
        one = (JobRow.site == value) | JobRow.site.endswith("." + value)
        found = one if found is None else found | one
    return found & JobRow.site.is_null(False)


def _as_site(text: str) -> str:
    """The site that is meant; what cannot be one finds nothing."""
    try:
        return site_named(text)
    except ValueError:
        return text.lower()


def _items(term: Term) -> Any:
    found: Any = None
    for value in term.values:
        column = JobRow.items_failed if value == "failed" else JobRow.items_skipped
        found = column > 0 if found is None else found | (column > 0)
    return found


_PREDICATES: dict[str, Callable[[Term], Any]] = {
    "text": _text,
    "id": _id,
    "age": _age,
    "site": _site,
    "state": lambda term: JobRow.state.in_(term.values),
    "queue": lambda term: JobRow.queue.in_(term.values),
    "operation": lambda term: JobRow.operation.in_(term.values),
    "priority": lambda term: JobRow.priority.in_([Priority.parse(value).value for value in term.values]),
    "batch": lambda term: fn.COALESCE(JobRow.batch, "").in_(term.values),
    "items": _items,
    "by": lambda term: JobRow.submitted_by.in_(term.values),
}


def predicate(query: str) -> Any:
    """The predicate of a query, or None when it asks for everything. UsageError when a word is wrong."""
    found: Any = None
    for term in parse(storable(query)):
        one = _PREDICATES[term.key](term)
        if term.negated:
            one = ~one if term.key != "text" else fn.NOT(one)
        found = one if found is None else found & one
    return found
