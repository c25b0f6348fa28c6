"""Very many big jobs at once: is a small one done soon, does each big one get its share, and what do turns cost?

`python -m tests.bench.fairness [JOBS] [ITEMS] [SECONDS]`. For the given time, 100 jobs of 10,000 small items each share
one queue; every few seconds a job of 10 items comes in. Printed are how long those took beside one on an idle queue,
how many of the big jobs had a turn, and items a second beside those of one big job that is alone.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.support.home import CONFIG, Home, opened

DEFAULTS = [100, 10_000, 120]
SLOTS = 2
PACE_S = 5.0  # between two small jobs
WORK = {"seconds": 0.001, "processes": 1}


def _small(home: Home) -> float:
    """Seconds from the submission of a job of 10 items to its end."""
    started = time.monotonic()
    home.wait_final(home.submit("items", {"count": 10}), 600)
    return time.monotonic() - started


def _alone(home: Home, items: int) -> float:
    """Items a second of as many big jobs as there are slots."""
    big = [home.submit("items", {"count": items, **WORK}) for _ in range(SLOTS)]
    started = time.monotonic()
    for job_id in big:
        home.wait_final(job_id, 600)
    return items * SLOTS / (time.monotonic() - started)


def main() -> None:
    """Print what the small jobs and the big ones got."""
    asked = [int(word) for word in sys.argv[1:4]]
    jobs, items, seconds = asked + DEFAULTS[len(asked) :]
    config = CONFIG.replace("default = 4", f"default = {SLOTS}")
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder) / "home", config) as home:
        home.start()
        idle = statistics.median(_small(home) for _ in range(5))
        alone = _alone(home, items)
        home.client.pause_queue("default")
        big = [home.submit("items", {"count": items, **WORK}) for _ in range(jobs)]
        home.client.resume_queue("default")
        started, small = time.monotonic(), []
        while time.monotonic() - started < seconds and home.client.count("state:queued,running"):
            time.sleep(PACE_S)
            small.append(_small(home))
        passed = time.monotonic() - started
        shares = sorted(home.job(job_id).items.done for job_id in big)
        home.client.cancel(big)
        for job_id in big:
            home.wait_final(job_id, 120)
    rate = sum(shares) / passed
    print(f"{jobs} jobs of {items:,} items at once, {SLOTS} slots, {passed:.0f} s, {len(small)} small jobs beside them")
    print(
        f"  small job, idle queue: {idle:.2f} s; beside them: {statistics.median(small):.2f}, at most {max(small):.2f}"
    )
    print(
        f"  big job, items done: {shares[0]:,} to {shares[-1]:,}, median {shares[jobs // 2]:,}; 0 of {shares.count(0)}"
    )
    print(f"  {rate:,.0f} items/s, {rate / alone:.2f} of the {alone:,.0f} of {SLOTS} such jobs alone")


if __name__ == "__main__":
    main()
