"""The worker's side of a courier: start it with its errand, hear how it went, end it when its time is over."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence

from workers.notices.answer import Answer
from workers.notices.ways import Way
from workers.notices.words import Notice
from workers.runner.processes import identify, kill_group

URL_LIMIT_S = 60.0  # for one service; Apprise itself waits 4 s for a connection and 4 s for an answer
_START_S = 30.0  # beyond the limit of a program, for Python to start on a busy machine and to end what is left
_LEASH_S = 3.0  # after letting go of the leash, before the courier itself is killed
_MOST_SAID = 1 << 16  # bytes of an answer


class Posting:
    """One courier that is under way. For one thread; `fileno` can be waited for."""

    def __init__(self, way: Way, notice: Notice, *, limit_s: float, check: bool = False) -> None:
        errand = {
            "url": way.url,
            "command": list(way.command),
            "check": check,
            "title": notice.title,
            "body": notice.body,
            "kind": notice.kind,
            "variables": dict(notice.variables),
            "limit_s": limit_s,
        }
        self._said = b""
        self._deadline = time.monotonic() + (limit_s if way.command else URL_LIMIT_S) + _START_S
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "workers.notices.courier"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._who = identify(self._process.pid)
        os.set_blocking(self._process.stdout.fileno(), False)
        with contextlib.suppress(BrokenPipeError):  # its end tells
            self._process.stdin.write(json.dumps(errand).encode() + b"\n")
            self._process.stdin.flush()

    def fileno(self) -> int:
        """What becomes readable when there may be an answer."""
        assert self._process.stdout is not None
        return self._process.stdout.fileno()

    def hear(self) -> Answer | None:
        """How it went; None while it is under way. After its time it is ended, which is an answer too."""
        ended = False
        while not ended:
            try:
                piece = os.read(self.fileno(), 65536)
            except BlockingIOError:
                break
            self._said = (self._said + piece)[-_MOST_SAID:]
            ended = not piece
        if ended:
            self.end()
            return self._answer()
        if time.monotonic() < self._deadline:
            return None
        self.end()
        return Answer(False, True, "no answer in time")

    def _answer(self) -> Answer:
        lines = self._said.decode("utf-8", "replace").strip().split("\n")
        try:
            return Answer.from_dict(json.loads(lines[-1]))
        except ValueError:
            return Answer(False, True, f"its courier ended without an answer (exit code {self._process.returncode})")

    def end(self) -> None:
        """Let go of the leash, so that it ends what it began, and see to its end. Harmless after it has ended."""
        assert self._process.stdin is not None and self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_LEASH_S)
        if self._process.returncode is None and self._who is not None:
            kill_group(self._who)
            self._process.wait(_LEASH_S)
        self._process.stdout.close()


def wait_for(postings: Iterable[Posting], seconds: float, stop: int | None = None) -> None:
    """Wait until one of these may have an answer, the descriptor `stop` can be read, or the time is over."""
    poll = select.poll()
    for number in [posting.fileno() for posting in postings] + ([] if stop is None else [stop]):
        poll.register(number, select.POLLIN)
    poll.poll(max(0.0, seconds) * 1000)


def all_answers(postings: Sequence[Posting]) -> list[Answer]:
    """Wait for every one of these couriers."""
    answers: dict[Posting, Answer] = {}
    while left := [posting for posting in postings if posting not in answers]:
        wait_for(left, 0.5)
        answers.update((posting, answer) for posting in left if (answer := posting.hear()) is not None)
    return [answers[posting] for posting in postings]
