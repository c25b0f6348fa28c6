"""A console for pty tests: `python -m tests.support.console_child [JOBS [LIVE [PROGRESS_HZ]]]` on a store in memory.

The longest time that its event loop was held up, in seconds, goes to the file named by LAG_FILE when it ends, and
every order that was given to the file named by ORDERS_FILE.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Any

from console.app import SpoolApp
from tests.support.fake_client import FakeStore, connect, make_jobs
from workers.config import load_settings
from workers.jobs import Progress


class Child(SpoolApp):
    """Makes progress on its live jobs and measures its own loop."""

    store: FakeStore
    live: int
    hertz: float
    lag = 0.0
    tasks: list[asyncio.Task[Any]]

    async def on_mount(self) -> None:
        self.tasks = [asyncio.create_task(self._measure())]
        if self.live and self.hertz:
            self.tasks.append(asyncio.create_task(self._work()))

    async def _measure(self) -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.02)
            self.lag = max(self.lag, time.monotonic() - before - 0.02)

    async def _work(self) -> None:
        ids = list(self.store.rows)[-self.live :]
        step = 0
        while True:
            step += 1
            for job_id in ids:
                done = (step * 37 + job_id * 91) % 60_000
                self.store.put(
                    job_id, progress=Progress(done / 60_000, "encoding", done, 60_000, 2400.0 + step % 50, 20.0, "ms")
                )
            await asyncio.sleep(1 / self.hertz)


def main(arguments: list[str]) -> int:
    """Open it."""
    count, live, hertz = [*map(float, arguments), *(0.0, 0.0, 0.0)][:3]
    store = FakeStore(make_jobs(int(count), running=int(live), queued=min(20, int(count - live))))
    app = Child(load_settings(), connect=connect(store), start=None)
    app.store, app.live, app.hertz = store, int(live), hertz
    status = app.run()
    if target := os.environ.get("LAG_FILE"):
        Path(target).write_text(f"{app.lag:.3f}")
    if target := os.environ.get("ORDERS_FILE"):
        Path(target).write_text(repr(store.orders))
    return status or 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
