"""Starting and stopping the worker from outside."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable

from workers import lock
from workers.errors import ConfigError, ReadOnlyError, SpoolError, StillStarting
from workers.files import open_private, private_folder
from workers.noting import note_by_hand
from workers.settings import Settings

_SLOW_S = 10.0  # after that, whoever waits is told
_PATIENCE_S = 300.0  # under load, or while a large table is looked through, a start takes minutes


def worker_pid(settings: Settings) -> int | None:
    """The process id of this home's worker, or None when none runs."""
    return lock.holder(settings.paths.lock)


def start_worker(settings: Settings, slow: Callable[[str], None] = lambda text: None) -> bool:
    """Start a detached worker unless one runs, and wait until it takes work; True when this call started it.

    `slow` hears of a start that takes long. StillStarting when it lives and has said nothing for minutes.
    """
    if worker_pid(settings) is not None:
        return False
    if settings.read_only:
        raise ReadOnlyError("starting a worker")
    private_folder(settings.paths.state)
    private_folder(settings.paths.worker_log.parent)
    reader, writer = os.pipe()
    log = open_private(settings.paths.worker_log, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    # -P: no module may come from the folder that we are in. The worker reads relative paths of the environment as we
    # do, and leaves that folder afterwards.
    words = ["--ready-fd", str(writer), "--config", str(settings.paths.config)]
    command = [sys.executable, "-P", "-m", "workers", *words]
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(writer,),
            start_new_session=True,
        )
    finally:
        os.close(writer)
        os.close(log)
    try:
        answer = _await_answer(reader, lambda: slow(_still(settings, process.pid, _SLOW_S)))
    finally:
        os.close(reader)
    if answer == "ready":
        return True
    if answer is None:
        raise StillStarting(_still(settings, process.pid, _PATIENCE_S))
    code = process.wait()
    if worker_pid(settings) is not None:
        return False  # another one was quicker
    message = answer or f"the worker did not start (exit code {code}); see {settings.paths.worker_log}"
    raise (ConfigError if code == ConfigError.exit_code else SpoolError)(message)


def _still(settings: Settings, pid: int, seconds: float) -> str:
    return (
        f"the worker, process {pid}, is still starting after {seconds:g} s: the machine may be busy, or its table of"
        f" jobs large; `spool status` tells when it runs, and {settings.paths.worker_log} what it does"
    )


def _await_answer(reader: int, slow: Callable[[], None]) -> str | None:
    """What the worker says of its start: "ready", or why not; empty when it ends without a word.

    None when it lives and has said nothing for as long as anybody should wait; `slow` is called well before.
    """
    text, told = b"", False
    began = time.monotonic()
    while (left := began + (_PATIENCE_S if told else _SLOW_S) - time.monotonic()) > 0 or not told:
        if not select.select([reader], [], [], max(0.0, left))[0]:
            if told:
                return None
            told = True
            slow()
            continue
        part = os.read(reader, 4096)
        if not part:
            return text.decode(errors="replace").strip()
        text += part
    return None


def stop_worker(settings: Settings, *, timeout_s: float = 30.0) -> bool:
    """Ask the worker to stop politely and wait for its end; False when none runs. SpoolError when it does not end."""
    pid = worker_pid(settings)
    if pid is None:
        return False
    if settings.read_only:
        raise ReadOnlyError("stopping the worker")
    if pid == 0:
        raise SpoolError(f"a worker holds {settings.paths.lock}, but its process id cannot be read")
    with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + timeout_s
    note_by_hand(settings, "worker stopped", f"process {pid}")
    while worker_pid(settings) in (pid, 0):  # 0: it has taken its name out of the lock and not yet let go of it
        if time.monotonic() > deadline:
            raise SpoolError(f"the worker, process {pid}, has not ended after {timeout_s:g} s")
        time.sleep(0.02)
    return True
