"""The long-lived process of one home: lock, rescue, consumers, timetable, polite stop.

`run` reads as the life of the worker. Its main thread hears wishes and rings, beats, sweeps and checks; consumer
threads claim and supervise jobs; one thread records progress.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from workers import backups, configmark, localtime, lock
from workers.ageing import Ageing
from workers.autoslots import FOLLOW_S, LoadSource, SlotDesk
from workers.cache.cache import ResultCache
from workers.delays import LONGEST_OWN_S
from workers.door import DEFAULT_REGISTRY, load_registry
from workers.ear import Ear
from workers.errors import ConfigError, SpoolError
from workers.floor import Floor
from workers.health.figures import Sampler
from workers.home import prepare_home
from workers.notices.alerts import DiskWatch, tell_restart
from workers.notices.notifier import Notifier
from workers.queues import Bells, QueueConsumer, consumers, timekeeper
from workers.recorder import Recorder
from workers.rescue import remove_stale_work, rescue
from workers.retention import retain
from workers.rounds import Rounds
from workers.runner.census import Census
from workers.runner.process import Forkserver
from workers.runner.processes import boot_id, start_ticks
from workers.settings import Settings
from workers.starting import check_whole, tried_sandbox
from workers.store import claims, hosts, pausing, retries
from workers.store.checkpoints import Checkpointer
from workers.store.database import ChangePoll, DatabaseError, open_database, told
from workers.store.migrations import migrate
from workers.store.records import now_ms, to_json
from workers.timetable import Clock, Timetable, daily, hourly
from workers.version import VERSION
from workers.workshop import Workshop

log = logging.getLogger(__name__)

BEAT_S = 2.0
SWEEP_S = 5.0
CHECK_S = 4.0
SHARE_S = 0.25
TIDY_S = 60.0  # without anybody asking; after an order it is done at once
_LOOK_S = 0.5  # how often wishes are looked for, should a datagram get lost
_JOIN_S = 20.0  # for all slots together, the graces of their runners included


class Daemon:
    """One life of the worker."""

    def __init__(
        self,
        settings: Settings,
        registry: str,
        umask: int,
        load: LoadSource | None = None,
        clock: Clock | None = None,
    ) -> None:
        """`load` says how the host fares, for slots that follow it; None measures it. `clock` is the timetable's."""
        self.settings = settings
        self._load = load
        self._clock = clock or Clock()
        self._timetable = Timetable(self._clock)
        self._umask = umask
        self._registry = registry
        self._operations = load_registry(registry)
        self._names = tuple(operation.name for operation in self._operations)
        self._stopping = False  # a plain flag: signal handlers set it, and those must not wait for any lock
        self._hurry = False
        self._hurry_jobs: Callable[[], None] = lambda: None  # a signal may come before any job does
        self._asked_to_look = True
        self._fatal: SpoolError | None = None

    # ---------------------------------------------------------------- start

    def open(self) -> list[str]:
        """Take the home, put right what the last worker left, start everything; what was put right."""
        prepare_home(self.settings)
        self._lock = lock.take(self.settings.paths.lock)
        configmark.note(self.settings)
        self._open_store()
        self._ear = Ear(self.settings.paths.wake_socket)
        self._notifier = Notifier(self.settings, self.db)
        self._disk = DiskWatch(self.db, self.settings.paths.output, self.settings.notify.disk_low_mib)
        report = rescue(self.db, self.settings)
        for line in report:
            log.warning("%s", line)
        hosts.set_report(self.db, self._worker_id, report)
        tell_restart(self.db, self._before, report)
        self._start_forkserver()
        self._start_consumers()
        self._notifier.start()
        return report

    def _open_store(self) -> None:
        path = self.settings.paths.database
        with told(f"opening {path}"):
            self.db = open_database(str(path))
            check_whole(self.db, path)
            migrate(self.db, before=lambda: backups.before_migration(self.settings))
            self._inode = path.stat().st_ino
            self._changes = ChangePoll(path)
            self._checkpointer = Checkpointer(path)
            self._checkpointer.start()
            self._before = hosts.latest_worker(self.db)
            self._ageing = Ageing(self.db, self._clock, self._before["heartbeat"] if self._before else None)
            self._worker_id = hosts.add_worker(
                self.db,
                {
                    "host": socket.gethostname(),
                    "pid": os.getpid(),
                    "pid_start": start_ticks(os.getpid()) or 0,
                    "boot_id": boot_id(),
                    "version": VERSION,
                    "operations": to_json(self._names),
                },
            )

    def _start_forkserver(self) -> None:
        self._forkserver = Forkserver()
        self._forkserver.start(self._registry)
        apart = tried_sandbox(self.settings)  # while the warm process loads
        self._forkserver.wait_ready()
        self._cache = ResultCache(self.settings.paths.cache, self.settings.cache)
        self._cache.start()
        self._recorder = Recorder(self.db)
        self._recorder.start()
        self._sampler = Sampler(self.settings.paths.output)
        self._workshop = Workshop(
            settings=self.settings,
            db=self.db,
            worker_id=self._worker_id,
            forkserver=self._forkserver,
            recorder=self._recorder,
            umask=self._umask,
            bells=Bells(self.settings.paths.rings, self.settings.paths.wake_socket),
            operations={operation.name: operation for operation in self._operations},
            cache=self._cache,
            census=Census(self.settings.jobs.processes),
            sandbox=apart,
        )
        self._floor = Floor(self._workshop, lambda: self._stopping)
        self._hurry_jobs = self._floor.hurry

    def _start_consumers(self) -> None:
        self._desk = SlotDesk(self.settings, self.db, self._load)
        slots = self._desk.numbers(hosts.queue_settings(self.db))
        self._workshop.slots.update(slots)
        self._consumers: dict[str, QueueConsumer] = consumers(self.settings.paths.rings, slots, self._work)
        # Each hour it is asked whether the day's is due, and made again where it failed.
        self._timetable.every(
            "backup", hourly(5), lambda: backups.daily(self.db, self.settings, lambda: self._stopping)
        )
        self._timetable.every("ageing", hourly(35), self._ageing.look)
        self._timetable.every("retention", daily(3, 15), lambda: retain(self.db, self.settings, self._ageing.look()))
        self._timekeeper = timekeeper(self.settings.paths.rings, self._timetable.run)
        for consumer in self._all_consumers():
            consumer.start()

    def _work(self, queue: str) -> None:
        self._floor.work(queue, self._consumers[queue].slots)

    def _all_consumers(self) -> list[QueueConsumer]:
        return [*self._consumers.values(), self._timekeeper]

    # ---------------------------------------------------------------- main thread

    def loop(self) -> None:
        """Hear, look, beat, sweep and check until somebody wants an end."""
        every = {
            self._beat: BEAT_S,
            self._sweep: SWEEP_S,
            self._check: CHECK_S,
            self._tidy: TIDY_S,
            self._share: SHARE_S,
            **({self._follow: FOLLOW_S} if self._desk.follows else {}),
        }
        rounds = Rounds(every, at_once=(self._beat, self._sweep), give_up=self.fail)
        look_at_once = True
        while not self._stopping:
            rounds.walk()
            self._asked_to_look = look_at_once
            rounds.attempt(self._look)
            look_at_once = self._ear.hear(min(_LOOK_S, rounds.rest_s), self._rung)
            if look_at_once:  # what was cancelled or removed while it waited may have left partial work
                rounds.hasten(self._tidy)

    def _rung(self, queue: str) -> bool:
        if self._stopping or queue not in self._consumers:
            return False
        # Whoever rang may hold a ring file that was removed or made anew meanwhile: ours decides.
        self._consumers[queue].ring(1)
        return True

    def _look(self) -> None:
        """What people want, of running jobs and of queues, if anything was written or somebody asks to look."""
        if not self._changes.changed() and not self._asked_to_look:
            return
        self._floor.heed_wishes()
        for name, slots in self._desk.numbers(hosts.queue_settings(self.db)).items():
            if slots != self._consumers[name].slots.limit:
                log.info("%s has %d slots now", name, slots)
                self._set_slots(name, slots)

    def _set_slots(self, queue: str, slots: int) -> None:
        self._workshop.slots[queue] = slots
        self._consumers[queue].set_slots(slots)

    def _follow(self) -> None:
        """Let slots follow the load, and tell clients at once when one did."""
        limits = {name: consumer.slots for name, consumer in self._consumers.items()}
        if self._desk.follow(limits, self._set_slots, self._floor.waits):
            self._beat()

    def _tidy(self) -> None:
        """Work folders that no attempt will need, where an end did not remove its own."""
        remove_stale_work(self.db, self.settings)

    def _beat(self) -> None:
        figures = replace(self._sampler.sample(), auto_slots=self._desk.told())
        hosts.heartbeat(self.db, self._worker_id, figures.as_dict())

    def _sweep(self) -> None:
        """What the clock asks for, the ends of pauses; ring again for work beside a free slot: rings may be lost."""
        if self._timetable.due():
            self._timekeeper.ring(1)
        if set_by := self._timetable.set_by():
            retries.shift(self.db, set_by, self._clock.wall() - set_by, int(LONGEST_OWN_S * 1000))
        self._disk.look()
        for ended in pausing.end_pauses(self.db, now_ms()):
            log.info("%s is over", ended)
        now = self._floor.situation()
        for name, consumer in self._consumers.items():
            free = consumer.slots.free
            if free and (waiting := claims.claimable(self.db, name, free, now)):
                consumer.ring(waiting)

    def _share(self) -> None:
        self._floor.share(self._consumers)

    def _check(self) -> None:
        """Threads that died, a deleted database, work that nobody needs."""
        for consumer in self._all_consumers():
            consumer.check()
        path = self.settings.paths.database
        try:
            same = path.stat().st_ino == self._inode
        except FileNotFoundError:
            same = False
        if not same:
            # Whoever starts the next worker should know that it begins with another table of jobs.
            self.fail(ConfigError(f"{path} was removed or replaced while the worker ran"))
            return

    # ---------------------------------------------------------------- end

    def fail(self, why: SpoolError) -> None:
        """End the worker because of something that it cannot mend; `close` raises it."""
        self._fatal = self._fatal or why
        self._stopping = True

    def ask_to_stop(self, *_: Any) -> None:
        """A signal: the first asks politely, the second ends at once."""
        if self._stopping:
            self._hurry = True
            self._hurry_jobs()
        self._stopping = True
        Bells(self.settings.paths.rings, self.settings.paths.wake_socket).wake()

    def close(self) -> None:
        """Take nothing more, stop the runners with their graces, release their jobs, end the threads."""
        for consumer in self._all_consumers():
            consumer.stop_taking()
        self._floor.release()
        if self._hurry:
            self._floor.hurry()
        self._workshop.patience_s = _JOIN_S / 2
        deadline = time.monotonic() + _JOIN_S
        for consumer in self._all_consumers():
            consumer.join(max(0.1, deadline - time.monotonic()))
        self._recorder.stop()
        self._notifier.stop()
        self._forkserver.close()
        self._cache.close()
        with contextlib.suppress(DatabaseError):
            hosts.end_worker(self.db, self._worker_id)
        self._checkpointer.close()
        self._changes.close()
        self.db.close()
        self._ear.close()
        lock.release(self._lock)
        if self._fatal:
            raise self._fatal


def _tell_service_manager(state: str) -> None:
    """Tell systemd how we are (its sd_notify protocol), where it asked."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address:
        target = f"\0{address[1:]}" if address.startswith("@") else address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender, contextlib.suppress(OSError):
            sender.sendto(state.encode(), target)


def run(settings: Settings, *, registry: str = DEFAULT_REGISTRY, ready: Callable[[], None] = lambda: None) -> None:
    """Be the worker of this home until a signal asks for the end. `ready` is called when jobs are taken."""
    umask = os.umask(0o077)
    localtime.zone()  # windows go by the clocks of this machine, which is told by the TZ that we were started with
    os.environ["TZ"] = "UTC"  # Huey's times pass through local time, which is not monotonic where clocks are changed
    time.tzset()
    daemon = Daemon(settings, registry, umask)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, daemon.ask_to_stop)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the terminal that started us may go
    daemon.open()
    try:
        ready()
        _tell_service_manager("READY=1")
        log.info("worker %d of %s takes jobs", os.getpid(), settings.paths.state)
        daemon.loop()
    finally:
        _tell_service_manager("STOPPING=1")
        log.info("worker %d stops", os.getpid())
        daemon.close()
