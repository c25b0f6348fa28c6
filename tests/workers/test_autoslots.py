from __future__ import annotations

import functools
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.home import wait_for
from workers import autoslots
from workers import daemon as daemon_module
from workers.autoslots import SlotDesk
from workers.client import Client, QueueStatus, open_client
from workers.config import load_settings
from workers.daemon import Daemon
from workers.health.figures import AutoSlots, HostFigures
from workers.health.slots import Load, SlotKeeper
from workers.jobs import JobEvent, State
from workers.slots import Slots
from workers.store import hosts
from workers.store.database import DatabaseError, open_database
from workers.store.migrations import migrate

REGISTRY = "tests.support.operations"
ROOM = Load(cores=4, cpu=2.0, io=0.0, memory=0.0, memory_free=70.0)
SHORT = Load(cores=4, cpu=91.0, io=0.0, memory=0.0, memory_free=70.0)


class Host:
    """A host whose load the test sets."""

    def __init__(self, load: Load = ROOM) -> None:
        self.load = load

    def look(self) -> Load:
        return self.load


class Running:
    """A daemon in this process on a host of ours, and a client."""

    def __init__(self, folder: Path, config: str) -> None:
        folder.mkdir()
        (folder / "config.toml").write_text(config)
        self.host = Host()
        self.settings = load_settings({"SPOOL_HOME": str(folder)})
        self.daemon = Daemon(self.settings, REGISTRY, 0o077, load=self.host)
        self.daemon.open()
        self._thread = threading.Thread(target=self.daemon.loop)
        self._thread.start()
        self.client: Client = open_client(self.settings, REGISTRY)

    def queue(self, name: str = "default") -> QueueStatus:
        return next(status for status in self.client.queues() if status.name == name)

    def steps(self) -> list[JobEvent]:
        """What the load changed; what people set is history too, of another name."""
        return [event for event in self.client.events(job_id=0) if event.move == "slots changed"]

    def close(self) -> None:
        self.client.close()
        self.daemon.ask_to_stop()
        self._thread.join(10)
        self.daemon.close()


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    monkeypatch.setattr(daemon_module, "FOLLOW_S", 0.05)
    monkeypatch.setattr(autoslots, "SlotKeeper", functools.partial(SlotKeeper, hold_s=0.15))
    made = Running(tmp_path / "home", "[slots]\ndefault = '1-3'\n[jobs]\ngrace_seconds = 0.1\nmin_free_mib = 0\n")
    try:
        yield made
    finally:
        made.close()


def test_slots_follow_the_load_up_and_down_and_a_person_comes_first(running: Running) -> None:
    client = running.client
    assert (running.queue().slots, running.queue().auto) == (1, "1-3")
    ids = [client.submit("sleep", {"seconds": 60}).id for _ in range(5)]

    def at_work() -> int:
        return sum(client.job(job_id).state is State.RUNNING for job_id in ids)

    wait_for(lambda: at_work() == 3, what="three at once")
    assert [(step.before, step.after) for step in running.steps()] == [("1", "2"), ("2", "3")]
    assert {step.reason for step in running.steps()} == {"default: work waits and the host has room"}
    wait_for(lambda: running.queue().slots == 3 and running.queue().slots_words == "auto 1-3: the most that is allowed")

    running.host.load = SHORT
    wait_for(lambda: running.queue().slots == 1, what="one slot")
    assert [(step.before, step.after) for step in running.steps()[2:]] == [("3", "2"), ("2", "1")]
    assert {step.reason for step in running.steps()[2:]} == {"default: cpu pressure 91 %"}
    assert at_work() == 3 and [client.job(job_id).attempts for job_id in ids[:3]] == [1, 1, 1]
    (why,) = client.why(ids[4])
    assert why.reason == "slot" and "auto 1-3: cpu pressure 91 %" in why.detail and "insists" in why.lifts

    client.cancel(ids[:2])
    wait_for(lambda: at_work() == 1, what="one at work")
    assert [client.job(job_id).state for job_id in ids[3:]] == [State.QUEUED, State.QUEUED]

    client.set_slots("default", 5)
    wait_for(lambda: at_work() == 3, what="all that is left")
    assert running.queue().by_hand and running.queue().slots == 5
    assert len(running.steps()) == 4  # the load has no say
    running.host.load = ROOM
    client.set_slots("default", None)
    wait_for(lambda: len(running.steps()) > 4, what="given back")
    assert (running.steps()[4].before, running.steps()[4].after) == ("5", "3")
    assert "follows the load again" in running.steps()[4].reason and at_work() == 3
    client.cancel(ids)


