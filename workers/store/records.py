"""Rows into the records of `workers.jobs`, and back where they are written."""

from __future__ import annotations

import json
import math
import time
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from peewee import Database

from workers.errors import ErrorClass, Failure
from workers.jobs import ItemCounts, ItemOutcome, Job, JobEvent, Outcome, Priority, Progress, State, Wish
from workers.store.tables import After

_AT_ONCE = 500  # SQLite's and PostgreSQL's limits on parameters are far above
_LARGEST_ID = 2**31 - 1
_LARGEST_NUMBER = 2**63 - 1


def now_ms() -> int:
    """The wall clock in milliseconds: for people and schedules only, never for order or leases."""
    return time.time_ns() // 1_000_000


def to_json(value: Any) -> str:
    """JSON in ASCII, so that lone surrogates of broken file names survive any database."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True, default=str)


def failure_of(row: Mapping[str, Any]) -> Failure | None:
    """The failure that a job's or an item's row tells, if any."""
    if not row["error_class"]:
        return None
    try:
        error_class = ErrorClass(row["error_class"])
    except ValueError:  # a class that a newer version has told
        error_class = ErrorClass.CRASHED
    return Failure(error_class, row["error_message"], row.get("error_input", ""), row.get("error_detail", ""))


def error_fields(failure: Failure | None) -> dict[str, Any]:
    """The columns that tell a failure; those of none when it is None."""
    if failure is None:
        return {"error_class": None, "error_message": "", "error_input": "", "error_detail": ""}
    return {
        "error_class": failure.error_class.value,
        "error_message": storable(failure.message),
        "error_input": storable(failure.input),
        "error_detail": storable(failure.detail),
    }


def storable(text: str) -> str:
    """`text` without lone surrogates and NULs, which no database takes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")


def folded(text: str) -> str:
    """`text` as it is compared when names are looked for: neither case nor the way accents are written matters.

    Done here because SQLite and PostgreSQL (in the locale "C") fold only ASCII.
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


def is_id(number: int) -> bool:
    """Whether a job can have this id; larger numbers do not fit into the column, and no job has them."""
    return 0 < number <= _LARGEST_ID


def whole(number: int | None) -> int | None:
    """A count that fits into a column; None when it is none."""
    return None if number is None or not 0 <= number <= _LARGEST_NUMBER else number


def finite(number: float | None) -> float | None:
    """A figure that fits into a column and into JSON; None for infinities and what is no number."""
    return None if number is None or not math.isfinite(number) else number


def parts(ids: Iterable[int]) -> Iterator[list[int]]:
    """Those of these ids that a job can have, in pieces that fit into one statement."""
    known = [number for number in ids if is_id(number)]
    for start in range(0, len(known), _AT_ONCE):
        yield known[start : start + _AT_ONCE]


Links = Sequence[tuple[int, bool]]  # ids of jobs, and whether any end of them will do


def dependencies(db: Database, ids: Sequence[int]) -> dict[int, list[tuple[int, bool]]]:
    """What each of these jobs waits for, or waited for."""
    found: dict[int, list[tuple[int, bool]]] = {}
    for part in parts(ids):
        query = After.select(After.job_id, After.on_id, After.ended).where(After.job_id.in_(part))
        for job_id, on_id, ended in query.order_by(After.on_id).tuples().execute(db):
            found.setdefault(job_id, []).append((on_id, bool(ended)))
    return found


def job_of(row: Mapping[str, Any], after: Links = ()) -> Job:
    """The record of one row."""
    return Job(
        id=row["id"],
        operation=row["operation"],
        queue=row["queue"],
        state=State(row["state"]),
        priority=Priority(row["priority"]),
        title=row["title"],
        params=json.loads(row["params"]),
        submitted_by=row["submitted_by"],
        submitted_at=row["submitted_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        run_after=row["run_after"],
        window=row["window"],
        hold=bool(row["hold"]),
        pause_until=row["pause_until"],
        attempts=row["attempts"],
        failures=row["failures"],
        max_attempts=row["max_attempts"],
        lease=row["lease"],
        wish=Wish(row["wish"]),
        progress=Progress(
            row["fraction"], row["phase"], row["done"], row["total"], row["rate"], row["eta_s"], row["unit"]
        ),
        items=ItemCounts(
            row["items_total"], row["items_done"], row["items_failed"], row["items_skipped"], row["items_cached"]
        ),
        failure=failure_of(row),
        outputs=tuple(json.loads(row["outputs"])),
        batch=row["batch"],
        after=tuple(on_id for on_id, _ in after),
        after_ended=tuple(on_id for on_id, ended in after if ended),
        site=row["site"],
        position=row["position"],
        revision=row["revision"],
    )


def jobs_of(db: Database, rows: Iterable[Mapping[str, Any]]) -> list[Job]:
    """The records of many rows, with what they wait for, in two questions in all."""
    rows = list(rows)
    after = dependencies(db, [row["id"] for row in rows])
    return [job_of(row, after.get(row["id"], ())) for row in rows]


def event_of(row: Mapping[str, Any]) -> JobEvent:
    """One line of history."""
    return JobEvent(
        row["id"],
        row["revision"],
        row["job_id"],
        row["at"],
        row["move"],
        row["before"],
        row["after"],
        row["by"],
        row["reason"],
    )


def item_of(row: Mapping[str, Any]) -> ItemOutcome:
    """How one input ended."""
    return ItemOutcome(
        json.loads(row["key"]),
        Outcome(row["outcome"]),
        tuple(json.loads(row["outputs"])),
        failure_of(row),
        facts_of(row["detail"]),
    )


def facts_of(text: str) -> Mapping[str, Any]:
    """What an item or a job told, as a runner wrote it: nothing, when that is no object."""
    try:
        facts = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return facts if isinstance(facts, dict) else {}
