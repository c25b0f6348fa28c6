"""The child that carries one notice to one service or program, and ends: `python -m workers.notices.courier`.

A process of its own for each notice, because Apprise and its services take some 40 MB that a worker should not hold
for days, and because whatever hangs or crashes in there can be ended. It reads one `Errand` as a line of JSON from
stdin and says how it went as a line of JSON on stdout. Stdin is its leash: when that ends, so does all that it began.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from workers import linux
from workers.notices.answer import Answer
from workers.notices.redaction import scrubbed
from workers.runner.processes import identify, kill_group

_LISTEN_S = 0.05  # how often a program is asked whether it has ended, should it have closed its output
_GRACE_S = 1.0  # between asking a program to end and killing it
_OUTPUT_LIMIT = 8192  # bytes of a program's output that are told
TRY_AGAIN = 75  # EX_TEMPFAIL of sysexits.h: what a program ends with that wants to be started again later


# Chats call people by these words, whoever wrote them; an invisible joiner after the @ keeps them words.
_CALL = re.compile(r"@(?=everyone|here|channel|all\b|[&!]?\d)", re.IGNORECASE)
_EXACT = re.compile(r"(form|json|mailto|xml)s?://", re.IGNORECASE)  # machines and mailboxes call nobody


# ---------------------------------------------------------------- services


def _service(url: str) -> Any:
    """Apprise's service for a URL, which will send plain text where the URL does not say otherwise; None for none."""
    import apprise

    service: Any = apprise.Apprise.instantiate(url, asset=apprise.AppriseAsset(app_id="Spool", app_desc="Spool"))
    if service is not None and "format=" not in url and service.schemas() & {"mailto", "mailtos"}:
        service.notify_format = apprise.NotifyFormat.TEXT  # a mail of HTML is what it would make of our text
    return service


def calling_nobody(text: str) -> str:
    """`text` in which a title such as "@everyone" calls nobody in a chat."""
    return _CALL.sub("@\u2060", text)


def check(url: str) -> Answer:
    """Whether Apprise understands a URL; nothing is sent."""
    if _service(url) is None:
        return Answer(False, False, "Apprise does not understand this URL")
    return Answer(True)


def post(url: str, title: str, body: str, kind: str) -> Answer:
    """Send a text by Apprise. What went wrong is told in the words of its log, without secrets."""
    import logging

    said: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    logger = logging.getLogger("apprise")
    logger.addHandler(Ear(logging.WARNING))
    logger.propagate = False
    service = _service(url)
    if service is None:
        return Answer(False, False, "Apprise does not understand this URL")
    import apprise

    box = apprise.Apprise()
    box.add(service)
    if not _EXACT.match(url):
        title, body = calling_nobody(title), calling_nobody(body)
    if box.notify(body=body, title=title, notify_type=kind, body_format=apprise.NotifyFormat.TEXT):
        return Answer(True)
    return Answer(False, True, scrubbed(said[-1] if said else "it was not taken", url))


def _hold_leash() -> None:
    """End this process when stdin does: Apprise cannot be asked to stop."""

    def wait() -> None:
        while os.read(0, 4096):
            pass
        os._exit(1)

    threading.Thread(target=wait, name="leash", daemon=True).start()


# ---------------------------------------------------------------- programs


def run(command: Sequence[str], variables: Mapping[str, str], limit_s: float) -> Answer:
    """Start a program without a shell, in a session of its own, and hear it to its end, which comes in time."""
    try:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **variables},
            start_new_session=True,
            preexec_fn=lambda: linux.die_with_parent(signal.SIGKILL),  # this process has one thread
        )
    except (OSError, ValueError) as error:
        return Answer(False, True, f"cannot be started: {getattr(error, 'strerror', None) or error}")
    output, over = _heard(process, time.monotonic() + limit_s)
    text = output.decode("utf-8", "replace").strip()
    if over:
        _end(process)
        return Answer(False, False, f"not done after {limit_s:g} s, and killed", text)
    code = process.returncode
    if code == 0:
        return Answer(True, output=text)
    why = f"ended with exit code {code}" if code > 0 else f"was ended by signal {-code}"
    return Answer(False, code == TRY_AGAIN, why, text)


def _heard(process: subprocess.Popen[bytes], deadline: float) -> tuple[bytes, bool]:
    """The last of what it printed, and whether its time (or that of whoever holds our leash) was over first."""
    assert process.stdout is not None
    pipe = process.stdout.fileno()
    os.set_blocking(pipe, False)
    output = b""
    open_pipes = [0, pipe]
    while time.monotonic() < deadline:
        ready, _, _ = select.select(open_pipes, [], [], _LISTEN_S)
        if 0 in ready and not os.read(0, 4096):
            return output, True
        ended = process.poll() is not None
        while pipe in open_pipes and (piece := _piece(pipe)) is not None:
            output = (output + piece)[-_OUTPUT_LIMIT:]
            if not piece:
                open_pipes.remove(pipe)
            if time.monotonic() >= deadline:
                break
        if ended:
            return output, False
    return output, True


def _piece(pipe: int) -> bytes | None:
    """What there is to read; empty at the end, None when there is nothing now."""
    try:
        return os.read(pipe, 65536)
    except BlockingIOError:
        return None


def _end(process: subprocess.Popen[bytes]) -> None:
    """TERM to the group, then KILL to all that is left of its session."""
    who = identify(process.pid)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE_S)
    if who is not None:
        kill_group(who)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE_S)


# ---------------------------------------------------------------- the process


def answer_to(errand: Mapping[str, Any]) -> Answer:
    """Do what an errand says."""
    if errand["command"]:
        return run(errand["command"], errand["variables"], errand["limit_s"])
    _hold_leash()
    try:
        if errand["check"]:
            return check(errand["url"])
        return post(errand["url"], errand["title"], errand["body"], errand["kind"])
    except Exception as error:  # whatever a service's plug-in does, the worker hears of it in words
        return Answer(False, True, scrubbed(f"{type(error).__name__}: {error}", errand["url"]))


def _read_line() -> bytes:
    """The line of the errand, byte by byte in large steps: nothing may stay in a buffer of Python's."""
    line = b""
    while not line.endswith(b"\n") and (piece := os.read(0, 65536)):
        line += piece
    return line


def main() -> int:
    """Read, do, tell."""
    line = _read_line()
    if not line.endswith(b"\n"):
        return 1  # whoever started us is gone
    linux.set_name("spool-notice")
    answer = answer_to(json.loads(line))
    sys.stdout.write("\n" + json.dumps(answer.as_dict()) + "\n")
    sys.stdout.flush()
    os._exit(0)  # threads of services must not hold us


if __name__ == "__main__":
    sys.exit(main())
