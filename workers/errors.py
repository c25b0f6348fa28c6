"""Every error that Spool raises on purpose, and the classes that failures of jobs fall into.

Pure: imports nothing of ours. The words of an error are for the person at the console: they name the input,
the reason and what to do.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from enum import StrEnum


class ErrorClass(StrEnum):
    """Why a job or an item failed. The class alone decides whether trying again can help."""

    NETWORK = "network"  # could not connect, connection lost, 5xx
    THROTTLED = "throttled"  # the site asks us to slow down
    GONE = "gone"  # 404, removed, private for good
    AUTH = "auth"  # a login or permission is missing
    DISK = "disk"  # no space, or the disk refuses
    BAD_INPUT = "bad_input"  # the input is missing, broken or not what it says
    UNSUPPORTED = "unsupported"  # nobody here can handle this kind of input
    TOOL = "tool"  # a tool failed in a way that we cannot name better
    CRASHED = "crashed"  # the runner or the worker died
    STALLED = "stalled"  # no sign of progress for too long

    @property
    def retryable(self) -> bool:
        """Whether trying the same job again can help."""
        return self in _RETRYABLE

    @property
    def advice(self) -> str:
        """What a person can do about it, as one sentence without its full stop."""
        return _ADVICE[self]


_ADVICE = {
    ErrorClass.NETWORK: "see whether the site can be reached, then try again",
    ErrorClass.THROTTLED: "let the site rest for a while: `spool site pause HOST --for 2h`, then try again",
    ErrorClass.GONE: "it is not there any more; look for another address",
    ErrorClass.AUTH: "log in (`cookies` in [download]) or mend the permission, then try again",
    ErrorClass.DISK: "make room or see to the disk, then try again",
    ErrorClass.BAD_INPUT: "see to the input: `spool validate` tells what is wrong with a file",
    ErrorClass.UNSUPPORTED: "choose other options, or leave this input out",
    ErrorClass.TOOL: "`spool log ID` has the last words of the tool",
    ErrorClass.CRASHED: "try again, with more memory (`--memory-mib`) where it ran out of that",
    ErrorClass.STALLED: "try again, or give it longer: `stall_minutes` in [jobs]",
}
_RETRYABLE = frozenset(
    {
        ErrorClass.NETWORK,
        ErrorClass.THROTTLED,
        ErrorClass.DISK,
        ErrorClass.CRASHED,
        ErrorClass.STALLED,
    }
)


DISK_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})
TOO_LARGE = (  # neither waiting nor room on the disk would help
    ErrorClass.UNSUPPORTED,
    "a file became larger than `file_size_gib` in [jobs] allows, or than its filesystem can hold",
)


def disk_refusal(error: BaseException | None) -> tuple[ErrorClass, str] | None:
    """The class and words for a disk that refuses, or a file that may not grow; None for every other error."""
    if not isinstance(error, OSError):
        return None
    if error.errno == errno.EFBIG:
        return TOO_LARGE
    if error.errno in DISK_ERRNOS:
        return ErrorClass.DISK, error.strerror or str(error)
    return None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why one attempt at a job, or one item of it, failed."""

    error_class: ErrorClass
    message: str  # one line for the person
    input: str = ""  # the URL or file concerned
    detail: str = ""  # the last lines of the tool, newline separated
    retry_after_s: float | None = None  # what the site asked for, in seconds
    short_of_room: bool = False  # the disk was asked and has too little room for it: the job waits, and did not fail

    @property
    def retryable(self) -> bool:
        """Whether trying again can help."""
        return self.error_class.retryable


class SpoolError(Exception):
    """Something that a person should read; `exit_code` is what the command line ends with."""

    exit_code = 1


class UsageError(SpoolError):
    """The request itself is wrong: an unknown verb, option, job or query word."""

    exit_code = 2


class ReadOnlyError(UsageError):
    """An order was given where one only watches."""

    def __init__(self, what: str = "") -> None:
        super().__init__(
            f"{what or 'this'} is an order, and this is read only (--read-only, SPOOL_READ_ONLY): nothing was done"
        )


class ConfigError(SpoolError):
    """The configuration or the home folder cannot be used; starting again would not help."""

    exit_code = 78


class StoreError(SpoolError):
    """The database cannot be opened, read or written."""


class SchemaError(ConfigError):
    """The database was made by a version of Spool that this one does not know."""


class WorkerRunning(ConfigError):
    """Another worker holds this home."""


class StillStarting(SpoolError):
    """The worker was started and lives, and has not said yet that it takes jobs."""


class NoSuchJob(UsageError):
    """There is no job with this id."""


class InvalidParams(UsageError):
    """The options of an operation are wrong. `problems` holds one (field, message) pair for each."""

    def __init__(self, operation: str, problems: list[tuple[str, str]]) -> None:
        self.operation = operation
        self.problems = problems
        lines = "; ".join(f"{field}: {message}" if field else message for field, message in problems)
        super().__init__(f"{operation}: {lines}")


class JobFailed(SpoolError):
    """Raised by an operation or a media function: this attempt (or item) failed, for this reason."""

    def __init__(
        self,
        error_class: ErrorClass,
        message: str,
        *,
        input: str = "",
        detail: str = "",
        retry_after_s: float | None = None,
        short_of_room: bool = False,
    ) -> None:
        self.failure = Failure(error_class, message, input, detail, retry_after_s, short_of_room)
        super().__init__(message)

    @classmethod
    def of(cls, failure: Failure) -> JobFailed:
        """The error that says this failure."""
        return cls(
            failure.error_class,
            failure.message,
            input=failure.input,
            detail=failure.detail,
            retry_after_s=failure.retry_after_s,
            short_of_room=failure.short_of_room,
        )


class LeaseLost(SpoolError):
    """The world moved on while this runner worked: its report was refused and it must publish nothing."""
