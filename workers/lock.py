"""One worker per home: a file lock that the kernel gives back when its holder dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from pathlib import Path

from workers.errors import ConfigError, WorkerRunning
from workers.files import open_private

_PATIENCE_S = 0.25


def _read_holder(descriptor: int) -> str:
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return os.pread(descriptor, 200, 0).decode().strip()
    return ""


def _lock(descriptor: int) -> bool:
    """Whether the lock is ours now. Who asks `holder` has it for microseconds, and must not keep a worker out."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)


def take(path: Path) -> int:
    """Take the lock and write who holds it; the descriptor to keep open. WorkerRunning names the holder."""
    try:
        descriptor = open_private(path, os.O_CREAT | os.O_RDWR)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be opened: {error.strerror or error}") from None
    try:
        locked = _lock(descriptor)
    except OSError as error:
        os.close(descriptor)
        raise ConfigError(f"{path}: cannot be locked: {error.strerror or error}") from None
    if not locked:
        holder = _read_holder(descriptor) or "another process"
        os.close(descriptor)
        raise WorkerRunning(
            f"a worker is running on this home already: process {holder}, as {path} says; `spool stop` ends it"
        )
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def release(descriptor: int) -> None:
    """Give the lock back; nobody will read our process id as the holder's afterwards."""
    os.ftruncate(descriptor, 0)
    os.close(descriptor)


def holder(path: Path) -> int | None:
    """The process id of the worker that holds the lock; 0 when it cannot be read; None when nobody holds it."""
    try:
        descriptor = open_private(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        text = _read_holder(descriptor)
        return int(text) if text.isascii() and text.isdigit() else 0
    finally:
        os.close(descriptor)
    return None
