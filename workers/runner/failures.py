"""Any exception of an operation as a `Failure`: its class and words for the person."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
import traceback
from dataclasses import dataclass, replace

from workers.errors import ErrorClass, Failure, InvalidParams, JobFailed, LeaseLost, SpoolError, disk_refusal
from workers.text import clean, clean_lines, redacted, shorten

_INPUT_ERRORS = (FileNotFoundError, PermissionError, NotADirectoryError, IsADirectoryError)
_INPUT_ERRNOS = (errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO, errno.ENODEV)
_DETAIL_FRAMES = 6
_MAX_MESSAGE = 500


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is known about a job when one of its exceptions has to be explained."""

    memory_bytes: int = 0  # the limit that the runner has; 0 is none
    own_folders: tuple[str, ...] = ()  # where the job writes: trouble there is no fault of the input


def failure_of(error: BaseException, circumstances: Circumstances, input: str = "") -> Failure:
    """Why `error` ended the attempt; `input` is the item concerned, if it is known."""
    if isinstance(error, JobFailed):
        return _cleaned(error.failure, input)
    error_class, message = _class_and_message(error, circumstances)
    named = input or (os.fsdecode(error.filename) if isinstance(error, OSError) and _has_name(error) else "")
    return _cleaned(Failure(error_class, message, named, _last_lines(error)), input)


def _class_and_message(error: BaseException, circumstances: Circumstances) -> tuple[ErrorClass, str]:
    match error:
        case MemoryError():
            return ErrorClass.CRASHED, f"out of memory ({_limit(circumstances.memory_bytes)})"
        case SystemExit(code=code):
            return ErrorClass.CRASHED, f"the operation ended itself with exit code {0 if code is None else code}"
        case LeaseLost():
            return ErrorClass.CRASHED, f"this attempt no longer counts: {error}"
        case InvalidParams():
            return ErrorClass.BAD_INPUT, str(error)
        case OSError():
            refused = disk_refusal(error)
            error_class = refused[0] if refused else _class_of_os_error(error, circumstances)
            return error_class, _located(refused[1] if refused else _words(error), error)
        case SpoolError():
            return ErrorClass.TOOL, str(error)
    return ErrorClass.TOOL, f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _class_of_os_error(error: OSError, circumstances: Circumstances) -> ErrorClass:
    if error.errno == errno.ENOMEM:
        return ErrorClass.CRASHED
    if isinstance(error, ConnectionError | TimeoutError):
        return ErrorClass.NETWORK
    if isinstance(error, _INPUT_ERRORS) or error.errno in _INPUT_ERRNOS:
        return ErrorClass.DISK if _names_own(error, circumstances) else ErrorClass.BAD_INPUT
    return ErrorClass.TOOL


def _names_own(error: OSError, circumstances: Circumstances) -> bool:
    if not _has_name(error):
        return False
    name = os.path.abspath(os.fsdecode(error.filename))
    return any(name == folder or name.startswith(folder.rstrip("/") + "/") for folder in circumstances.own_folders)


def _has_name(error: OSError) -> bool:
    return isinstance(error.filename, str | bytes)


def _words(error: OSError) -> str:
    return f"{type(error).__name__}: {error}" if error.strerror is None else error.strerror


def _located(words: str, error: OSError) -> str:
    return f"{words}: {os.fsdecode(error.filename)}" if _has_name(error) else words


def _limit(memory_bytes: int) -> str:
    return f"limit {memory_bytes / (1 << 20):.0f} MiB" if memory_bytes else "no limit of ours"


def _last_lines(error: BaseException) -> str:
    """The innermost frames and the exception, a line each; the log has the whole traceback."""
    frames = traceback.extract_tb(error.__traceback__)[-_DETAIL_FRAMES:]
    lines = [f"{frame.filename}:{frame.lineno} in {frame.name}: {frame.line}" for frame in frames]
    return "\n".join([*lines, *traceback.format_exception_only(error)]).rstrip()


def _cleaned(failure: Failure, input: str) -> Failure:
    first = failure.message.strip().split("\n", 1)[0]
    return replace(
        failure,
        message=shorten(clean(redacted(first)), _MAX_MESSAGE) or failure.error_class.value,
        input=clean(redacted(failure.input or input, queries=False)),
        detail=clean_lines(redacted(failure.detail)),
    )


def print_traceback(error: BaseException) -> None:
    """Into the log of the job, without the secrets that a library may have put into its words."""
    sys.stderr.write(redacted("".join(traceback.format_exception(error))))


def how_it_died(status: int | None) -> str:
    """The end of a runner in words; `status` is an exit code, minus a signal, or None when nobody saw it."""
    if status is None:
        return "with the process that had started it"
    if status >= 0:
        return f"exit code {status} without a result"
    with contextlib.suppress(ValueError):
        name = signal.Signals(-status).name
        hint = ", perhaps out of memory" if name == "SIGKILL" else ""
        return f"killed by {name}{hint}"
    return f"killed by signal {-status}"
