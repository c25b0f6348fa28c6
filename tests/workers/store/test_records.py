"""What rows mean."""

from __future__ import annotations

from workers.errors import ErrorClass, Failure
from workers.store.records import error_fields, failure_of


def test_a_failure_is_read_as_it_was_written() -> None:
    failure = Failure(ErrorClass.DISK, "no room", "a.mp4", "more")
    assert failure_of(error_fields(failure)) == failure
    assert failure_of(error_fields(None)) is None


def test_a_class_of_a_newer_version_is_a_crash() -> None:
    row = {**error_fields(Failure(ErrorClass.DISK, "words")), "error_class": "melted"}
    assert failure_of(row) == Failure(ErrorClass.CRASHED, "words")
