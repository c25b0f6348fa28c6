from __future__ import annotations

import errno
import os

import pytest

from workers import errors
from workers.errors import DISK_ERRNOS, ErrorClass, Failure, InvalidParams, JobFailed, SpoolError, disk_refusal


def test_exactly_these_failures_are_worth_another_attempt() -> None:
    again = {kind for kind in ErrorClass if kind.retryable}
    assert again == {
        ErrorClass.NETWORK,
        ErrorClass.THROTTLED,
        ErrorClass.DISK,
        ErrorClass.CRASHED,
        ErrorClass.STALLED,
    }
    assert Failure(ErrorClass.NETWORK, "x").retryable and not Failure(ErrorClass.GONE, "x").retryable


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("SpoolError", 1),
        ("UsageError", 2),
        ("NoSuchJob", 2),
        ("InvalidParams", 2),
        ("ConfigError", 78),
        ("SchemaError", 78),
        ("WorkerRunning", 78),
        ("StoreError", 1),
        ("JobFailed", 1),
        ("LeaseLost", 1),
    ],
)
def test_exit_codes(name: str, code: int) -> None:
    kind = getattr(errors, name)
    assert issubclass(kind, SpoolError) and kind.exit_code == code


@pytest.mark.parametrize("number", sorted(DISK_ERRNOS))
def test_a_disk_that_refuses_says_why(number: int) -> None:
    refused = disk_refusal(OSError(number, os.strerror(number), "/a"))
    assert refused == (ErrorClass.DISK, os.strerror(number))


def test_only_a_disk_refuses() -> None:
    refused = disk_refusal(OSError(errno.EFBIG, os.strerror(errno.EFBIG)))
    assert refused is not None and refused[0] is ErrorClass.UNSUPPORTED and "`file_size_gib`" in refused[1]
    assert disk_refusal(FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))) is None
    assert disk_refusal(ValueError("no number")) is None and disk_refusal(None) is None


def test_all_problems_of_params_are_told_at_once() -> None:
    error = InvalidParams("download", [("size", "too large"), ("", "give an input")])
    assert str(error) == "download: size: too large; give an input"
    assert error.problems == [("size", "too large"), ("", "give an input")]


def test_a_failure_travels_in_its_error() -> None:
    error = JobFailed(ErrorClass.THROTTLED, "slow down", input="http://x", detail="429", retry_after_s=9)
    assert error.failure == Failure(ErrorClass.THROTTLED, "slow down", "http://x", "429", 9)
    assert str(error) == "slow down"
