"""How long a runner takes to start, and what a job that does nothing costs.

`python -m tests.bench.runner_start [JOBS]` prints milliseconds from the request to `hello`, to the result and to the
end of the process, and processor time for each job: of the forkserver and of the runner.
"""

from __future__ import annotations

import os
import select
import sys
import tempfile
import time
from dataclasses import dataclass

from workers.runner.process import Forkserver
from workers.runner.wire import Finished, Hello, JobMessage

REGISTRY = "tests.support.operations"


@dataclass(frozen=True, slots=True)
class Sample:
    """Milliseconds of one job."""

    hello: float
    result: float
    end: float
    runner_cpu: float


def measure(forkserver: Forkserver, log_fd: int, work_dir: str) -> Sample:
    """Run one job that does nothing."""
    started = time.perf_counter()
    seen: dict[type, float] = {}
    with forkserver.spawn(log_fd) as runner:
        runner.send(JobMessage(1, 1, 1, "noop", {}, work_dir))
        poll = select.poll()
        poll.register(runner.fileno(), select.POLLIN)
        while not runner.ended:
            poll.poll()
            for message in runner.messages():
                seen[type(message)] = (time.perf_counter() - started) * 1000
        if runner.exit_status() != 0:
            raise SystemExit("the job failed")
        end = (time.perf_counter() - started) * 1000
        return Sample(seen[Hello], seen[Finished], end, runner.usage().cpu_s * 1000)


def cpu_ms(pid: int) -> float:
    """Processor time of a process so far, without its children."""
    with open(f"/proc/{pid}/stat", "rb") as stat:
        words = stat.read().rpartition(b")")[2].split()
    return (int(words[11]) + int(words[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def until_idle(pid: int) -> None:
    """Wait until the process has used no processor time for a while: it makes more ready after it can be used."""
    before = -1.0
    while (now := cpu_ms(pid)) != before:
        before = now
        time.sleep(0.3)


def line(name: str, values: list[float]) -> str:
    """Median, 99th percentile and least of one column."""
    ordered = sorted(values)
    middle, high = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]
    return f"{name:28} median {middle:6.2f} ms   p99 {high:6.2f} ms   best {ordered[0]:6.2f} ms"


def main() -> None:
    """Measure and print."""
    jobs = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    forkserver = Forkserver()
    started = time.perf_counter()
    forkserver.start(REGISTRY)
    forkserver.wait_ready()
    out = [f"warm after {(time.perf_counter() - started) * 1000:.0f} ms"]
    with tempfile.TemporaryDirectory() as folder, open(f"{folder}/log", "ab") as log:
        measure(forkserver, log.fileno(), folder)
        pid = forkserver.pid
        assert pid is not None
        until_idle(pid)
        before, own = cpu_ms(pid), time.process_time()
        samples = [measure(forkserver, log.fileno(), folder) for _ in range(jobs)]
        out += [
            line("request to hello", [sample.hello for sample in samples]),
            line("request to result", [sample.result for sample in samples]),
            line("request to end of process", [sample.end for sample in samples]),
            line("processor time of the runner", [sample.runner_cpu for sample in samples]),
            f"processor time of the forkserver, each job: {(cpu_ms(pid) - before) / jobs:.2f} ms",
            f"processor time of the worker, each job: {(time.process_time() - own) * 1000 / jobs:.2f} ms",
        ]
    forkserver.close()
    sys.stdout.write("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
