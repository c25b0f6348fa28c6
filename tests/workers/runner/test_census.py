"""Counting the processes of jobs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterable

from tests.workers.runner.conftest import until
from workers.runner.census import Census, end_family, family
from workers.runner.processes import Kin, kin


class _Machine:
    """A machine whose processes and clock are told."""

    def __init__(self) -> None:
        self.others = 100
        self.mine: list[Kin] = []
        self.now = 0.0
        self.scans = 0

    def tasks(self) -> int:
        return self.others + len(self.mine)

    def everybody(self) -> Iterable[Kin]:
        self.scans += 1
        return [Kin(1000 + number, 1, 1) for number in range(self.others)] + self.mine

    def census(self, most: int) -> Census:
        return Census(most, tasks=self.tasks, everybody=self.everybody, clock=lambda: self.now)

    def breed(self, number: int) -> None:
        self.mine = [Kin(50, 2, 50), *(Kin(5000 + n, 50, 50) for n in range(number))]


def test_a_crowd_is_found_and_all_others_are_not_blamed() -> None:
    machine = _Machine()
    census = machine.census(20)
    machine.breed(5)
    assert census.crowd(50) == 0
    machine.breed(40)
    assert census.crowd(50) == 0  # looked at four times a second
    machine.now += 0.3
    assert census.crowd(50) == 41
    assert census.crowd(51) == 0
    machine.now += 0.3
    machine.breed(3)
    assert census.crowd(50) == 0


def test_while_nothing_grows_nothing_is_counted() -> None:
    machine = _Machine()
    census = machine.census(100)
    for _ in range(30):
        machine.now += 0.3
        machine.others = 100 + machine.scans % 7
        census.crowd(50)
    assert machine.scans == 1


def test_a_crowd_that_others_make_room_for_is_found_in_a_while() -> None:
    machine = _Machine()
    census = machine.census(20)
    assert census.crowd(50) == 0
    machine.breed(60)
    machine.others -= 60
    machine.now += 5
    assert census.crowd(50) == 0
    machine.now += 6
    assert census.crowd(50) == 61


def test_no_limit_counts_nothing() -> None:
    machine = _Machine()
    machine.breed(500)
    assert machine.census(0).crowd(50) == 0 and machine.scans == 0


def test_a_family_is_the_session_and_all_descendants() -> None:
    everybody = [Kin(2, 1, 2), Kin(50, 2, 50), Kin(51, 50, 50), Kin(52, 51, 52), Kin(53, 52, 52), Kin(54, 2, 50)]
    assert family(50, everybody) == {50, 51, 52, 53, 54}
    assert family(52, everybody) == {52, 53}
    assert family(99, everybody) == set()


def test_real_processes_are_seen() -> None:
    program = "import os, time; os.fork(); os.fork(); time.sleep(60)"
    leader = subprocess.Popen([sys.executable, "-c", program], start_new_session=True)
    try:
        while len(found := family(leader.pid, kin())) < 4:
            assert leader.poll() is None
        assert leader.pid in found and os.getpid() not in found and len(found) == 4
        assert Census(3).crowd(leader.pid) == 4
        assert Census(4).crowd(leader.pid) == 0
    finally:
        os.killpg(leader.pid, signal.SIGKILL)
        leader.wait()


def test_a_family_ends_whatever_sessions_it_made() -> None:
    program = """
import os, time
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        for _ in range(200):  # breeds while it is looked for, stopped and killed
            if os.fork() == 0:
                break
            time.sleep(0.01)
        break
time.sleep(600)
"""
    leader = subprocess.Popen([sys.executable, "-c", program], start_new_session=True)
    sessions: set[int] = set()
    while len(sessions) < 4:
        assert leader.poll() is None
        members = family(leader.pid, kin())
        sessions = {one.session for one in kin() if one.pid in members}
    assert end_family(leader.pid) >= 4
    leader.wait(10)
    until(lambda: not [one for one in kin() if one.session in sessions], "the end of all of them")
