"""Runs one operation: as a whole, or item by item."""

from __future__ import annotations

import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from workers.errors import ErrorClass, Failure, JobFailed, LeaseLost
from workers.jobs import ItemOutcome, Outcome, Progress
from workers.operations.contract import Context, Operation, Params, Result
from workers.runner.cancel import Shield
from workers.runner.channel import Channel
from workers.runner.context import RunnerContext, StagingFolders
from workers.runner.failures import Circumstances, failure_of
from workers.runner.wire import Finished, ItemBegun, ItemEnded, JobMessage, Total

_NO_PROGRESS = Progress()
_LISTED_BETWEEN_SIGNS = 1000  # items listed between two signs of life


@dataclass(slots=True)
class _Tally:
    """How the items of a job have ended so far."""

    total: int
    before: int  # finished by an earlier attempt
    done: int = 0
    failures: list[Failure] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    @property
    def ended(self) -> int:
        return self.before + self.done + len(self.failures)

    def progress(self, within: Progress = _NO_PROGRESS) -> Progress:
        """The progress of the job, `within` being that of the item at work."""
        share = (self.ended + (within.fraction or 0.0)) / self.total
        passed = time.monotonic() - self.started
        rate = (self.ended - self.before) / passed if passed > 0 else 0.0
        eta_s = (self.total - self.ended) / rate if rate else None
        return Progress(min(share, 1.0), within.phase, self.ended, self.total, rate or None, eta_s, "items")


class Engine:
    """One job in this runner."""

    def __init__(self, job: JobMessage, channel: Channel, shield: Shield) -> None:
        self._job = job
        self._channel = channel
        self._shield = shield
        self._folders = StagingFolders(job, channel)
        self.circumstances = Circumstances(job.memory_bytes, _own_folders(job))

    def run(self, operation: Operation[Any], params: Params) -> Finished:
        """Do the work; what it leaves. Raises whatever the operation raises. No staging folder stays behind."""
        try:
            if operation.run is not None:
                return _finished(operation.run(params, self._context()))
            if operation.items is None or operation.process is None:
                raise JobFailed(ErrorClass.UNSUPPORTED, f"the operation {operation.name} has nothing to run")
            return self._run_items(operation, params, operation.process)
        finally:
            self._folders.remove()

    def _context(self, item: str = "", share: Callable[[Progress], Progress] | None = None) -> RunnerContext:
        return RunnerContext(self._job, self._channel, self._shield, self._folders, item=item, share=share)

    def _run_items(
        self, operation: Operation[Any], params: Params, process: Callable[[Any, str, Context], Result]
    ) -> Finished:
        keys = self._list(operation, params)
        finished = frozenset(self._job.finished)
        waiting = [key for key in keys if key not in finished]
        tally = _Tally(len(keys), len(keys) - len(waiting))
        self._channel.send(Total(tally.total))
        for key in waiting:
            self._channel.send(ItemBegun(key))
            self._channel.send(ItemEnded(self._process(process, params, key, tally)))
            self._channel.report(tally.progress())
        return _judge(tally)

    def _list(self, operation: Operation[Any], params: Params) -> list[str]:
        """The inputs, each once, in order; JobFailed when there are none."""
        assert operation.items is not None
        keys: dict[str, None] = {}
        for key in operation.items(params):
            keys[key] = None
            if len(keys) % _LISTED_BETWEEN_SIGNS == 0:
                self._channel.alive()
        if not keys:
            label = operation.label(params)
            raise JobFailed(ErrorClass.BAD_INPUT, f"nothing to do: no input found in {label}", input=label)
        return list(keys)

    def _process(
        self, process: Callable[[Any, str, Context], Result], params: Params, key: str, tally: _Tally
    ) -> ItemOutcome:
        """One item. Its own trouble is its outcome; what would befall every other item too ends the job."""
        context = self._context(key, tally.progress if tally.total > 1 else None)
        try:
            result = process(params, key, context)
        except LeaseLost:
            raise
        except (Exception, SystemExit) as error:
            failure = self._explain(error, key)
            if failure.error_class is ErrorClass.DISK:
                raise JobFailed(
                    failure.error_class, failure.message, input=failure.input, detail=failure.detail
                ) from error
            tally.failures.append(failure)
            return ItemOutcome(key, Outcome.FAILED, failure=failure)
        finally:
            context.remove_staging()
        tally.done += 1
        return ItemOutcome(key, result.outcome, tuple(map(str, result.outputs)), detail=result.detail)

    def _explain(self, error: BaseException, key: str) -> Failure:
        if not isinstance(error, JobFailed):
            traceback.print_exception(error)  # into the log: it is a bug of ours or of a library
        return failure_of(error, self.circumstances, key)


def _finished(result: Result) -> Finished:
    return Finished(tuple(str(Path(path)) for path in result.outputs), result.detail)


def _judge(tally: _Tally) -> Finished:
    """The job succeeded if any item did; otherwise it failed as most of its items did."""
    failed = len(tally.failures)
    if failed and failed == tally.total:
        raise _all_failed(tally.failures)
    counts = {"items": tally.total, "done": tally.before + tally.done, "failed": failed}
    return Finished((), counts)


def _all_failed(failures: list[Failure]) -> JobFailed:
    first = failures[0]
    if len(failures) > 1:
        majority = Counter(failure.error_class for failure in failures).most_common(1)[0][0]
        first = next(failure for failure in failures if failure.error_class is majority)
        total = len(failures)
        first = replace(first, message=f"{total} of {total} items failed: {first.message}")
    return JobFailed(
        first.error_class,
        first.message,
        input=first.input,
        detail=first.detail,
        retry_after_s=max((f.retry_after_s for f in failures if f.retry_after_s is not None), default=None),
    )


def _own_folders(job: JobMessage) -> tuple[str, ...]:
    output = job.settings.get("output_dir")
    return (job.work_dir, output) if isinstance(output, str) and output else (job.work_dir,)
