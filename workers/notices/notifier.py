"""The worker's thread that follows the history and tells of it. No job ever waits for it.

How far each way is stands in the database and moves on after a notice has arrived. So nothing is lost over restarts;
what had just been sent when a worker was killed is sent once more.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from workers.notices.following import Following
from workers.notices.posting import Posting, wait_for
from workers.notices.ways import ways_of
from workers.notices.words import Happening, Notice, notice_of
from workers.settings import Settings
from workers.store import notices, questions
from workers.store.database import DatabaseError

log = logging.getLogger(__name__)

_LOOK_S = 1.0  # how often the history is asked whether it has grown
_STEP_S = 0.25  # while something waits to be told
_FAR = 1000  # revisions without anything to tell after which that is written down
_PATIENCE_S = 3.0  # for what is under way when the worker stops
_NAMED = 50  # jobs of a summary whose rows are read


class Notifier:
    """Tells the configured services and programs what happens. Without any it has no thread."""

    def __init__(self, settings: Settings, db: Any, clock: Callable[[], float] = time.monotonic) -> None:
        """`begin` in the database: what happens from here on is told, on ways that are new."""
        self._db = db
        self._clock = clock
        self._events = frozenset(settings.notify.on)
        ways = ways_of(settings) if self._events else ()
        told = notices.begin(db, [way.name for way in ways])
        self._ways = [Following(way, told[way.name], settings.notify) for way in ways]
        self._written = dict(told)
        self._scanned = min(told.values(), default=0)
        self._stop_reader, self._stop_writer = os.pipe()
        self._stopping = False
        self._refused = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread, where there is somebody to tell."""
        if self._ways:
            names = ", ".join(following.way.name for following in self._ways)
            log.info("%s will be told of: %s", names, ", ".join(sorted(self._events)))
            self._thread = threading.Thread(target=self._run, name="notices", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the thread; what is under way has a few seconds."""
        self._stopping = True
        os.write(self._stop_writer, b"x")
        if self._thread is not None:
            self._thread.join(4 * _PATIENCE_S)
            if self._thread.is_alive():
                return  # the pipe is its own
        os.close(self._stop_writer)
        os.close(self._stop_reader)

    # ---------------------------------------------------------------- the thread

    def _run(self) -> None:
        self._db.connect(reuse_if_open=True)
        try:
            while not self._stopping:
                self._try(self._round)
                self._wait(_STEP_S if any(following.waiting for following in self._ways) else _LOOK_S)
            self._finish()
        finally:
            self._db.close()

    def _wait(self, seconds: float) -> None:
        wait_for(self._postings(), seconds, self._stop_reader)

    def _postings(self) -> list[Posting]:
        return [following.posting for following in self._ways if following.posting is not None]

    def _try(self, act: Callable[[], None]) -> None:
        """Nothing ends for a database that refuses, a process that cannot be started or a bug of ours; told once."""
        try:
            act()
            self._refused = False
        except (DatabaseError, OSError) as error:
            if not self._refused:
                log.warning("notices wait: %s", error)
            self._refused = True
            time.sleep(_STEP_S)
        except Exception:
            if not self._refused:
                log.exception("notices wait")
            self._refused = True
            time.sleep(_STEP_S)

    def _round(self) -> None:
        self._scan()
        now = self._clock()
        for following in self._ways:
            if following.step(now, self._compose):
                self._write(following)

    def _scan(self) -> None:
        """Hand what has happened since the last look to each way."""
        while questions.revision(self._db) > self._scanned and not self._stopping:
            lines, seen = notices.happened(self._db, self._scanned, self._events)
            now = self._clock()
            for line in lines:
                happening = Happening(line.revision, line.event, line.job_id, line.text, line.batch)
                for following in self._ways:
                    following.add(happening, now)
            self._scanned = seen
        for following in self._ways:
            if following.seen(self._scanned) and following.told - self._written[following.way.name] > _FAR:
                self._write(following)

    def _compose(self, happenings: Sequence[Happening]) -> Notice:
        ids = [happening.job_id for happening in happenings if happening.job_id]
        if len(happenings) > 1:
            ids = [happening.job_id for happening in happenings if happening.event == "failed"][:_NAMED]
        return notice_of(happenings, questions.jobs_by_id(self._db, ids), socket.gethostname())

    def _write(self, following: Following) -> None:
        notices.told_up_to(self._db, following.way.name, following.told)
        self._written[following.way.name] = following.told

    def _finish(self) -> None:
        """Hear what is under way a little longer, end the rest, and write down how far each way is."""
        deadline = time.monotonic() + _PATIENCE_S
        while (under_way := self._postings()) and time.monotonic() < deadline:
            wait_for(under_way, deadline - time.monotonic())
            self._try(self._hear)
        for following in self._ways:
            following.end()
            if following.told != self._written[following.way.name]:
                self._try(lambda following=following: self._write(following))  # type: ignore[misc]

    def _hear(self) -> None:
        for following in self._ways:
            if following.posting is not None and following.step(self._clock(), self._compose):
                self._write(following)
