"""Starting and stopping the worker from outside."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time

from workers import lock
from workers.errors import ConfigError, ReadOnlyError, SpoolError
from workers.files import open_private, private_folder
from workers.settings import Settings

_START_TIMEOUT_S = 60.0


def worker_pid(settings: Settings) -> int | None:
    """The process id of this home's worker, or None when none runs."""
    return lock.holder(settings.paths.lock)


def start_worker(settings: Settings) -> bool:
    """Start a detached worker unless one runs, and wait until it takes work; True when this call started it."""
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
        answer = _await_answer(reader)
    finally:
        os.close(reader)
    if answer == "ready":
        return True
    code = process.wait() if answer else process.poll()
    if code is None:
        raise SpoolError(
            f"the worker, process {process.pid}, has not said for {_START_TIMEOUT_S:g} s that it takes jobs;"
            f" it may be busy: see {settings.paths.worker_log}"
        )
    if worker_pid(settings) is not None:
        return False  # another one was quicker
    message = answer or f"the worker did not start (exit code {code}); see {settings.paths.worker_log}"
    raise (ConfigError if code == ConfigError.exit_code else SpoolError)(message)


def _await_answer(reader: int) -> str:
    """What the worker says of its start: "ready", or why not. Empty when it says nothing in time."""
    text = b""
    deadline = time.monotonic() + _START_TIMEOUT_S
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([reader], [], [], left)[0]:
            break
        part = os.read(reader, 4096)
        if not part:
            break
        text += part
    return text.decode(errors="replace").strip()


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
    while worker_pid(settings) in (pid, 0):  # 0: it has taken its name out of the lock and not yet let go of it
        if time.monotonic() > deadline:
            raise SpoolError(f"the worker, process {pid}, has not ended after {timeout_s:g} s")
        time.sleep(0.02)
    return True
