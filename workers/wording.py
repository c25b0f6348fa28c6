"""What SQLite says of a file that it cannot use, in words of ours: the reason, and what to do where there is a way."""

from __future__ import annotations

from collections.abc import Sequence

_DAMAGED = "it is damaged: its parts contradict each other"
_WORDS = (
    ("file is not a database", "it is not a database, or its beginning is damaged"),
    ("malformed", _DAMAGED),
    ("disk is full", "the disk is full; make room there"),
    ("disk i/o error", "the disk does not read or write it (I/O error); look after the disk"),
    ("readonly database", "it may not be written: look at the rights of the file, its folder and its disk"),
    ("unable to open", "it cannot be opened: look at the rights of the file and its folder"),
    ("is locked", "another process keeps it locked; try again in a moment"),
    ("no such table", "it lacks a table, so it is none of this program, or of another version"),
    ("no such column", "it lacks a column, so it is none of this program, or of another version"),
)


def words_of(error: BaseException) -> str:
    """Why SQLite or the system refused, for people; what is not known here is told as it came, with who said so."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    said = str(error)
    known = next((words for text, words in _WORDS if text in said.lower()), None)
    return known or f"the database refused: {said}"


def damage(found: Sequence[str], limit: int) -> str:
    """What a check of SQLite found, in words; empty when it found nothing. It was asked for `limit` lines at most."""
    if list(found) == ["ok"]:
        return ""
    if limit == 1:
        return "it is damaged"
    many = "in many places" if len(found) >= limit else "in one place" if len(found) == 1 else f"in {len(found)} places"
    if all("index" in line.lower() for line in found):
        return f"its indexes do not fit its tables, {many}"
    return f"it is damaged {many}"
