"""Lists the items of a job ahead of the work, and asks the worker which of them still want it."""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from workers.operations.contract import BulkParams, Operation, Params
from workers.runner.backlog import Backlog
from workers.runner.channel import Channel
from workers.runner.messages import UNKEPT, JobMessage, Known, Offered, Published, Total
from workers.runner.tally import Tally

_BLOCK = 500  # items that are asked about at once …
_FIRST_BLOCK = 16  # … and at first, so that work begins soon
_READY = 1000  # items that wait for a process; the rest is packed away
_AGAIN_S = 0.2  # between two questions about items that another job works on
_TOLD_S = 0.5  # between two messages about how many there are


@dataclass(slots=True)
class Task:
    """One item that wants work."""

    key: str
    kept: str = ""  # under what its result may be kept, see `ItemRecord`
    deaths: int = 0  # processes that died of it
    published: tuple[Published, ...] = ()  # what those were allowed to publish for it


def kept_names(operation: Operation[Params], params: Params) -> Callable[[str], str] | None:
    """A function that tells under what the result of a key may be kept; None when results of this job are not kept."""
    if operation.cache_category is None or operation.cache_files:
        return None
    if not isinstance(params, BulkParams) or params.cache == "off":
        return None
    from workers.cache.keys import Keys, content_stamp, stamp_of
    from workers.media.names import key_to_path

    keys = Keys(operation.name, operation.version, params.own())
    stamp = content_stamp if params.cache == "content" else stamp_of

    def name(key: str) -> str:
        try:
            # Most keys are paths as they stand, and making a Path of one costs more than all the rest.
            return (keys.of(key) + stamp(key if key.startswith("/") else key_to_path(key))).hex()
        except (OSError, ValueError):
            return UNKEPT

    return name


@dataclass(frozen=True, slots=True)
class Question:
    """Items that the worker is asked about."""

    number: int
    keys: Sequence[str]
    names: Sequence[str]  # under what each may be kept


class Sorter:
    """Asks the worker about items: those that are finished or kept already need no work."""

    def __init__(self, job: JobMessage, channel: Channel, tally: Tally, name: Callable[[str], str] | None) -> None:
        self._asks = job.resumed or name is not None
        self._channel = channel
        self._tally = tally
        self._name = name
        self._numbers = itertools.count(1)

    def sort(self, keys: Sequence[str]) -> tuple[list[Task], list[str]]:
        """Those of `keys` that want work here, and those that another job works on."""
        return self.answer(self.ask(keys))

    def ask(self, keys: Sequence[str]) -> Question:
        """Begin to sort; `answer` goes on. So the worker looks up one block while the next is listed."""
        number, names = next(self._numbers), [""] * len(keys)
        if self._asks:
            if self._name is not None:
                names = [self._name(key) for key in keys]
            self._channel.send(Offered(number, tuple(keys), "".join(names)))
        return Question(number, keys, names)

    def answer(self, question: Question) -> tuple[list[Task], list[str]]:
        """Wait for what the worker knows; as `sort`."""
        known = self._channel.known(question.number) if self._asks else Known(question.number)
        over = {*known.finished, *known.cached}
        elsewhere = set(known.elsewhere) - over
        self._tally.before += len(over)
        self._tally.failed_before += known.failed
        tasks = [
            Task(key, name)
            for place, (key, name) in enumerate(zip(question.keys, question.names, strict=True))
            if place not in over and place not in elsewhere
        ]
        return tasks, [question.keys[place] for place in sorted(elsewhere)]


class Feeder:
    """A thread that lists and sorts; `ready` holds the tasks for the thread that runs the job."""

    def __init__(
        self, items: Iterable[str], channel: Channel, sorter: Sorter, tally: Tally, wake: Callable[[], None]
    ) -> None:
        self._items = items
        self._channel = channel
        self._sorter = sorter
        self._tally = tally
        self._wake = wake
        self._room = threading.Condition()
        self._stopped = False
        self._told_at = time.monotonic()
        self._asked: Question | None = None
        self.ready: deque[Task] = deque()
        self.over = False  # no more tasks will come
        self.trouble: BaseException | None = None

    def start(self) -> None:
        """Start the thread."""
        threading.Thread(target=self._run, name="feeder", daemon=True).start()

    def stop(self) -> None:
        """Offer nothing more."""
        with self._room:
            self._stopped = True
            self._room.notify_all()

    def taken(self) -> None:
        """Tasks were taken out of `ready`."""
        if len(self.ready) < _READY:
            with self._room:
                self._room.notify_all()

    def _run(self) -> None:
        try:
            self._feed()
        except BaseException as error:
            self.trouble = error
        self.over = True
        self._wake()

    def _feed(self) -> None:
        backlog, later = Backlog(), deque[str]()
        for block in _blocks(self._items):
            if self._stopped:
                return
            backlog.put(block)
            self._tally.total += len(block)
            self._tell_total()
            if len(self.ready) < _READY:
                self._offer(backlog.get(), later)
        self._tally.listed = True
        self._tell_total(last=True)
        while len(backlog) and self._wait_for_room():
            self._offer(backlog.get(), later)
        self._settle(later)
        while later and self._wait_for_room(_AGAIN_S):
            again = [later.popleft() for _ in range(min(len(later), _BLOCK))]
            self._offer(again, later)
            self._settle(later)

    def _offer(self, keys: Sequence[str], later: deque[str]) -> None:
        asked = self._sorter.ask(keys)
        self._settle(later)
        self._asked = asked

    def _settle(self, later: deque[str]) -> None:
        """Hear the answer to the last question."""
        if self._asked is not None:
            asked, self._asked = self._asked, None
            tasks, elsewhere = self._sorter.answer(asked)
            later.extend(elsewhere)
            self.ready.extend(tasks)
            self._wake()

    def _wait_for_room(self, pause_s: float = 0.0) -> bool:
        """Wait until more tasks may be ready; False when nothing more is to be offered."""
        with self._room:
            if pause_s:
                self._room.wait_for(lambda: self._stopped, pause_s)
            self._room.wait_for(lambda: self._stopped or len(self.ready) < _READY)
            return not self._stopped

    def _tell_total(self, *, last: bool = False) -> None:
        now = time.monotonic()
        if last or now - self._told_at >= _TOLD_S:
            self._told_at = now
            self._channel.send(Total(self._tally.total))


def _blocks(items: Iterable[str]) -> Iterator[list[str]]:
    stream, size = iter(items), _FIRST_BLOCK
    while block := list(itertools.islice(stream, size)):
        yield block
        size = min(2 * size, _BLOCK)
