"""Huey's room: rings, and the threads that hear them. The only file that imports huey.

A message says only "queue Q has work" (a ring). Rings may be lost, doubled or late; the jobs table is the truth.
There is one ring file per queue (SqliteHuey, no fsync: a lost ring costs nothing), with JSON messages, never pickle.
A datagram wakes the worker, so that a ring is heard in milliseconds without polling.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import sqlite3
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workers.absent import absent

with absent("psycopg", "redis", "gevent", "cysqlite"):
    from huey import SqliteHuey
    from huey.consumer import Consumer, Worker
    from huey.registry import Message
    from huey.serializer import Serializer

from workers.errors import SpoolError
from workers.files import open_private, private_folder
from workers.jobs import QUEUES
from workers.slots import Slots

log = logging.getLogger(__name__)

_LISTEN_S = 5.0  # a consumer thread looks for itself this often, should a datagram get lost
_RING = "ring"


class JsonSerializer(Serializer):  # type: ignore[misc]
    """Messages as JSON: a name, a time, a priority. Anything else is refused, so that a crafted row runs no code."""

    def _serialize(self, data: Any) -> bytes:
        if not isinstance(data, Message) or data.args or data.kwargs or data.on_complete or data.on_error:
            raise TypeError("only plain rings can be sent")
        eta = None if data.eta is None else data.eta.replace(tzinfo=UTC).isoformat()
        return json.dumps({"id": data.id, "name": data.name, "eta": eta, "priority": data.priority}).encode()

    def _deserialize(self, data: Any) -> Message:
        # What is no message of ours counts as a ring: one too many does no harm, and those behind it are heard.
        name, eta, priority, number = f"{__name__}.{_RING}", None, None, "0"
        with contextlib.suppress(ValueError, TypeError, KeyError, RecursionError):
            fields = json.loads(bytes(data))
            when = fields["eta"]
            eta = None if when is None else datetime.fromisoformat(when).replace(tzinfo=None)
            name, number = str(fields["name"]), str(fields["id"])
            priority = None if fields["priority"] is None else int(fields["priority"])
        return Message(id=number, name=name, eta=eta, retries=0, retry_delay=0, priority=priority, args=(), kwargs={})


def _ring_file(folder: Path, queue: str) -> Path:
    return folder / f"{queue}.db"


def _identity(path: Path) -> tuple[int, int]:
    """Which file this is; (0, 0) when there is none."""
    try:
        info = path.stat()
    except OSError:
        return (0, 0)
    return (info.st_dev, info.st_ino)


class _Rings(SqliteHuey):  # type: ignore[misc]
    """A queue's ring file. `heard` is called after a ring was put in, by whoever puts it: also by Huey's scheduler."""

    heard: Callable[[], None] = staticmethod(lambda: None)

    def enqueue(self, task: Any) -> Any:
        """Put a ring in, then wake whoever waits for one."""
        answer = super().enqueue(task)
        self.heard()
        return answer


def _open(folder: Path, queue: str) -> _Rings:
    path = _ring_file(folder, queue)
    fresh = not path.exists()
    if fresh:
        private_folder(folder)
        os.close(open_private(path, os.O_CREAT | os.O_RDWR))
    return _Rings(
        queue,
        filename=str(path),
        results=False,
        utc=True,
        fsync=False,
        timeout=5,
        cache_mb=0,
        serializer=JsonSerializer(),
        create_tables=fresh or path.stat().st_size == 0,
    )


def _ring_task(huey: _Rings, act: Callable[[], None]) -> Any:
    def ring() -> None:  # of this module, whoever works: Huey names a task by the module of its function
        act()

    return huey.task(name=_RING)(ring)


def _never() -> None:
    raise RuntimeError("a client executes no rings")


class Bells:
    """The sending side: tells the worker that a queue has work. Never raises: the sweep makes up for a lost ring.

    Any thread may ring. Huey has one connection to a ring file, which all threads share, one at a time.
    """

    def __init__(self, folder: Path, wake_socket: Path) -> None:
        self._folder = folder
        self._wake_socket = wake_socket
        self._tasks: dict[str, Any] = {}
        self._files: dict[str, tuple[int, int]] = {}
        self._opening = threading.Lock()

    def ring(self, queue: str, *, priority: int = 0, at: int | None = None) -> None:
        """Ring for `queue` now, or at a time in milliseconds."""
        try:
            task = self._task(queue)
            if at is None:
                task.huey.enqueue(task.s(priority=priority))
            else:
                task.schedule(eta=datetime.fromtimestamp(at / 1000, UTC), priority=priority)
        except (sqlite3.Error, OSError, ValueError, OverflowError, SpoolError) as error:
            log.debug("ring for %s lost: %s", queue, error)
        self.wake(f"ring {queue}")

    def _task(self, queue: str) -> Any:
        """The ring of a queue; its file is opened anew when the worker has made it anew."""
        path = _ring_file(self._folder, queue)
        with self._opening:
            if queue in self._tasks and _identity(path) != self._files[queue]:
                self._tasks.pop(queue).huey.storage.close()
            if queue not in self._tasks:
                self._tasks[queue] = _ring_task(_open(self._folder, queue), _never)
                self._files[queue] = _identity(path)
            return self._tasks[queue]

    def close(self) -> None:
        """Close the connections to the rings, for all threads; a later ring opens its own anew.

        A disk that is gone has nothing to say to that.
        """
        with self._opening:
            for task in self._tasks.values():
                with contextlib.suppress(sqlite3.Error):
                    task.huey.storage.close()

    def wake(self, message: str = "look") -> None:
        """Wake the worker: `look` asks it to read what people want, `ring QUEUE` says that there is work."""
        with contextlib.suppress(OSError):  # nobody listens, or it has more to read than it can hold
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sender:
                sender.sendto(message.encode(), str(self._wake_socket))


class _Bell:
    """Wakes threads that wait for a ring. Counting makes sure that none is missed between a look and a wait."""

    def __init__(self) -> None:
        self.count = 0
        self._rung = threading.Condition()

    def ring(self) -> None:
        with self._rung:
            self.count += 1
            self._rung.notify_all()

    def wait(self, seen: int, timeout: float) -> None:
        with self._rung:
            self._rung.wait_for(lambda: self.count != seen, timeout)


class _SlotWorker(Worker):  # type: ignore[misc]
    """A consumer thread that takes a ring only while it holds a slot."""

    slots: Slots
    bell: _Bell

    def loop(self, now: Any = None) -> None:
        seen = self.bell.count
        self._nothing = False
        with self.slots.hold(_LISTEN_S) as held:
            if held and not self.stop_flag.is_set():
                super().loop(now)
        if self._nothing:
            self.bell.wait(seen, _LISTEN_S)

    def sleep(self) -> None:
        """Huey found no ring: wait for the bell, but not while holding the slot."""
        self._nothing = True


class _Consumer(Consumer):  # type: ignore[misc]
    """A consumer that lives inside the daemon, which owns the signals."""

    def _set_signal_handlers(self) -> None:
        pass

    def grow(self, workers: int) -> None:
        """Start more threads, up to `workers` in all. Surplus ones simply find no slot."""
        while len(self.worker_threads) < workers:
            worker = self._create_worker()
            thread = self._create_process(worker, f"slot-{self.huey.name}-{len(self.worker_threads) + 1}")
            self.worker_threads.append((worker, thread))
            if self.scheduler.is_alive():
                thread.start()


def _remove_ring_file(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


class QueueConsumer:
    """One queue's ring file, slots and consumer threads."""

    def __init__(self, folder: Path, queue: str, slots: int, work: Callable[[], None]) -> None:
        """`work` is called by a thread that holds a slot; it claims and runs jobs until none may run."""
        self.queue = queue
        self.slots = Slots(slots)
        self._bell = _Bell()
        self.huey = self._rebuilt(folder)
        self._path = _ring_file(folder, queue)
        self._file = _identity(self._path)
        self.huey.heard = self._bell.ring
        self._task = _ring_task(self.huey, work)
        kind = type("SlotWorker", (_SlotWorker,), {"slots": self.slots, "bell": self._bell})
        consumer = type("QueueConsumerThreads", (_Consumer,), {"worker_class": kind})
        self._consumer = consumer(self.huey, workers=max(1, slots), periodic=False, scheduler_interval=1)

    def _rebuilt(self, folder: Path) -> _Rings:
        """The ring file, made anew when it is damaged: it holds nothing that the sweep cannot ring again."""
        try:
            huey = _open(folder, self.queue)
            huey.storage.initialize_schema()
            ((answer,), *_) = huey.storage.sql("pragma quick_check", results=True)
            if answer != "ok":
                raise sqlite3.DatabaseError(answer)
            huey.storage.queue_size()
            return huey
        except sqlite3.Error as error:
            log.warning("the ring file of %s is damaged (%s) and is made anew", self.queue, error)
            _remove_ring_file(_ring_file(folder, self.queue))
            return _open(folder, self.queue)

    def start(self) -> None:
        """Start the threads."""
        self._consumer.start()

    def hear(self) -> None:
        """Wake the threads: somebody rang."""
        self._bell.ring()

    def ring(self, times: int) -> None:
        """Make sure that at least `times` rings wait, and that they are heard."""
        try:
            for _ in range(max(0, times - self.huey.pending_count())):
                self.huey.enqueue(self._task.s())
        except sqlite3.Error as error:
            log.warning("cannot ring %s: %s", self.queue, error)
            if "locked" not in str(error):
                self._renew()
        self.hear()

    def set_slots(self, slots: int) -> None:
        """Change how many jobs of this queue may run at once."""
        self._consumer.grow(slots)
        self.slots.set(slots)
        self.hear()

    def check(self) -> None:
        """Replace threads that died, and a ring file that was deleted or damaged."""
        self._consumer.check_worker_health()
        if _identity(self._path) != self._file or not self._sound():
            self._renew()

    def _sound(self) -> bool:
        try:
            self.huey.storage.queue_size()
            return True
        except sqlite3.OperationalError as error:
            return "locked" in str(error)
        except sqlite3.Error:
            return False

    def _renew(self) -> None:
        """Make the ring file anew under the running threads: it holds nothing that the sweep cannot ring again."""
        log.warning("the ring file of %s was deleted or damaged and is made anew", self.queue)
        storage = self.huey.storage
        with contextlib.suppress(sqlite3.Error, OSError):
            storage.close()
            with storage.lock:  # no thread opens the old file again
                _remove_ring_file(self._path)
                os.close(open_private(self._path, os.O_CREAT | os.O_RDWR))
                storage._conn = None
            storage.initialize_schema()
        self._file = _identity(self._path)

    def stop_taking(self) -> None:
        """Take no more rings; what runs goes on."""
        self._consumer.stop_flag.set()
        self.slots.close()
        self.hear()

    def join(self, timeout: float) -> None:
        """Wait for the threads to end."""
        self._consumer.shutdown_timeout = timeout
        self._consumer.stop(graceful=True)
        self.huey.storage.close()


def consumers(folder: Path, slots: dict[str, int], work: Callable[[str], None]) -> dict[str, QueueConsumer]:
    """A consumer for each queue; `work(queue)` runs its jobs."""
    private_folder(folder)

    def works(queue: str) -> Callable[[], None]:
        return lambda: work(queue)

    return {queue: QueueConsumer(folder, queue, slots[queue], works(queue)) for queue in QUEUES}


def timekeeper(folder: Path, work: Callable[[], None]) -> QueueConsumer:
    """A consumer apart for what is done by the clock: it needs no slot that jobs may hold, or a person take away."""
    return QueueConsumer(folder, "timetable", 1, work)
