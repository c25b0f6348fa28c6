"""One item of a job: its attempts, and its outcome."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from workers.errors import ErrorClass, Failure, JobFailed, LeaseLost
from workers.files import leads_nowhere
from workers.jobs import ItemRecord, Outcome, Progress
from workers.media.names import key_to_path
from workers.operations.contract import BulkParams, Operation, Params, Result
from workers.operations.inputs import was_named
from workers.runner.cancel import Shield
from workers.runner.context import RunnerContext, StagingFolders
from workers.runner.failures import Circumstances, failure_of, print_traceback
from workers.runner.keeping import FileKeeper
from workers.runner.messages import JobMessage, Published
from workers.runner.speaker import Speaker
from workers.runner.wire import json_text

_MAY_PASS = (ErrorClass.NETWORK, ErrorClass.THROTTLED)  # a file that a tool cannot read stays so
_FIRST_PAUSE_S = 0.2  # before the second attempt at an item; doubles
_LONGEST_PAUSE_S = 5.0


class ItemWork:
    """Does the items of one job in this process."""

    def __init__(
        self, operation: Operation[Params], params: Params, job: JobMessage, channel: Speaker, shield: Shield
    ) -> None:
        self._operation = operation
        self._params = params
        self._job = job
        self._channel = channel
        self._shield = shield
        self._before: dict[str, list[Published]] = {}  # by item, what earlier attempts at the job published
        for entry in job.published:
            self._before.setdefault(entry.item, []).append(entry)
        self._attempts = params.item_attempts if isinstance(params, BulkParams) else 1
        self._keeper = FileKeeper(operation, params, job, channel)
        self.folders = StagingFolders(job, channel)
        self.circumstances = circumstances_of(job)

    def context(
        self,
        item: str = "",
        share: Callable[[Progress], Progress] | None = None,
        published: list[Published] | None = None,
    ) -> RunnerContext:
        """What the operation may ask for, of the job or of one item; `published` as for `RunnerContext`."""
        return RunnerContext(
            self._job,
            self._channel,
            self._shield,
            self.folders,
            keeper=self._keeper,
            item=item,
            share=share,
            published=published,
        )

    def do(self, key: str, kept: str = "", published: Sequence[Published] = ()) -> ItemRecord:
        """The item's outcome. Its own trouble is that; what would befall every other item too is raised.

        `published` is what a process that died of it, or beside it, had put in place.
        """
        began = time.monotonic()
        files = [*self._before.get(key, ()), *published]
        outcome = self._attempt(key, files)
        for attempt in range(1, self._attempts):
            if isinstance(outcome, Result) or outcome.error_class not in _MAY_PASS:
                break
            self._pause(attempt)
            outcome = self._attempt(key, files)
        taken = time.monotonic() - began
        if isinstance(outcome, Failure) and self._passed_over(key):
            detail = {"why": "a link that leads nowhere: what it led to is not there"}
            return ItemRecord(key, Outcome.SKIPPED, (), None, json_text(detail), taken)
        if isinstance(outcome, Failure):
            return ItemRecord(key, Outcome.FAILED, (), outcome, "{}", taken, kept)
        outputs = tuple(str(Path(path)) for path in outcome.outputs)
        return ItemRecord(key, outcome.outcome, outputs, None, json_text(outcome.detail), taken, kept)

    def _passed_over(self, key: str) -> bool:
        """Whether it failed for a link that leads nowhere, which nobody named: one in a folder that was walked."""
        path = key_to_path(key)
        return isinstance(self._params, BulkParams) and leads_nowhere(path) and not was_named(self._params.inputs, path)

    def _attempt(self, key: str, published: list[Published]) -> Result | Failure:
        assert self._operation.process is not None
        context = self.context(key, published=published)
        try:
            return self._operation.process(self._params, key, context)
        except LeaseLost:
            raise
        except (Exception, SystemExit) as error:
            failure = self._explain(error, key)
            if failure.error_class is ErrorClass.DISK:
                raise JobFailed.of(failure) from error
            return failure
        finally:
            context.remove_staging()

    def _explain(self, error: BaseException, key: str) -> Failure:
        if not isinstance(error, JobFailed):
            print_traceback(error)  # into the log: it is a bug of ours or of a library
        return failure_of(error, self.circumstances, key)

    def _pause(self, attempt: int) -> None:
        ends = time.monotonic() + min(_FIRST_PAUSE_S * 2 ** (attempt - 1), _LONGEST_PAUSE_S)
        while (left := ends - time.monotonic()) > 0:
            self._channel.alive()
            time.sleep(min(left, 1.0))


def circumstances_of(job: JobMessage) -> Circumstances:
    """What is known about a job when a failure has to be explained."""
    output = job.settings.get("output_dir")
    folders = (job.work_dir, output) if isinstance(output, str) and output else (job.work_dir,)
    return Circumstances(job.memory_bytes, folders)
