"""The trash as people see it: every replaced file of this home, put back or removed by its id."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workers import trash
from workers.errors import ReadOnlyError, UsageError
from workers.jobs import rfc3339
from workers.text import clean
from workers.trash import Entry

_NAMED = 5  # files that a word may mean


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one entry."""

    id: str
    ok: bool
    message: str
    path: str  # where the file was


class TrashBin:
    """The trash folders that are known to one home (its state folder)."""

    def __init__(self, state: Path, keep_days: int, *, read_only: bool = False) -> None:
        self._state = state
        self._keep_days = keep_days
        self._read_only = read_only

    def _refuse_watchers(self, what: str) -> None:
        if self._read_only:
            raise ReadOnlyError(what)

    def entries(self) -> list[Entry]:
        """Everything that lies in the trash, newest first."""
        return sorted(trash.all_entries(self._state), key=lambda entry: entry.at_ms, reverse=True)

    def settled(self) -> list[Entry]:
        """As `entries`, without those whose replacement may be under way at this moment."""
        now_ms = int(time.time() * 1000)
        return [entry for entry in self.entries() if not trash.under_way(entry, now_ms)]

    def chosen(self, ids: Sequence[str]) -> list[Entry]:
        """The entries of these ids, in order; a beginning that is no other's will do. UsageError names candidates."""
        there = self.entries()
        return [_one(there, word) for word in dict.fromkeys(ids)]

    def restore(self, chosen: Sequence[Entry]) -> list[Done]:
        """Put files back where they were. ReadOnlyError where one only watches."""
        self._refuse_watchers("putting files back")

        def back(entry: Entry) -> str:
            return f"back at {clean(str(trash.restore(entry, self._state, keep_days=self._keep_days)))}"

        return [done_of(entry, back) for entry in chosen]

    def remove(self, chosen: Sequence[Entry]) -> list[Done]:
        """Remove files for good. ReadOnlyError where one only watches."""
        self._refuse_watchers("emptying the trash")

        def gone(entry: Entry) -> str:
            found = trash.identity(entry.kept)
            if entry.done and found is not None and found != entry.identity:
                raise trash.NotPutBack("it is not the file that was put there; look at it, and remove it yourself")
            return f"removed, {trash.remove(entry):,} bytes"

        return [done_of(entry, gone) for entry in chosen]


def _one(there: Sequence[Entry], word: str) -> Entry:
    found = [entry for entry in there if entry.id == word] or [entry for entry in there if _begins(entry, word)]
    if len(found) == 1 and word:
        return found[0]
    if not found or not word:
        raise UsageError(f"{clean(word)!r}: no such file in the trash; `spool trash` lists them")
    named = [f"{entry.id} ({clean(os.path.basename(entry.original))})" for entry in found[:_NAMED]]
    more = f" and {len(found) - _NAMED:,} more" if len(found) > _NAMED else ""
    raise UsageError(
        f"{clean(word)!r} may be any of {len(found):,} files: {', '.join(named)}{more}; write more of the id"
    )


def _begins(entry: Entry, word: str) -> bool:
    """Whether an id begins so; of those that begin with a time, as they once did, also the part after it."""
    return entry.id.startswith(word) or ("-" not in word and entry.id.partition("-")[2].startswith(word))


def done_of(entry: Entry, work: Callable[[Entry], str]) -> Done:
    """What became of an entry: the words of `work`, or why it could not be done."""
    try:
        return Done(entry.id, True, work(entry), entry.original)
    except trash.NotPutBack as error:
        return Done(entry.id, False, f"{clean(entry.original)} stays in the trash: {error}", entry.original)
    except OSError as error:
        return Done(entry.id, False, f"{clean(entry.original)}: {error.strerror or error}", entry.original)


def entry_as_json(entry: Entry) -> dict[str, Any]:
    """An entry as data: times RFC 3339, size in bytes."""
    return {
        "id": entry.id,
        "path": _text(entry.original),
        "replacement": _text(entry.replacement),
        "kept": _text(str(entry.kept)),
        "size": entry.size,
        "job": entry.job_id,
        "at": rfc3339(entry.at_ms),
        "until": rfc3339(entry.until_ms),
        "settled": entry.done,
    }


def _text(path: str) -> str:
    """A path as text that any encoding can take; what is no valid UTF-8 in it is written as escapes."""
    return path.encode("utf-8", "backslashreplace").decode()
