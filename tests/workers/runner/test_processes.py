"""Identities of processes: a pid is never trusted alone."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.workers.runner.conftest import until, until_gone
from workers.runner import processes
from workers.runner.processes import Identity

# A leader with a child in its group and one in a group of its own; it ends at once if told "end".
SCRIPT = """
import subprocess, sys
children = [subprocess.Popen(["sleep", "999"]), subprocess.Popen(["sleep", "999"], process_group=0)]
sys.stdout.write(" ".join(str(child.pid) for child in children) + "\\n")
sys.stdout.flush()
sys.stdin.readline()
"""


class Group:
    """A session with a leader and two children."""

    def __init__(self) -> None:
        self.leader = subprocess.Popen(
            ["python3", "-c", SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        assert self.leader.stdout is not None
        self.children = [int(word) for word in self.leader.stdout.readline().split()]
        found = processes.identify(self.leader.pid)
        assert found is not None
        self.identity = found

    def end_leader(self) -> None:
        """Let the leader end by itself; its children stay."""
        assert self.leader.stdin is not None
        self.leader.stdin.write("end\n")
        self.leader.stdin.flush()
        self.leader.wait(20)


@pytest.fixture
def group() -> Iterator[Group]:
    made = Group()
    yield made
    for pid in made.children:
        processes.send(pid, 9)
    made.leader.kill()
    made.leader.communicate()


def test_a_process_is_itself_and_no_other(group: Group) -> None:
    assert processes.alive(group.identity)
    assert not processes.alive(replace(group.identity, start_ticks=group.identity.start_ticks - 1))
    assert not processes.alive(replace(group.identity, boot_id="another"))
    assert processes.identify(1 << 22) is None


def test_a_zombie_is_not_alive(group: Group) -> None:
    group.leader.kill()
    until(lambda: not processes.alive(group.identity), "the end of the leader")
    assert processes.identify(group.leader.pid) == group.identity


def test_a_group_ends_with_those_that_left_it(group: Group) -> None:
    assert set(processes.members(group.identity)) == {group.leader.pid, *group.children}
    assert processes.kill_group(group.identity) == 3
    until_gone(group.leader.pid, *group.children)


def test_what_a_dead_leader_left_is_swept(group: Group) -> None:
    group.end_leader()
    assert not processes.alive(group.identity)
    assert processes.sweep([group.identity]) == [group.identity]
    until_gone(*group.children)
    assert processes.sweep([group.identity]) == []


def test_nobody_is_killed_for_a_pid_that_names_somebody_else_now(group: Group) -> None:
    for stranger in (
        replace(group.identity, start_ticks=group.identity.start_ticks - 1),
        replace(group.identity, start_ticks=group.identity.start_ticks + 1),
        replace(group.identity, boot_id="another"),
        Identity(0, 0, processes.boot_id()),
        Identity(1, processes.start_ticks(1) or 0, processes.boot_id()),
    ):
        assert processes.kill_group(stranger) == 0
    assert processes.alive(group.identity)


def test_strangers_whose_dead_leader_had_the_pid_of_ours_are_spared(group: Group) -> None:
    """Our runner ended with all of it, a shell was given its pid, led a group and ended; its children live on."""
    group.end_leader()
    ours = replace(group.identity, start_ticks=group.identity.start_ticks - 1000)
    assert processes.members(ours, "SPOOL_RUNNER") == [] and processes.kill_group(ours, mark="SPOOL_RUNNER") == 0
    assert set(processes.members(ours)) == set(group.children), "nothing else tells them"


def test_what_bears_our_mark_is_swept_long_after_its_leader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPOOL_RUNNER", "1")
    group = Group()
    group.end_leader()
    assert processes.kill_group(group.identity, mark="SPOOL_RUNNER") == 2
    until_gone(*group.children)
    group.leader.communicate()


def test_children_are_found() -> None:
    with subprocess.Popen(["sleep", "999"]) as child:
        try:
            assert child.pid in processes.children()
            assert processes.session_of(child.pid) == os.getsid(0)
        finally:
            child.kill()


def test_signals_to_nobody_are_told_as_such() -> None:
    with subprocess.Popen(["true"]) as child:
        child.wait()
    assert not processes.send(child.pid, 15)
    assert not processes.send_group(child.pid, 15)
