"""Which jobs are meant: ids `12`, ranges `12-20`, or the words of a query."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.cli.output import tell
from workers.errors import NoSuchJob, UsageError

if TYPE_CHECKING:
    from workers.client import Client

_ID = re.compile(r"([0-9]{1,15})(?:-([0-9]{1,15}))?")
_IDS = re.compile(r"[0-9]{1,15}(?:-[0-9]{1,15})?(?:,[0-9]{0,15}(?:-[0-9]{1,15})?)+")
_FILTER = re.compile(r"-?[a-z]+[:<>]")
_BLANK = re.compile(r'(?:\s|-?"\s*")*')  # finds everything, as nobody means it who names jobs
_MOST = 100_000
_COMPARED = ("age", "id")  # may be written with < and >
_MEANT = {"age": "older:2d or newer:1h", "id": "id:12, id:100- or id:-12", "older": "older:2d", "newer": "newer:1h"}


@dataclass(frozen=True, slots=True)
class Selection:
    """The jobs that some words mean. `by_query` when no person named them one by one."""

    ids: tuple[int, ...]
    by_query: bool


def as_query(words: Sequence[str]) -> str:
    """Words of the shell as one query: a word that held a blank in the shell still holds it."""
    return " ".join(f'"{word}"' if " " in word and ":" not in word and '"' not in word else word for word in words)


def is_ids(word: str) -> bool:
    """Whether verbs that act on jobs take a word as an id, or as several: `12`, `12-20`, `12,15`."""
    return _ID.fullmatch(word) is not None or _IDS.fullmatch(word) is not None


def one_id(word: str) -> int:
    """The id that one word is; UsageError when it is none."""
    if not re.fullmatch(r"[0-9]{1,15}", word):
        raise UsageError(f"{word!r} is not the id of a job: a number, as `spool jobs` shows it")
    return int(word)


def select(client: Client, words: Sequence[str]) -> Selection:
    """The jobs that `words` mean: ids and ranges, or else a query. UsageError when they mix or are missing."""
    parts = [part for word in words for part in (word.split(",") if _IDS.fullmatch(word) else [word])]
    words = [part for part in parts if not _BLANK.fullmatch(part)]
    if not words:
        raise UsageError("which jobs? give ids (12 or 12-20) or a query such as state:failed")
    named = [_ID.fullmatch(word) for word in words]
    if all(named):
        return Selection(_named(client, words), by_query=False)
    if any(named):
        odd = next(word for word, found in zip(words, named, strict=True) if found)
        raise UsageError(f"{odd!r} among the words of a query: write id:{odd}, or ids alone")
    query = as_query(words)
    _refuse_bare_name(query)
    return Selection(tuple(client.job_ids(query)), by_query=True)


def _refuse_bare_name(query: str) -> None:
    """UsageError of a name without its value: a shell leaves no more of `age>2d`, and it would be text in titles."""
    from workers.client import bare_name

    name = bare_name(query)
    if not name:
        return
    meant = _MEANT.get(name, f"{name}:VALUE")
    quotes = "; a shell takes < and > for itself unless the word is in quotes" if name in _COMPARED else ""
    raise UsageError(f"{name!r} has no value: write {meant}{quotes}; '\"{name}\"' is text in the title")


def nothing_found(words: Sequence[str]) -> int:
    """Say that `words` mean no job, and the exit code: 0 of a filter such as state:failed, which may select none.

    NoSuchJob of ids and plain words alone: those were meant as jobs that are there.
    """
    if any(_FILTER.match(word) for word in words):
        tell("no job matches; nothing was done")
        return 0
    told = " ".join(words)
    if all(map(is_ids, words)):
        raise NoSuchJob(f"there is no job {told}; nothing was done; `spool jobs` lists them")
    raise NoSuchJob(f"no job has {told!r} in its title; nothing was done; `spool jobs` lists them with ids")


def _named(client: Client, words: Sequence[str]) -> tuple[int, ...]:
    ids: dict[int, None] = {}
    for word in words:
        low, _, high = word.partition("-")
        if not high:
            ids[int(low)] = None
            continue
        if int(high) < int(low) or int(high) - int(low) >= _MOST:
            raise UsageError(f"{word!r} is not a range of ids: from the lower to the higher, {_MOST:,} at most")
        # Of a range only those that exist: gaps left by removed jobs are no mistake of the person.
        ids.update(dict.fromkeys(client.job_ids(f"id:{word}", sort="id")))
    return tuple(ids)
