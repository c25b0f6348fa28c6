"""Shares the items of one job among item processes.

Chunks adapt to what items cost, so that each takes about a tenth of a second. An item that ends its process, hangs or
eats the memory of the job fails alone, named; what its process had in hand besides goes to another one.
"""

from __future__ import annotations

import math
import os
import select
import shutil
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from workers.errors import ErrorClass, Failure, JobFailed, LeaseLost
from workers.jobs import ItemRecord, Outcome, Progress
from workers.media.names import key_to_path
from workers.runner.board import Board
from workers.runner.channel import Channel
from workers.runner.crew import Chunk, ItemProcess, MakeWork
from workers.runner.failures import how_it_died
from workers.runner.feeder import Feeder, Task
from workers.runner.itemprocess import answer_line
from workers.runner.messages import Failed, ItemsEnded, Progressed, Publishing, Staging, file_of
from workers.runner.tally import Tally
from workers.runner.wire import decode_up, encode
from workers.text import clean

_CHUNK_S = 0.1  # what a chunk should take
_MAX_CHUNK = 200  # items
_MAX_CHUNK_BYTES = 16 << 10  # about, of keys: two chunks of usual names fit into a pipe, and nobody waits for anybody
_AHEAD = 2  # chunks that a process may have, so that none waits for its next one …
_AHEAD_BELOW_S = 0.05  # … when items cost less than this; dearer ones stay free for whoever is ready first
_TICK_S = 0.25
_OVERSLEPT_S = 1.0  # between two ticks
_END_S = 0.4  # for processes to clean up when the job is cancelled; one in a long call of C never gets to it


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a pool may use."""

    processes: int
    attempts: int  # processes that may die of one item
    memory_bytes: int  # of all processes together, beyond what they were forked with; 0 is no bound
    stall_s: float  # without a sign from an item; 0 is no bound


class Pool:
    """The item processes of one job. For the main thread of the runner."""

    def __init__(self, channel: Channel, tally: Tally, make_work: MakeWork, bounds: Bounds) -> None:
        self._channel = channel
        self._tally = tally
        self._make_work = make_work
        self._bounds = bounds
        self._wanted = bounds.processes
        self._board = Board(bounds.processes)
        self._crew: dict[int, ItemProcess] = {}  # by number
        self._again: deque[Task] = deque()  # items of processes that died
        self._numbers = 0
        self._spent_s = 0.0
        self._ended = 0
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._waking = threading.Lock()
        self._poll = select.poll()
        self._poll.register(self._wake_read, select.POLLIN)
        self._ticked = time.monotonic()
        self._looked_s = 0.0

    def wake(self) -> None:
        """Something has changed. Any thread may call."""
        with self._waking:
            if self._wake_write >= 0:
                try:
                    os.write(self._wake_write, b".")
                except BlockingIOError:
                    pass  # it will wake anyway

    def run(self, feeder: Feeder) -> bool:
        """Work through all items; False when the worker asked to make room before that. Raises what ends the job."""
        self._channel.on_yield = self.wake
        feeder.start()
        try:
            while True:
                if feeder.trouble is not None:
                    raise feeder.trouble
                yielding = self._channel.yielding  # which another thread may take back at any time
                over = feeder.over and not feeder.ready and not self._again
                if (yielding or over) and not any(process.chunks for process in self._crew.values()):
                    self._dismiss()
                    return feeder.over and not feeder.ready and not self._again
                if not yielding:
                    self._hand_out(feeder)
                ready = self._poll.poll(_TICK_S * 1000)
                self._pass_time()
                self._hear(ready)
                self._tick()
        finally:
            feeder.stop()
            self._end()

    # ---------------------------------------------------------------- work goes out

    def _hand_out(self, feeder: Feeder) -> None:
        """Give chunks to processes that want some, and make processes while there is work for more."""
        while feeder.ready or self._again:
            process = self._free()
            if process is None:
                break
            process.give(self._chunk(feeder))
        feeder.taken()

    def _free(self) -> ItemProcess | None:
        """A process that wants a chunk: an idle one, a new one, or one that has but one."""
        crew = [process for process in self._crew.values() if not process.why_killed]
        idle = next((process for process in crew if not process.chunks), None)
        if idle is not None:
            return idle
        if len(self._crew) < self._wanted:
            return self._recruit()
        if self._ended and self._cost_s() < _AHEAD_BELOW_S:
            return next((process for process in crew if len(process.chunks) < _AHEAD), None)
        return None

    def _recruit(self) -> ItemProcess:
        number = next(number for number in range(self._bounds.processes) if number not in self._crew)
        self._board.write(number, 0, -1)
        process = ItemProcess(number, self._board, self._make_work, self._crew.values())
        self._crew[number] = process
        self._poll.register(process.fileno(), select.POLLIN)
        return process

    def _cost_s(self) -> float:
        """What one item takes, on average."""
        return self._spent_s / self._ended if self._ended else math.inf

    def _chunk(self, feeder: Feeder) -> Chunk:
        self._numbers += 1
        if self._again:  # one by one: if one of them is deadly, it takes no other with it
            return Chunk(self._numbers, [self._again.popleft()])
        fair = math.ceil(len(feeder.ready) / (2 * self._wanted))
        count = max(1, min(int(_CHUNK_S / max(self._cost_s(), 1e-6)), _MAX_CHUNK, fair))
        tasks: list[Task] = []
        room = _MAX_CHUNK_BYTES
        while feeder.ready and len(tasks) < count and room > 0:
            tasks.append(feeder.ready.popleft())
            room -= 2 * len(tasks[-1].key) + len(tasks[-1].kept) + 8
        return Chunk(self._numbers, tasks)

    # ---------------------------------------------------------------- what comes back

    def _hear(self, ready: list[tuple[int, int]]) -> None:
        ends = {end for end, _ in ready}
        if self._wake_read in ends:
            os.read(self._wake_read, 4096)
        for process in list(self._crew.values()):
            if process.fileno() in ends:
                self._take(process)
        if ends:
            self._channel.report(self._progress())

    def _take(self, process: ItemProcess) -> None:
        """Hear one process; one that has ended is buried."""
        for line in process.lines():
            self._heed(process, line[:1], line[1:])
        if process.reap():
            for line in process.lines():
                self._heed(process, line[:1], line[1:])
            self._bury(process)

    def _heed(self, process: ItemProcess, kind: bytes, rest: bytes) -> None:
        match kind:
            case b"i":
                count, failed, line = rest.split(b" ", 2)
                self._count(process, int(count), int(failed), line)
            case b"r":
                process.chunks.popleft()
            case b"q":
                question = decode_up(rest)
                assert isinstance(question, Staging | Publishing)
                if isinstance(question, Staging):
                    gone = {Path(path) for path in question.gone}
                    process.tops = [*(top for top in process.tops if top not in gone), Path(question.path)]
                else:
                    process.published.append(file_of(question))
                self._channel.routes.add(question.path, lambda line: process.answer(answer_line(line)))
                self._channel.relay(rest + b"\n")
            case b"p":
                progress = decode_up(rest)
                assert isinstance(progress, Progressed)
                process.fraction = progress.progress.fraction or 0.0
            case b"k":
                self._channel.relay(rest + b"\n")
            case b"x" | b"l":
                said = decode_up(rest)
                assert isinstance(said, Failed)
                raise LeaseLost(said.failure.message) if kind == b"l" else JobFailed.of(said.failure)

    def _count(self, process: ItemProcess, count: int, failed: int, line: bytes) -> None:
        """Outcomes have come: pass them on as they are, and count."""
        self._channel.relay(line + b"\n")
        process.told(count)
        self._ended += count
        if failed:
            ended = decode_up(line)
            assert isinstance(ended, ItemsEnded)
            for record in ended.items:
                self._tally.count(record)
        else:
            self._tally.done += count

    def _progress(self) -> Progress:
        working = [process for process in self._crew.values() if process.chunks]
        phase = ""
        for process in working:
            task = process.in_hand()
            if task is not None:
                phase = clean(os.path.basename(str(key_to_path(task.key)))) if task.key else ""
                break
        slowest = max((process.left_s() for process in working), default=0.0)
        return self._tally.progress(sum(process.fraction for process in working), phase, at_least_s=slowest)

    # ---------------------------------------------------------------- what goes wrong

    def _pass_time(self) -> None:
        """Count the time since the last call. What was slept through, with the machine or in a pause, is none."""
        now = time.monotonic()
        passed, self._ticked = now - self._ticked, now
        if passed > _OVERSLEPT_S:
            self._tally.slept(passed - _TICK_S)
            for process in self._crew.values():
                process.slept(passed - _TICK_S)
            passed = _TICK_S
        self._spent_s += passed * sum(bool(process.chunks) for process in self._crew.values())
        self._looked_s += passed

    def _tick(self) -> None:
        """Look after the processes, about four times a second."""
        if self._looked_s < _TICK_S:
            return
        looked, self._looked_s = min(self._looked_s, 2 * _TICK_S), 0.0
        for process in list(self._crew.values()):
            process.grow_quiet(looked)
            if self._bounds.stall_s and process.quiet_s > self._bounds.stall_s:
                process.kill("no sign of progress from this item")
            if process.reap():
                self._take(process)
        if self._bounds.memory_bytes:
            self._watch_memory()
        self._channel.alive()

    def _watch_memory(self) -> None:
        held = {process.number: process.memory() for process in self._crew.values()}
        if sum(held.values()) <= self._bounds.memory_bytes:
            return
        largest = max(held, key=lambda number: held[number])
        process, used, bound = self._crew[largest], held[largest] >> 20, self._bounds.memory_bytes >> 20
        # Beside others it may have been the last straw only: with fewer of them it gets another chance.
        process.crowded = held[largest] <= self._bounds.memory_bytes and len(self._crew) > 1
        process.kill(f"out of memory: this item took {used} MiB; the whole job has {bound} MiB")
        self._wanted = max(1, self._wanted - 1)

    def _bury(self, process: ItemProcess) -> None:
        """A process has ended: what it had in hand goes to others, the item it died of last, or fails."""
        self._poll.unregister(process.fileno())
        del self._crew[process.number]
        fatal = process.died_of()
        left = [task for chunk in process.chunks for task in chunk.tasks[chunk.told :] if task is not fatal]
        process.close()
        for top in process.tops:
            shutil.rmtree(top, ignore_errors=True)
        for task in [*left, *([fatal] if fatal else [])]:
            task.published += tuple(file for file in process.published if file.item == task.key)
        self._again.extend(left)
        if fatal is None:
            return
        fatal.deaths += not process.crowded
        if fatal.deaths < self._bounds.attempts:
            self._again.append(fatal)
            return
        stalled = process.why_killed.startswith("no sign")
        why = process.why_killed or f"its process died: {how_it_died(process.status)}"
        failure = Failure(ErrorClass.STALLED if stalled else ErrorClass.CRASHED, why, clean(fatal.key))
        record = ItemRecord(fatal.key, Outcome.FAILED, failure=failure, kept=fatal.kept)
        self._channel.relay(encode(ItemsEnded((record,))))
        self._tally.count(record)
        self._ended += 1

    # ---------------------------------------------------------------- the end

    def _dismiss(self) -> None:
        """All is done: let the processes end by themselves."""
        for process in self._crew.values():
            process.hang_up()
        for process in self._crew.values():
            process.reap(wait=True)

    def _end(self) -> None:
        """Whatever happened: no process and no staging folder of theirs stays behind."""
        self._channel.on_yield = lambda: None
        for process in self._crew.values():
            process.hang_up()
        ends = time.monotonic() + _END_S
        while any(not process.reap() for process in self._crew.values()) and time.monotonic() < ends:
            self._hear_last_words()
            time.sleep(0.005)
        for process in self._crew.values():
            process.kill()
            process.reap(wait=True)
        self._hear_last_words()
        for process in self._crew.values():
            process.close()
            for top in process.tops:
                shutil.rmtree(top, ignore_errors=True)
        self._crew.clear()
        with self._waking:
            os.close(self._wake_read)
            os.close(self._wake_write)
            self._wake_write = -1

    def _hear_last_words(self) -> None:
        """Pass on what has ended: it needs no work when the job goes on."""
        for process in self._crew.values():
            for line in process.lines():
                if line.startswith(b"i"):
                    self._channel.relay(line.split(b" ", 2)[2] + b"\n")
