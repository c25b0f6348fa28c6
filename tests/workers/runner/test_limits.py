"""Limits of the kernel, put on real processes."""

from __future__ import annotations

import errno
import gc
import mmap
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from workers import linux
from workers.media.ffmpeg import leash
from workers.runner.limits import Limits, apply, tasks_of_machine


def _in_child(work: Callable[[], int]) -> int:
    """The wait status of a fork that did `work`, which gives its exit code."""
    pid = os.fork()
    if pid == 0:
        gc.freeze()  # garbage of other tests may hang on threads that are not here
        code = 99
        try:
            code = work()
        finally:
            os._exit(code)
    return os.waitpid(pid, 0)[1]


def test_nothing_leaves_a_core_file(tmp_path: Path) -> None:
    def work() -> int:
        os.chdir(tmp_path)
        most = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.setrlimit(resource.RLIMIT_CORE, (most, most))  # as where somebody asked for core files
        apply(Limits())
        assert resource.getrlimit(resource.RLIMIT_CORE) <= (1, 1)
        os.kill(os.getpid(), signal.SIGQUIT)
        return 0

    status = _in_child(work)
    assert os.WTERMSIG(status) == signal.SIGQUIT and not os.WCOREDUMP(status)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_grows_too_large_is_an_error_that_can_be_told(tmp_path: Path) -> None:
    def work() -> int:
        apply(Limits(file_bytes=1 << 20))
        with open(tmp_path / "file", "wb", buffering=0) as file:
            try:
                file.writelines(bytes(1 << 16) for _ in range(100))
            except OSError as error:
                return 7 if error.errno == errno.EFBIG else 8
        return 0

    assert os.waitstatus_to_exitcode(_in_child(work)) == 7
    assert (tmp_path / "file").stat().st_size == 1 << 20


def test_a_tool_too_is_told_and_not_killed(tmp_path: Path) -> None:
    def work() -> int:
        apply(Limits(file_bytes=1 << 20))
        command = ["dd", "if=/dev/zero", f"of={tmp_path / 'file'}", "bs=64k", "count=100"]
        done = subprocess.run(command, stderr=subprocess.PIPE, preexec_fn=leash(), check=False)
        return 7 if b"File too large" in done.stderr and done.returncode == 1 else 8

    assert os.waitstatus_to_exitcode(_in_child(work)) == 7


def test_files_that_are_open_are_bounded() -> None:
    def work() -> int:
        apply(Limits())
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        return 7 if soft == hard <= 4096 else 8

    assert os.waitstatus_to_exitcode(_in_child(work)) == 7


def test_processes_are_bounded_far_above_what_runs() -> None:
    assert tasks_of_machine() >= len([name for name in os.listdir("/proc") if name.isdigit()]) // 2

    def work() -> int:
        apply(Limits(processes=100))
        bound = resource.getrlimit(resource.RLIMIT_NPROC)[0]
        return 7 if tasks_of_machine() < bound else 8

    assert os.waitstatus_to_exitcode(_in_child(work)) == 7


_BREED = """
import os, resource, sys, time
from workers.runner.limits import Limits, apply
os.setuid(65534)
resource.setrlimit(resource.RLIMIT_NPROC, (40, 40))  # as if the machine ran hardly anything else
apply(Limits(processes=100))
assert resource.getrlimit(resource.RLIMIT_NPROC)[1] == 40  # never more than there was
made = 0
try:
    while made < 200:
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
        made += 1
except BlockingIOError:
    print(made, flush=True)
os.killpg(0, 9)
"""


@pytest.mark.skipif(os.getuid() != 0, reason="not run: only root can become a user who runs nothing else")
def test_the_kernel_stops_an_avalanche() -> None:
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", _BREED], cwd=root, stdout=subprocess.PIPE, start_new_session=True, check=False
    )
    assert 0 < int(done.stdout) < 100


def test_memory_is_bounded_beyond_what_is_there() -> None:
    def work() -> int:
        apply(Limits(memory_bytes=200 << 20))
        small = bytearray(50 << 20)
        try:
            bytearray(300 << 20)
        except MemoryError:
            return 7 if small else 0
        return 8

    assert os.waitstatus_to_exitcode(_in_child(work)) == 7


def test_memory_that_is_only_set_aside_or_mapped_is_not_counted(tmp_path: Path) -> None:
    (tmp_path / "film").write_bytes(b"x")
    os.truncate(tmp_path / "film", 1 << 30)

    def work() -> int:
        apply(Limits(memory_bytes=100 << 20))
        mmap.mmap(-1, 300 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=0)
        with open(tmp_path / "film", "rb") as file:
            mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
        return 7 if bytearray(50 << 20) else 0

    assert os.waitstatus_to_exitcode(_in_child(work)) == 7


def test_no_rights_are_gained() -> None:
    def work() -> int:
        return 7 if linux.gain_nothing() and "NoNewPrivs:\t1" in Path("/proc/self/status").read_text() else 8

    assert os.waitstatus_to_exitcode(_in_child(work)) == 7


@pytest.mark.skipif(os.getuid() != 0, reason="not run: only root may become real-time at all")
def test_nothing_becomes_real_time() -> None:
    ask = "import os; os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))"

    def work() -> int:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        assert linux.stay_ordinary()
        apply(Limits())
        with pytest.raises(PermissionError):
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        tool = subprocess.run([sys.executable, "-c", ask], stderr=subprocess.PIPE, check=False)
        return 7 if b"PermissionError" in tool.stderr else 8

    assert os.waitstatus_to_exitcode(_in_child(work)) == 7
