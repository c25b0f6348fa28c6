"""Exceptions as failures."""

from __future__ import annotations

import errno

import pytest

from workers.errors import TOO_LARGE, ErrorClass, InvalidParams, JobFailed, LeaseLost, SpoolError
from workers.runner.failures import Circumstances, failure_of

HERE = Circumstances(memory_bytes=512 << 20, own_folders=("/home/work", "/media/out/"))


@pytest.mark.parametrize(
    ("error", "error_class", "message"),
    [
        (MemoryError(), ErrorClass.CRASHED, "out of memory (limit 512 MiB)"),
        (OSError(errno.ENOSPC, "No space left on device"), ErrorClass.DISK, "No space left on device"),
        (OSError(errno.EFBIG, "File too large"), *TOO_LARGE),
        (OSError(errno.EIO, "Input/output error", "/a"), ErrorClass.DISK, "Input/output error: /a"),
        (FileNotFoundError(2, "No such file", "/in/a.mp4"), ErrorClass.BAD_INPUT, "No such file: /in/a.mp4"),
        (PermissionError(13, "Permission denied", b"/in/a"), ErrorClass.BAD_INPUT, "Permission denied: /in/a"),
        (PermissionError(13, "Permission denied", "/media/out/a"), ErrorClass.DISK, "Permission denied: /media/out/a"),
        (FileNotFoundError(2, "No such file", "/home/work"), ErrorClass.DISK, "No such file: /home/work"),
        (PermissionError(13, "Permission denied", "/home/worker"), ErrorClass.BAD_INPUT, None),
        (ConnectionResetError(104, "Connection reset"), ErrorClass.NETWORK, "Connection reset"),
        (TimeoutError("timed out"), ErrorClass.NETWORK, "TimeoutError: timed out"),
        (OSError(errno.EXDEV, "Invalid cross-device link"), ErrorClass.TOOL, None),
        (InvalidParams("sleep", [("seconds", "too long")]), ErrorClass.BAD_INPUT, "sleep: seconds: too long"),
        (LeaseLost("refused /a"), ErrorClass.CRASHED, "this attempt no longer counts: refused /a"),
        (SpoolError("words"), ErrorClass.TOOL, "words"),
        (SystemExit(3), ErrorClass.CRASHED, "the operation ended itself with exit code 3"),
        (KeyError("k"), ErrorClass.TOOL, "KeyError: 'k'"),
        (ValueError(), ErrorClass.TOOL, "ValueError"),
    ],
)
def test_an_exception_has_a_class_and_words(error: BaseException, error_class: ErrorClass, message: str | None) -> None:
    failure = failure_of(error, HERE)
    assert failure.error_class is error_class
    assert message is None or failure.message == message


def test_the_input_is_the_item_else_the_file_that_the_error_names() -> None:
    error = FileNotFoundError(2, "No such file", "/in/a.mp4")
    assert failure_of(error, HERE).input == "/in/a.mp4"
    assert failure_of(error, HERE, "item").input == "item"
    assert failure_of(JobFailed(ErrorClass.GONE, "gone", input="mine"), HERE, "item").input == "mine"
    assert failure_of(JobFailed(ErrorClass.GONE, "gone"), HERE, "item").input == "item"


def test_words_of_strangers_are_cleaned_and_cut() -> None:
    failure = failure_of(JobFailed(ErrorClass.TOOL, "bad\x1b[31m\nmore", detail="a\x07\nb"), HERE, "in\x1bput")
    assert failure.message == "bad\\x1b[31m"
    assert failure.detail == "a\\x07\nb"
    assert failure.input == "in\\x1bput"
    assert len(failure_of(ValueError("x" * 10_000), HERE).message) == 500


def test_the_detail_says_where() -> None:
    def deep() -> None:
        raise ValueError("here")

    try:
        deep()
    except ValueError as error:
        detail = failure_of(error, HERE).detail
    assert 'in deep: raise ValueError("here")' in detail
    assert detail.endswith("ValueError: here")
