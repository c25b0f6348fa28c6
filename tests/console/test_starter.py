"""What the console says of a worker that it starts."""

from __future__ import annotations

from console.starter import LEFT_BEHIND
from tests.console.conftest import Open, screen_text, shows
from tests.support.fake_client import FakeStore, make_jobs
from workers import lock
from workers.errors import SpoolError, StillStarting


async def test_a_slow_start_is_not_told_as_a_failure(open_console: Open) -> None:
    def start(_settings: object) -> bool:
        raise StillStarting("the worker, process 7, is still starting after 300 s")

    async with open_console(FakeStore(make_jobs(3), worker=False), (100, 24), start=start) as (app, pilot):
        await shows(pilot, "The worker, process 7, is still starting")
        assert "could be started" not in screen_text(app)
        assert not app.starter.busy and not app.starter.started


async def test_a_failed_start_says_why(open_console: Open) -> None:
    def start(_settings: object) -> bool:
        raise SpoolError("the disk is full")

    async with open_console(FakeStore(make_jobs(3), worker=False), (100, 24), start=start) as (_app, pilot):
        await shows(pilot, "No worker could be started: the disk is full")


async def test_only_a_worker_that_still_runs_is_told_on_leaving(open_console: Open) -> None:
    store = FakeStore(make_jobs(3), worker=False)
    async with open_console(store, (100, 24), start=lambda _settings: True) as (app, pilot):
        await shows(pilot, "No worker was running: started one.")
        assert app.starter.started
        assert app.starter.left_behind() == ""  # nobody holds the lock of the home
        held = lock.take(app.settings.paths.lock)
        try:
            assert app.starter.left_behind() == LEFT_BEHIND
        finally:
            lock.release(held)
