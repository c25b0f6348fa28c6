"""Pausing and ending runners."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.workers.runner.conftest import Begin, until, until_gone
from workers.runner import processes
from workers.runner.process import Runner
from workers.runner.stop import KILL_GRACE_S, Ending, end, graces
from workers.runner.wire import Hello, Progressed


def state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def cpu_ticks(pid: int) -> int:
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(words[11]) + int(words[12])


def paused(runner: Runner) -> None:
    assert runner.stop()
    until(lambda: state_of(runner.pid) == "T", "the pause")


def test_a_paused_runner_uses_no_processor_time_and_goes_on_after(begin: Begin) -> None:
    talk = begin("spin", {"seconds": 60})
    talk.until(Progressed)
    until(lambda: cpu_ticks(talk.runner.pid) > 5, "some work")
    paused(talk.runner)
    before = cpu_ticks(talk.runner.pid)
    time.sleep(0.5)
    assert cpu_ticks(talk.runner.pid) == before
    assert talk.runner.cont()
    until(lambda: cpu_ticks(talk.runner.pid) > before + 5, "more work")


def test_a_willing_runner_ends_at_the_first_signal(begin: Begin) -> None:
    talk = begin("sleep", {"seconds": 60})
    talk.until(Progressed)
    started = time.monotonic()
    assert end(talk.runner, 20, 20, on_wait=talk.hear) == [signal.SIGINT]
    assert time.monotonic() - started < 10
    assert talk.runner.exit_status() == 130


def test_a_paused_runner_ends_at_the_first_signal_too(begin: Begin) -> None:
    talk = begin("sleep", {"seconds": 60})
    talk.until(Progressed)
    paused(talk.runner)
    assert end(talk.runner, 20, 20, on_wait=talk.hear) == [signal.SIGINT]
    assert talk.runner.exit_status() == 130


def test_a_runner_that_swallows_everything_is_killed_with_its_grandchild(begin: Begin) -> None:
    talk = begin("hang", {"grandchild": True, "report": True})
    grandchild = int(talk.phase())
    started = time.monotonic()
    assert end(talk.runner, 0.3, 0.3, on_wait=talk.hear) == [signal.SIGINT, signal.SIGTERM, signal.SIGKILL]
    assert 0.6 <= time.monotonic() - started < 10
    assert talk.runner.exit_status() == -signal.SIGKILL
    until_gone(grandchild)
    assert processes.members(talk.runner.identity) == []


def test_the_steps_can_be_taken_one_by_one() -> None:
    runner = Remembering()
    ending = Ending(runner, 2.0, 3.0)
    assert ending.step(10.0) == 2.0
    assert ending.step(11.5) == 0.5
    assert ending.step(12.0) == 3.0
    assert runner.signals == [signal.SIGINT, signal.SIGCONT, signal.SIGTERM, signal.SIGCONT]
    runner.exited = True
    assert ending.step(12.5) == 0.0
    assert ending.over
    assert ending.signals == [signal.SIGINT, signal.SIGTERM]


class Remembering:
    """An endable process that only remembers; its identity is of another boot, so that nobody is killed for it."""

    identity = processes.Identity(os.getpid(), 0, "another boot")

    def __init__(self) -> None:
        self.exited = False
        self.signals: list[int] = []

    def signal_group(self, signum: int) -> bool:
        self.signals.append(signum)
        return True

    def wait(self, timeout_s: float) -> bool:
        return self.exited


def test_signals_to_a_runner_that_ended_go_nowhere(begin: Begin) -> None:
    talk = begin("noop")
    talk.finish()
    assert talk.all(Hello)
    assert not talk.runner.signal_group(signal.SIGTERM)
    assert not talk.runner.stop()
    assert end(talk.runner) == []


@given(st.floats(0, 60), st.booleans(), st.floats(2, 20))
def test_graces_fit_into_what_was_promised(grace_s: float, of_items: bool, most_s: float) -> None:
    asked, told, killed = graces(grace_s, of_items=of_items, most_s=most_s)
    assert asked >= 0 and told >= 0 and killed > 0
    assert asked + told + killed <= most_s + 1e-9
    assert asked <= grace_s and told <= grace_s


def test_graces_are_those_of_the_configuration_where_they_fit() -> None:
    assert graces(2.0, of_items=False, most_s=6.0)[:2] == (2.0, 2.0)
    assert graces(20.0, of_items=False) == (20.0, 20.0, KILL_GRACE_S)
    assert graces(20.0, of_items=True)[0] < 1
    assert graces(60.0, of_items=False, most_s=6.0)[:2] == (2.5, 2.5)
