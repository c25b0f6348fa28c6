from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from workers.health import load as load_module
from workers.health.load import HostLoad, OtherPrograms, pressure_of_load

needs_proc = pytest.mark.skipif(not Path("/proc/stat").exists(), reason="no /proc here")
BURN = "import time\nends = time.monotonic() + 60\nwhile time.monotonic() < ends: sum(range(9999))"


@pytest.fixture
def burning() -> Iterator[subprocess.Popen[bytes]]:
    """A process in a session of its own that uses all of a core."""
    process = subprocess.Popen([sys.executable, "-c", BURN], start_new_session=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


def test_a_look_is_plausible() -> None:
    load = HostLoad(polite=False).look()
    assert load.cores == os.cpu_count() and 0 < load.memory_free < 100 and load.others is None
    assert all(0 <= value <= 100 for value in (load.cpu, load.io, load.memory))


def test_where_the_kernel_tells_no_pressure_it_is_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_module, "pressure", lambda resource: None)
    monkeypatch.setattr(os, "getloadavg", lambda: (float(4 * (os.cpu_count() or 1)), 1.0, 1.0))
    load = HostLoad(polite=False).look()
    assert load.cpu == 75.0 and 0 <= load.io <= 100 and load.memory == 0


@pytest.mark.parametrize(("load1", "cores", "percent"), [(0.0, 2, 0.0), (2.0, 2, 0.0), (4.0, 2, 50.0), (8.0, 2, 75.0)])
def test_pressure_by_the_load_average(load1: float, cores: int, percent: float) -> None:
    assert pressure_of_load(load1, cores) == percent


@needs_proc
def test_our_own_work_is_told_from_that_of_others(burning: subprocess.Popen[bytes]) -> None:
    seen_by_us, seen_by_child = OtherPrograms(os.getpid()), OtherPrograms(burning.pid)
    began = time.process_time(), Path(f"/proc/{burning.pid}/stat").read_bytes()
    while (used := _ticks(burning.pid) - _ticks_of(began[1])) < 30:
        time.sleep(0.01)
    seen_by_us.look()
    seen_by_child.look()
    assert burning.pid in seen_by_us.ours and os.getpid() in seen_by_us.ours
    assert seen_by_child.ours == [burning.pid] and os.getpid() not in seen_by_child.ours
    # The same machine in the same time: what is the child's is others' only for whoever does not own it. Both see the
    # rest of the machine; only we see this process too.
    assert seen_by_us._own - seen_by_child._own >= 0 and used >= 30


@needs_proc
def test_what_others_do_counts_as_cores(burning: subprocess.Popen[bytes]) -> None:
    idle = subprocess.Popen(["sleep", "60"])
    try:
        others = OtherPrograms(idle.pid)
        before = _ticks(burning.pid)
        while _ticks(burning.pid) - before < 30:
            time.sleep(0.01)
        first = others.look()
        assert others.ours == [idle.pid] and 0 < first <= (os.cpu_count() or 1)
    finally:
        idle.kill()
        idle.wait(10)


@needs_proc
def test_a_polite_tool_that_ended_was_nobodys() -> None:
    others = OtherPrograms(os.getpid())
    before, used = others._own, os.times().children_user
    script = "import time\nwhile time.process_time() < 0.6: sum(range(99999))"
    subprocess.run(["nice", "-n", "19", sys.executable, "-c", script], check=True, timeout=60)
    others.look()
    assert os.times().children_user - used >= 0.3 and others._own - before < 25  # ticks; what we did meanwhile


@needs_proc
def test_programs_that_let_others_go_first_do_not_count() -> None:
    process = subprocess.Popen(["nice", "-n", "19", sys.executable, "-c", BURN])
    try:
        others = OtherPrograms(process.pid)
        while _ticks(process.pid) < 40:
            time.sleep(0.01)
        others.look()
        assert others.ours == [process.pid] and others._own < 20 <= _ticks(process.pid)
    finally:
        process.kill()
        process.wait(10)


def _ticks(pid: int) -> int:
    return _ticks_of(Path(f"/proc/{pid}/stat").read_bytes())


def _ticks_of(line: bytes) -> int:
    words = line.rpartition(b")")[2].split()
    return int(words[11]) + int(words[12])
