"""Runs one operation: as a whole, or item by item, in this process or shared among several."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from workers.errors import ErrorClass, JobFailed
from workers.jobs import MOST_AT_ONCE
from workers.operations.contract import BulkParams, Operation, Params, Result
from workers.runner.cancel import Shield
from workers.runner.channel import Channel
from workers.runner.feeder import Feeder, Sorter, Task, kept_names
from workers.runner.itemprocess import ItemChannel
from workers.runner.itemwork import ItemWork, circumstances_of
from workers.runner.listing import as_first_found
from workers.runner.pool import Bounds, Pool
from workers.runner.tally import Tally
from workers.runner.wire import Finished, ItemsEnded, JobMessage, Total, Yielded

_AGAIN_S = 0.2  # between two questions about an item that another job works on


class Engine:
    """One job in this runner."""

    def __init__(self, job: JobMessage, channel: Channel, shield: Shield) -> None:
        self._job = job
        self._channel = channel
        self._shield = shield
        self._tally = Tally()
        self.circumstances = circumstances_of(job)

    def run(self, operation: Operation[Any], params: Params) -> Finished | Yielded:
        """Do the work; what it leaves. Raises whatever the operation raises. No staging folder stays behind."""
        if operation.run is not None:
            work = self._work(operation, params, self._channel, self._shield)
            try:
                return _finished(operation.run(params, work.context()))
            finally:
                work.folders.remove()
        if operation.items is None or operation.process is None:
            raise JobFailed(ErrorClass.UNSUPPORTED, f"the operation {operation.name} has nothing to run")
        return self._run_items(operation, params)

    def _work(
        self, operation: Operation[Any], params: Params, channel: Channel | ItemChannel, shield: Shield
    ) -> ItemWork:
        return ItemWork(operation, params, self._job, channel, shield)

    def _run_items(self, operation: Operation[Any], params: Params) -> Finished | Yielded:
        assert operation.items is not None
        # Those that a person chose are all named: no folder has to be walked for them, and one that is gone fails.
        chosen = dict.fromkeys(params.items) if isinstance(params, BulkParams) else None
        look = operation.items
        stream = self._seen(chosen or as_first_found(Path(self._job.work_dir), params, lambda: look(params)))
        first = list(itertools.islice(stream, 2))
        if not first:
            label = operation.label(params)
            raise JobFailed(
                ErrorClass.BAD_INPUT, f"nothing to do: no input found in {label}{_sieved(params)}", input=label
            )
        sorter = Sorter(self._job, self._channel, self._tally, kept_names(operation, params))
        if len(first) == 1:
            return self._run_one(operation, params, first[0], sorter)
        return self._run_many(operation, params, itertools.chain(first, stream), sorter)

    def _seen(self, keys: Iterable[str]) -> Iterator[str]:
        """The keys, with a sign of life for each: a walk over a slow disk may take its time."""
        for key in keys:
            self._channel.alive()
            yield key

    def _run_one(self, operation: Operation[Any], params: Params, key: str, sorter: Sorter) -> Finished:
        """A single item is done here: what ends its process ends the job."""
        self._tally.total, self._tally.listed = 1, True
        self._channel.send(Total(1))
        tasks, elsewhere = sorter.sort([key])
        while elsewhere:
            time.sleep(_AGAIN_S)
            tasks, elsewhere = sorter.sort([key])
        for task in tasks:
            self._do_here(operation, params, task)
        self._channel.report(self._tally.progress())
        return self._tally.judge()

    def _do_here(self, operation: Operation[Any], params: Params, task: Task) -> None:
        work = self._work(operation, params, self._channel, self._shield)
        try:
            record = work.do(task.key, task.kept)
        finally:
            work.folders.remove()
        self._channel.send(ItemsEnded((record,)))
        self._tally.count(record)

    def _run_many(
        self, operation: Operation[Any], params: Params, keys: Iterable[str], sorter: Sorter
    ) -> Finished | Yielded:
        def make_work(channel: ItemChannel, shield: Shield) -> ItemWork:
            return self._work(operation, params, channel, shield)

        pool = Pool(self._channel, self._tally, make_work, self._bounds(operation, params))
        feeder = Feeder(keys, self._channel, sorter, self._tally, pool.wake)
        if not pool.run(feeder):
            return Yielded()
        self._channel.report(self._tally.progress())
        return self._tally.judge()

    def _bounds(self, operation: Operation[Any], params: Params) -> Bounds:
        bulk = params if isinstance(params, BulkParams) else None
        wanted = (bulk.processes if bulk else 0) or operation.processes or len(os.sched_getaffinity(0))
        stall_s = self._job.settings.get("stall_s")
        return Bounds(
            min(wanted, MOST_AT_ONCE),
            bulk.item_attempts if bulk else 1,
            self._job.memory_bytes,
            float(stall_s) if isinstance(stall_s, int | float) else 0.0,
        )


def _sieved(params: Params) -> str:
    """The patterns that inputs were held against, which may be why there are none."""
    if not isinstance(params, BulkParams) or not (params.only or params.skip):
        return ""
    words = [f"--{name} {pattern!r}" for name in ("only", "skip") for pattern in getattr(params, name)]
    return f" by {' '.join(words)}"


def _finished(result: Result) -> Finished:
    return Finished(tuple(str(Path(path)) for path in result.outputs), result.detail)
