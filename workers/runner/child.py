"""What a forked runner does: read the job, hold the leash, run the operation, tell the outcome, end."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from workers import linux
from workers.errors import ErrorClass, Failure, InvalidParams, JobFailed
from workers.media import sandbox
from workers.operations.contract import Operation
from workers.runner.cancel import Cancelled, Shield
from workers.runner.channel import Channel
from workers.runner.engine import Engine
from workers.runner.exits import EXIT_CANCELLED, EXIT_DONE, EXIT_FAILED
from workers.runner.failures import Circumstances, failure_of, print_traceback
from workers.runner.wire import Failed, Finished, Hello, JobMessage, WireError, Yielded


def main(down: int, up: int, operations: Mapping[str, Operation[Any]]) -> NoReturn:
    """Run the one job that comes through the pipe `down`, tell about it through `up`, and end the process."""
    code = EXIT_FAILED
    try:
        code = _run(down, up, operations)
    except BaseException as error:
        print_traceback(error)
    finally:
        # No teardown of the interpreter: it costs more than a small job, and nothing of this process is needed again.
        _flush_output()
        os._exit(code)


def _run(down: int, up: int, operations: Mapping[str, Operation[Any]]) -> int:
    shield = Shield()
    channel = Channel(down, up, shield)
    try:
        job = channel.receive_job()
    except EOFError:
        return EXIT_FAILED  # the worker went away before it said what to do
    except WireError as error:
        channel.send(Failed(Failure(ErrorClass.CRASHED, f"the runner did not understand the worker: {error}")))
        return EXIT_FAILED
    shield.listen()
    channel.hold_leash()
    linux.set_name(f"spool-job{job.job_id}")
    try:
        return _settle(channel, shield, job, operations)
    except Cancelled:
        return EXIT_CANCELLED


def _settle(channel: Channel, shield: Shield, job: JobMessage, operations: Mapping[str, Operation[Any]]) -> int:
    """Run the job and say how it ended."""
    engine = Engine(job, channel, shield)
    outcome: Finished | Failed | Yielded
    code = EXIT_DONE
    try:
        outcome = _perform(channel, engine, job, operations)
    except (Exception, SystemExit) as error:
        outcome, code = Failed(_explain(error, engine.circumstances)), _exit_code(error)
    shield.finish()
    _flush_output()
    channel.flush()
    channel.send(outcome)
    return code


def _perform(
    channel: Channel, engine: Engine, job: JobMessage, operations: Mapping[str, Operation[Any]]
) -> Finished | Yielded:
    operation = operations.get(job.operation)
    if operation is None:
        raise JobFailed(ErrorClass.UNSUPPORTED, f"this worker has no operation {job.operation!r}")
    if operation.network:
        os.environ.update(job.environment)
    sandbox.use(sandbox.Sandbox.of(job.settings.get("sandbox")))
    params = operation.validate(job.params)
    Path(job.work_dir).mkdir(mode=0o700, parents=True, exist_ok=True)
    gc.enable()
    channel.send(Hello(os.getpid()))
    return engine.run(operation, params)


def _explain(error: BaseException, circumstances: Circumstances) -> Failure:
    if not isinstance(error, JobFailed | InvalidParams):
        print_traceback(error)
    return failure_of(error, circumstances)


def _exit_code(error: BaseException) -> int:
    if isinstance(error, SystemExit) and isinstance(error.code, int):
        return error.code & 0xFF
    return EXIT_FAILED


def _flush_output() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            pass  # the disk of the log is full, or the operation closed it