def test_a_polite_worker_lets_its_runners_go_last(tmp_path: Path) -> None:
    made = Running(tmp_path / "home", "[slots]\npolite = true\n[jobs]\ngrace_seconds = 0.1\nmin_free_mib = 0\n")
    try:
        job_id = made.client.submit("sleep", {"seconds": 60}).id
        wait_for(lambda: made.client.job(job_id).progress.phase != "", what="its code at work")
        ((runner,),) = made.daemon.db.execute_sql("SELECT runner_pid FROM job").fetchall()
        assert os.getpriority(os.PRIO_PROCESS, runner) == 19
        assert os.getpriority(os.PRIO_PROCESS, 0) < 19  # whoever supervises does not wait behind others
        made.client.cancel([job_id])
    finally:
        made.close()


def test_a_range_begins_low_and_a_fixed_queue_is_left_alone(running: Running) -> None:
    running.host.load = SHORT
    before = {status.name: status.slots for status in running.client.queues() if not status.auto}
    job_id = running.client.submit("sleep", {"seconds": 0.2}).id
    wait_for(lambda: running.client.job(job_id).final)
    assert {status.name: status.slots for status in running.client.queues() if not status.auto} == before
    assert running.steps() == []


def test_without_a_worker_a_range_shows_its_lower_end(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[slots]\nvideo = '2-6'")
    client = open_client(load_settings({"SPOOL_HOME": str(tmp_path)}), REGISTRY)
    client.set_slots("images", 0)
    shown = {status.name: status for status in client.queues()}
    assert (shown["video"].slots, shown["video"].slots_words) == (2, "auto 2-6")
    assert (shown["images"].slots, shown["images"].by_hand, shown["images"].slots_words) == (0, True, "")
    client.set_slots("video", 3)
    words = next(status.slots_words for status in client.queues() if status.name == "video")
    assert words == "set by hand, not auto 2-6"
    client.close()


def test_a_step_that_the_database_refuses_is_told_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.toml").write_text("[slots]\nvideo = '1-4'")
    settings = load_settings({"SPOOL_HOME": str(tmp_path)})
    db = open_database(str(tmp_path / "jobs.db"))
    migrate(db)
    desk = SlotDesk(settings, db, Host())
    rooms = {name: Slots(number) for name, number in desk.numbers(hosts.queue_settings(db)).items()}

    def follow() -> bool:
        return desk.follow(rooms, lambda queue, slots: rooms[queue].set(slots), lambda queue: queue == "video")

    def refuse(*_: object) -> None:
        raise DatabaseError("database is locked")

    with rooms["video"].hold(0) as held, monkeypatch.context() as patch:
        assert held
        patch.setattr(autoslots, "record_event", refuse)
        with pytest.raises(DatabaseError):
            follow()
    assert rooms["video"].limit == 2  # it holds, though it could not be told
    assert follow() and not follow()
    told = desk.told()["video"]
    assert told.slots == 2
    events = db.execute_sql('SELECT job_id, move, before, after, "by", reason FROM job_event').fetchall()
    assert events == [(0, "slots changed", "1", "2", "worker", "video: work waits and the host has room")]
    db.close()


def test_what_the_worker_tells_of_slots_travels_with_its_figures() -> None:
    figures = HostFigures(1.0, 0.1, 2, 3.0, "/x", 5, 6.0, auto_slots={"video": AutoSlots(2, "why")})
    assert HostFigures.from_dict(figures.as_dict()) == figures
    assert HostFigures.from_dict({**figures.as_dict(), "auto_slots": {"video": {"slots": 2, "more": 1}}}) is None
    assert HostFigures.from_dict({**figures.as_dict(), "auto_slots": 3}) is None


def test_a_fixed_configuration_measures_nothing(tmp_path: Path) -> None:
    desk = SlotDesk(load_settings({"SPOOL_HOME": str(tmp_path)}), None)
    assert not desk.follows and desk._load is None and desk.told() == {}
