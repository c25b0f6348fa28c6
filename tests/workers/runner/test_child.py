"""Every way in which a job ends, in a real runner."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.workers.runner.conftest import Begin, until
from workers.errors import ErrorClass
from workers.runner import processes
from workers.runner.limits import Limits
from workers.runner.wire import Failed, Finished, Hello, Progressed

MIB = 1 << 20


def test_a_job_says_hello_then_its_result_and_ends_with_0(begin: Begin) -> None:
    talk = begin("noop")
    assert talk.finish() == Finished()
    assert talk.said[0] == Hello(talk.runner.pid)
    assert talk.runner.exit_status() == 0
    assert talk.runner.usage().cpu_s > 0


@pytest.mark.parametrize(
    ("operation", "params", "status"),
    [
        ("segfault", {}, -signal.SIGSEGV),
        ("kill-self", {}, -signal.SIGKILL),
        ("exit", {"code": 5, "hard": True}, 5),
    ],
)
def test_a_sudden_end_tells_nothing_but_its_status(
    begin: Begin, operation: str, params: dict[str, Any], status: int
) -> None:
    talk = begin(operation, params)
    assert isinstance(talk.finish(), Hello)
    assert talk.runner.exit_status() == status


def test_an_operation_that_exits_fails_with_its_code(begin: Begin) -> None:
    talk = begin("exit", {"code": 3})
    said = talk.finish()
    assert isinstance(said, Failed)
    assert said.failure.error_class is ErrorClass.CRASHED
    assert "exit code 3" in said.failure.message
    assert talk.runner.exit_status() == 3


def test_a_failure_keeps_its_class_and_words(begin: Begin) -> None:
    talk = begin("fail", {"error_class": "throttled", "message": "slow\x1b down", "retry_after_s": 90})
    said = talk.finish()
    assert isinstance(said, Failed)
    assert said.failure.error_class is ErrorClass.THROTTLED
    assert said.failure.message == "slow\\x1b down"
    assert said.failure.retry_after_s == 90
    assert said.failure.detail == "last\nlines"
    assert talk.runner.exit_status() == 1


def test_a_bug_is_told_with_its_place_and_logged_whole(begin: Begin, log_path: Path) -> None:
    said = begin("bug").finish()
    assert isinstance(said, Failed)
    assert said.failure.error_class is ErrorClass.TOOL
    assert said.failure.message == "RuntimeError: a bug of ours"
    assert "in _bug" in said.failure.detail
    assert "Traceback" in log_path.read_text()


@pytest.mark.parametrize(
    ("operation", "params", "error_class", "words"),
    [
        ("future", {}, ErrorClass.UNSUPPORTED, "no operation 'future'"),
        ("sleep", {"seconds": "long", "loud": 1}, ErrorClass.BAD_INPUT, "seconds: "),
    ],
)
def test_a_job_that_cannot_start_fails_without_hello(
    begin: Begin, operation: str, params: dict[str, Any], error_class: ErrorClass, words: str
) -> None:
    talk = begin(operation, params)
    said = talk.finish()
    assert isinstance(said, Failed)
    assert said.failure.error_class is error_class
    assert words in said.failure.message
    assert not talk.all(Hello)


def test_all_output_goes_to_the_log(begin: Begin, log_path: Path) -> None:
    begin("print", {"out": "one", "err": "two"}).finish()
    lines = log_path.read_text().splitlines()
    assert lines[:3] == ["one", "two", "from a tool"]
    assert lines[3].endswith("Z from the context")


def test_progress_comes_at_once_then_ten_a_second_and_the_last_one_always(begin: Begin) -> None:
    talk = begin("report", {"steps": 400, "pause_s": 0.001})
    assert isinstance(talk.finish(), Finished)
    heard = [message.progress.done for message in talk.all(Progressed)]
    assert heard[0] == 1
    assert heard[-1] == 400
    assert len(heard) <= 12


def test_the_newest_report_comes_without_another_one(begin: Begin) -> None:
    talk = begin("report", {"steps": 2, "rest_s": 60})
    talk.until_true(lambda: len(talk.all(Progressed)) == 2, "the second report")
    assert [message.progress.done for message in talk.all(Progressed)] == [1, 2]
    assert not talk.all(Finished)


def test_a_runner_out_of_memory_says_so_and_the_next_one_works(begin: Begin) -> None:
    limit = 200 * MIB
    said = begin("eat-memory", limits=Limits(memory_bytes=limit), memory_bytes=limit).finish()
    assert isinstance(said, Failed)
    assert said.failure.error_class is ErrorClass.CRASHED
    assert said.failure.message == "out of memory (limit 200 MiB)"
    assert begin("eat-memory", {"megabytes": 100}, limits=Limits(memory_bytes=limit)).finish() == Finished(
        (), {"megabytes": 100}
    )


def test_a_runner_is_alone_private_and_first_to_go_when_memory_runs_out(begin: Begin) -> None:
    talk = begin("hang")
    talk.until(Progressed)
    pid = talk.runner.pid
    assert os.getpgid(pid) == os.getsid(pid) == pid
    assert Path(f"/proc/{pid}/oom_score_adj").read_text().strip() == "500"
    assert Path(f"/proc/{pid}/comm").read_text().strip() == "spool-job12"
    status = Path(f"/proc/{pid}/status").read_text()
    assert "Umask:\t0077" in status
    limits = Path(f"/proc/{pid}/limits").read_text().splitlines()
    assert next(line for line in limits if line.startswith("Max core file size")).split()[4:6] == ["1", "1"]
    descriptors = {int(name): os.readlink(f"/proc/{pid}/fd/{name}") for name in os.listdir(f"/proc/{pid}/fd")}
    assert descriptors[0] == "/dev/null"
    assert descriptors[1] == descriptors[2] and descriptors[1].endswith("job.log")
    assert not any("socket" in target for target in descriptors.values()), descriptors
    assert len(descriptors) == 7, descriptors  # in, out, err, down, up, and the two ends of its own wake-up


def test_an_interrupt_unwinds_the_operation_and_removes_its_staging(begin: Begin, tmp_path: Path) -> None:
    target = tmp_path / "out" / "file.txt"
    talk = begin("publish", {"target": str(target), "pause_s": 60})
    talk.until_true(lambda: any(target.parent.glob(".spool-12-3-*/*/staged")), "the staged file")
    assert talk.runner.signal_group(signal.SIGINT)
    talk.finish()
    assert talk.runner.exit_status() == 130
    assert not talk.all(Failed)
    assert os.listdir(target.parent) == []


def test_a_terminate_ends_it_at_once_and_leaves_the_staging_to_the_worker(begin: Begin, tmp_path: Path) -> None:
    target = tmp_path / "out" / "file.txt"
    talk = begin("publish", {"target": str(target), "pause_s": 60})
    talk.until_true(lambda: any(target.parent.glob(".spool-12-3-*/*/staged")), "the staged file")
    talk.runner.signal_group(signal.SIGTERM)
    talk.finish()
    assert talk.runner.exit_status() == -signal.SIGTERM
    assert len(os.listdir(target.parent)) == 1


def test_nothing_survives_a_job_not_even_what_left_its_group_or_session(begin: Begin) -> None:
    talk = begin("grandchild")
    said = talk.finish()
    assert isinstance(said, Finished)
    pids = said.detail["pids"]
    assert len(pids) == 3
    until(lambda: not any(processes.start_ticks(pid) for pid in pids), "the end of the grandchildren")
