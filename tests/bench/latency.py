"""How soon a submitted job begins, what a submission costs, and what an idle worker uses.

`python -m tests.bench.latency [SUBMISSIONS]`. Times are of the monotonic clock, which all processes of the machine
share: from before `submit` in one process to the first line of the operation in its runner.
"""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.support.home import ROOT, Home, cpu_s, opened

IDLE_S = 20.0
TARGETS = {"median_ms": 10.0, "p99_ms": 60.0, "idle_percent": 1.5}

_SUBMITTER = """
import json, random, sys, time
from pathlib import Path
from workers.client import open_client
from workers.config import load_settings
folder, number, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
client = open_client(load_settings(), "tests.support.fault_operations")
chance = random.Random(seed)
client.submit("noop", {})
asked, cpu = [], 0.0
for n in range(number):
    time.sleep(chance.uniform(0.02, 0.12))
    before = time.process_time()
    asked.append(time.monotonic_ns())
    client.submit("late", {"note": str(folder / str(n))})
    cpu += time.process_time() - before
print(json.dumps({"asked": asked, "cpu_ms": cpu * 1000 / number}))
"""

_ONE = """
from workers.client import open_client
from workers.config import load_settings
open_client(load_settings(), "tests.support.fault_operations").submit("noop", {})
"""


def percentile(values: list[float], share: float) -> float:
    """The value below which `share` of the sorted values lie."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def pick_up(home: Home, submissions: int) -> tuple[list[float], float]:
    """Milliseconds from submit to the first line of the operation; processor ms of one submit in a running process."""
    notes = home.root / "notes"
    notes.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", _SUBMITTER, str(notes), str(submissions), "7"],
        env=home.environment(), cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    said = json.loads(done.stdout)
    while home.client.count("state:queued,running"):
        time.sleep(0.05)
    begun = [int((notes / str(number)).read_text()) for number in range(submissions)]
    return [(start - asked) / 1e6 for start, asked in zip(begun, said["asked"], strict=True)], said["cpu_ms"]


def claims(home: Home) -> list[float]:
    """Milliseconds from the job's row to its claim, as the table tells them, whole ones."""
    return [float(a - b) for a, b in home.sql("SELECT started_at, submitted_at FROM job WHERE operation = 'late'")]


def submit_process(home: Home, times: int = 5) -> float:
    """Processor milliseconds of a whole process that submits one job and ends: the median."""
    import resource

    costs = []
    for _ in range(times):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", _ONE], env=home.environment(), cwd=ROOT, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        costs.append((after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000)
    return statistics.median(costs)


def idle_percent(home: Home, seconds: float = IDLE_S) -> float:
    """Share of one core that worker and forkserver use while nothing is asked of them, in percent."""
    pids = list(home.processes())
    before = sum(map(cpu_s, pids))
    time.sleep(seconds)
    return (sum(map(cpu_s, pids)) - before) / seconds * 100


def main() -> None:
    """Measure and print."""
    submissions = int(sys.argv[1]) if len(sys.argv) > 1 else 250
    random.seed(7)
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder) / "home") as home:
        home.start()
        lags, submit_ms = pick_up(home, submissions)
        claimed = claims(home)
        whole_ms = submit_process(home)
        idle = idle_percent(home)
    median, high = statistics.median(lags), percentile(lags, 0.99)
    print(f"submit -> first line of the operation, {submissions} times, from another process, idle worker:")
    print(
        f"  median {median:6.2f} ms   ({median / TARGETS['median_ms']:.2f} x the target of {TARGETS['median_ms']} ms)"
    )
    print(f"  p99    {high:6.2f} ms   ({high / TARGETS['p99_ms']:.2f} x the target of {TARGETS['p99_ms']} ms)")
    print(f"  best   {min(lags):6.2f} ms   worst {max(lags):.2f} ms")
    print(f"submitted -> claimed: median {statistics.median(claimed):.0f} ms, p99 {percentile(claimed, 0.99):.0f} ms")
    print(f"submit in a running process: {submit_ms:.2f} ms of processor time")
    print(f"submit as a whole process, like `spool noop`: {whole_ms:.0f} ms of processor time")
    target = TARGETS["idle_percent"]
    print(f"idle worker over {IDLE_S:g} s: {idle:.2f} % of a core ({idle / target:.2f} x the target of {target} %)")


if __name__ == "__main__":
    main()
