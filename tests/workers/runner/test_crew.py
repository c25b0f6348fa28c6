"""Item processes that die at the wrong moment."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.workers.runner.conftest import Begin, grant
from workers.runner.wire import Down, Finished, Granted, Publishing, Staging, Up


def children(pid: int) -> list[int]:
    """The processes that one has started."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_an_answer_that_comes_too_late_for_its_process_harms_nobody(begin: Begin, tmp_path: Path) -> None:
    held: list[Publishing] = []
    later: list[Staging] = []
    killed: list[int] = []

    def answer(message: Up) -> Down | None:
        if isinstance(message, Publishing) and not held:
            held.append(message)
            return None
        if isinstance(message, Staging) and killed:
            later.append(message)
            return None
        return grant(message)

    inputs = [f"ok{number}" for number in range(6)]
    talk = begin("items", {"inputs": inputs, "processes": 2, "folder": str(tmp_path / "out")}, answer=answer)
    talk.until_true(lambda: bool(held) and len(talk.all(Staging)) == 2, "a question, and both at work")
    killed += children(talk.runner.pid)
    for pid in killed:  # as the kernel does when memory runs out
        os.kill(pid, signal.SIGKILL)
    talk.until_true(lambda: len(later) == 2, "others in their place")
    talk.runner.send(Granted(held[0].path))
    for question in later:
        talk.runner.send(Granted(question.path))
    killed.clear()
    assert isinstance(talk.finish(), Finished)
    assert sorted({record.key for record in talk.records()}) == inputs
