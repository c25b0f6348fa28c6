"""Times that the worker missed: a machine that slept, a clock that was set. A real worker with a clock of ours."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.context import PlainContext
from tests.support.home import CONFIG, Home, opened, wait_for
from tests.support.matrix import drawn
from tests.support.shifted import ShiftedClock
from workers import backups, trash
from workers import daemon as daemon_module
from workers.backups import list_backups
from workers.client import Client, open_client
from workers.config import load_settings
from workers.daemon import Daemon
from workers.jobs import State
from workers.operations import trash as replacing
from workers.settings import Settings
from workers.store.database import open_database
from workers.store.records import now_ms
from workers.timetable import SETTLE_MS, Clock

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


class Life:
    """A worker that lives in this process, by a clock whose hands we move."""

    def __init__(self, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
        self.settings = settings
        self.wall, self.passed = (
            now_ms() // DAY_MS * DAY_MS + 12 * HOUR_MS + 20 * 60_000,
            0,
        )  # far from all of its times
        self.done: list[str] = []
        self._looks = 0
        for module, name in ((daemon_module, "retain"), (backups, "daily")):
            monkeypatch.setattr(module, name, self._noted(name, getattr(module, name)))
        monkeypatch.setattr(daemon_module, "SWEEP_S", 0.02)
        self.daemon = Daemon(settings, "tests.support.operations", 0o077, clock=Clock(self._look, lambda: self.passed))
        self.client: Client = open_client(settings, "tests.support.operations")

    def _look(self) -> int:
        self._looks += 1
        return self.wall

    def _noted(self, name: str, act: Callable[..., object]) -> Callable[..., object]:
        def noted(*values: object) -> object:
            found = act(*values)
            self.done.append(name)
            return found

        return noted

    def sleep(self, ms: int) -> None:
        """The machine sleeps: time passes, and nobody looks."""
        self.wall, self.passed = self.wall + ms, self.passed + ms

    def done_after_looks(self) -> list[str]:
        """What was done once the worker has looked at the clock several times more."""
        before = self._looks
        wait_for(lambda: self._looks > before + 6, what="looks at the clock")
        return sorted(self.done)

    def age(self, ms: int) -> None:
        """Let everything that is stored, and the newest backup, be so much older."""
        db = open_database(str(self.settings.paths.database))
        db.execute_sql("UPDATE job SET finished_at = finished_at - ?", (ms,))
        db.close()
        path = list_backups(self.settings)[0].path
        then = (now_ms() - ms) / 1000
        os.utime(path, (then, then))


@pytest.fixture
def life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Life]:
    """It has a job that ended and a backup, and has done all that is done at a start."""
    settings = load_settings({"SPOOL_HOME": str(tmp_path / "home")})
    lived = Life(settings, monkeypatch)
    job_id = lived.client.submit("noop", {}).id
    lived.daemon.open()
    thread = threading.Thread(target=lived.daemon.loop)
    thread.start()
    try:
        wait_for(lambda: lived.client.job(job_id).state is State.SUCCEEDED, what="the job ends")
        wait_for(lambda: len(lived.done) == 2, what="what is done at a start")
        lived.done.clear()
        yield lived
    finally:
        lived.daemon.ask_to_stop()
        thread.join(10)
        lived.daemon.close()
        lived.client.close()


@pytest.mark.fault("16", "the machine slept over two nights or more: retention and backup once, on resume")
def test_a_sleep_is_made_up_for_once(life: Life) -> None:
    assert life.done_after_looks() == []
    made = len(list_backups(life.settings))
    life.age((life.settings.jobs.keep_days + 1) * DAY_MS)
    life.sleep(drawn(16).randrange(2 * DAY_MS, 9 * DAY_MS))
    wait_for(lambda: len(life.done) == 2, what="what was missed")
    assert life.done_after_looks() == ["daily", "retain"]
    assert life.client.count() == 0 and len(list_backups(life.settings)) == made + 1


@pytest.mark.fault("16", "the clock set forth a year and put right: nothing is forgotten by its age")
def test_a_clock_that_is_put_right_removes_nothing(life: Life) -> None:
    life.age((life.settings.jobs.keep_days + 1) * DAY_MS)
    life.wall += 365 * DAY_MS
    assert life.done_after_looks() == []
    life.wall -= 365 * DAY_MS
    life.sleep(30_000)
    assert life.done_after_looks() == []
    assert life.client.count() == 1


@pytest.mark.fault("16", "the clock set forth for good: what was missed is done once, when that is certain")
def test_a_clock_that_stays_set_is_believed_in_the_end(life: Life) -> None:
    life.age((life.settings.jobs.keep_days + 1) * DAY_MS)
    life.wall += 3 * DAY_MS
    assert life.done_after_looks() == []
    life.sleep(SETTLE_MS)
    wait_for(lambda: len(life.done) == 2, what="what was missed")
    assert life.done_after_looks() == ["daily", "retain"]
    assert life.client.count() == 0


@pytest.mark.fault("16", "the clock set back a day: nothing twice, and its next times are kept")
def test_a_clock_set_back(life: Life) -> None:
    life.wall -= DAY_MS
    assert life.done_after_looks() == []
    life.sleep(SETTLE_MS)
    assert life.done_after_looks() == []
    life.sleep(DAY_MS)
    wait_for(lambda: len(life.done) == 2, what="the times of the next day")
    assert life.done_after_looks() == ["daily", "retain"]


@pytest.mark.fault("15", "the timetable has no slot of a queue: it is kept though all are taken away")
def test_no_slot_is_needed(life: Life) -> None:
    life.client.set_slots("default", 0)
    wait_for(lambda: life.daemon._workshop.slots["default"] == 0, what="the slots are gone")
    life.sleep(DAY_MS)
    wait_for(lambda: len(life.done) == 2, what="what is due")


@pytest.mark.fault("16", "a worker process that slept over two nights forgets what became too old meanwhile")
def test_a_worker_process_that_slept(tmp_path: Path) -> None:
    with opened(tmp_path / "home", CONFIG + "keep_days = 1\n") as home:
        clock = ShiftedClock(home.root / "clock")
        job_id = home.submit("noop")
        home.start({"clock": str(home.root / "clock"), "daemon": {"SWEEP_S": 0.05}})
        home.wait_final(job_id)
        wait_for(lambda: len(list_backups(home.settings)) == 1, what="what is done at a start")
        clock.sleep(2 * DAY_MS)
        wait_for(lambda: len(list_backups(home.settings)) == 2, what="the backup of the day")
        wait_for(lambda: not home.client.jobs_by_id([job_id]), what="the job is forgotten")
        assert "was set" not in home.log()


def _replaced(home: Home) -> Path:
    """A file that a replacement sent to the trash of that home; where it is kept now."""
    film, staged = home.root / "film.avi", home.root / "staged"
    film.write_bytes(b"original")
    staged.write_bytes(b"the new one")
    told = replacing.replace(PlainContext(home.root / "job"), staged, replacing.look(film), film)
    (entry,) = (entry for entry in trash.entries(home.root / trash.FOLDER) if entry.id == told["trash_id"])
    trash.write(entry, home.settings.paths.state)
    return entry.kept


@pytest.mark.fault("16", "the worker starts with a clock that is 70 years ahead: neither history nor trash is lost")
def test_a_worker_that_starts_with_a_wrong_clock(tmp_path: Path) -> None:
    with opened(tmp_path / "home", CONFIG + "keep_days = 1\n") as home:
        clock = ShiftedClock(home.root / "clock")
        hooks = {"clock": str(home.root / "clock"), "daemon": {"SWEEP_S": 0.05}}
        job_id = home.submit("noop")
        worker = home.start(hooks)
        home.wait_final(job_id)
        wait_for(lambda: len(list_backups(home.settings)) == 1, what="what is done at a start")
        assert worker.stop() == 0
        kept = _replaced(home)
        clock.sleep(70 * 365 * DAY_MS)
        worker = home.start(hooks)
        wait_for(lambda: len(list_backups(home.settings)) == 2, what="what is done at a start")
        assert worker.stop() == 0  # not before that is done
        assert home.client.jobs_by_id([job_id]) and kept.read_bytes() == b"original"
        assert "wrong clock" in home.log()
