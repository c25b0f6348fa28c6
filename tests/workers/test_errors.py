from __future__ import annotations

import pytest

from workers import errors
from workers.errors import ErrorClass, Failure, InvalidParams, JobFailed, SpoolError


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


def test_all_problems_of_params_are_told_at_once() -> None:
    error = InvalidParams("download", [("size", "too large"), ("", "give an input")])
    assert str(error) == "download: size: too large; give an input"
    assert error.problems == [("size", "too large"), ("", "give an input")]


def test_a_failure_travels_in_its_error() -> None:
    error = JobFailed(ErrorClass.THROTTLED, "slow down", input="http://x", detail="429", retry_after_s=9)
    assert error.failure == Failure(ErrorClass.THROTTLED, "slow down", "http://x", "429", 9)
    assert str(error) == "slow down"
