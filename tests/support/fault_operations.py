"""Operations and hooks for faults: `tests.support.operations` and some that die at a chosen moment.

The worker and its forkserver load this registry. SPOOL_TEST_HOOKS in the environment holds a JSON object:
`daemon` sets constants of `workers.daemon` (a shorter sweep, less patience); `kill_at` names the moment at which the
worker kills itself, once, by a real SIGKILL. `mountinfo` names a file to read instead of the kernel's table of mounts;
`modules` sets constants of other modules; `clock` names the file of a `tests.support.shifted.ShiftedClock`.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from tests.support.operations import REGISTRY as PLAIN_REGISTRY
from tests.support.operations import plain_operation
from workers.folders import Spot
from workers.jobs import Progress
from workers.operations.contract import Context, Operation, Params, Result
from workers.runner import warm

# Loading yt-dlp takes a second of processor time, and hundreds of workers are started by the tests: a runner that
# downloads loads it by itself here. Measurements use the registry `tests.support.operations`, which leaves it as it is.
warm._MODULES = tuple(name for name in warm._MODULES if not name.startswith("yt_dlp"))


class FatalParams(Params):
    """Publishes a file and kills somebody at a moment, in its first attempt only."""

    target: Path
    """The file to make."""
    victim: Literal["runner", "forkserver", "worker"] = "runner"
    """Who is killed."""
    moment: Literal["start", "staged", "granted", "renamed", "done"] = "start"
    """When."""
    mark: Path
    """A file that says that it has happened."""


class SiteParams(Params):
    """A job that counts for a site."""

    site: str = "example.org"
    """The site."""
    seconds: float = 0.3
    """How long it takes."""


class TouchParams(Params):
    """Leaves a trace of each run."""

    folder: Path
    """Where a file of each run is made."""
    seconds: float = 0.0
    """How long it takes."""
    ignore: bool = False
    """Whether it ignores INT and TERM."""


class GroupParams(Params):
    """Uses the processor in two processes of one group."""

    seconds: float = 30.0
    """How long."""


class LateParams(Params):
    """Tells the clock of its first line."""

    note: Path
    """Where the monotonic clock in nanoseconds is written."""


class TellParams(Params):
    """Tells when it began, reported and ended."""

    note: Path
    """Where three times of the monotonic clock are written, in nanoseconds."""
    pause_s: float = 0.07
    """Seconds before and after the report."""


class PoisonParams(Params):
    """Kills its worker while a file says so."""

    armed: Path
    """It does nothing when this file is missing."""


class FloodParams(Params):
    """Has a tool print without end."""

    megabytes: int = 100
    """Millions of bytes that it prints."""
    word: str = "the same again"
    """What each line says."""


def _kill(victim: str) -> None:
    forkserver = os.getppid()
    worker = int(Path(f"/proc/{forkserver}/stat").read_text().rpartition(")")[2].split()[1])
    pid = {"runner": os.getpid(), "forkserver": forkserver, "worker": worker}[victim]
    os.kill(pid, signal.SIGKILL)
    time.sleep(30)  # whoever dies takes this process along


def _fatal(params: FatalParams, ctx: Context) -> Result:
    runner_context: Any = importlib.import_module("workers.runner.context")

    def moment(name: str) -> None:
        if name == params.moment and not params.mark.exists():
            params.mark.write_text(name)
            _kill(params.victim)

    real = runner_context.rename_whole

    def rename_whole(source: Spot, target: Spot) -> bool:
        moment("granted")
        done = bool(real(source, target))
        moment("renamed")
        return done

    runner_context.rename_whole = rename_whole
    moment("start")
    earlier = ctx.published()
    if earlier:
        return Result(earlier, {"published": "before"})
    staged = ctx.staging(params.target.parent) / "staged"
    staged.write_text("whole")
    moment("staged")
    path = ctx.publish(staged, params.target)
    moment("done")
    return Result((path,))


def _site(params: SiteParams, ctx: Context) -> Result:
    ctx.report(Progress(phase="at the site"))
    time.sleep(params.seconds)
    return Result()


def _touch(params: TouchParams, ctx: Context) -> Result:
    if params.ignore:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    (params.folder / f"{ctx.job_id}-{time.monotonic_ns()}-{os.getpid()}").touch()
    ends = time.monotonic() + params.seconds
    while time.monotonic() < ends:
        ctx.report(Progress(phase="touching"))
        time.sleep(0.02)
    return Result()


def _group(params: GroupParams, ctx: Context) -> Result:
    ends = time.monotonic() + params.seconds
    child = os.fork()
    while time.monotonic() < ends:
        sum(range(5_000))
        time.sleep(0.001)  # two that never rest would leave the worker no core of a small machine
        if child:
            ctx.report(Progress(phase=str(child)))
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    return Result()


def _late(params: LateParams, ctx: Context) -> Result:
    now = time.monotonic_ns()
    temporary = params.note.with_suffix(".part")
    temporary.write_text(str(now))
    temporary.rename(params.note)
    return Result()


def _tell(params: TellParams, ctx: Context) -> Result:
    began = time.monotonic_ns()
    time.sleep(params.pause_s)
    ctx.report(Progress(0.5, "told", done=1))
    reported = time.monotonic_ns()
    time.sleep(2 * params.pause_s)  # a console that looks 20 times a second must meet it while it runs
    params.note.write_text(f"{began} {reported} {time.monotonic_ns()}")
    return Result()


def _flood(params: FloodParams, ctx: Context) -> Result:
    ctx.log("before the flood")
    subprocess.run(["sh", "-c", f'yes "$0" | head -c {params.megabytes}000000', params.word], check=True)
    ctx.log("after the flood")
    return Result()


def _poison(params: PoisonParams, ctx: Context) -> Result:
    if params.armed.exists():
        _kill("worker")
    return Result()


FAULT_OPERATIONS: tuple[Operation[Any], ...] = (
    plain_operation("fatal", FatalParams, _fatal, can_resume=True),
    plain_operation("site", SiteParams, _site, queue="downloads", site=lambda params: params.site),
    plain_operation("touch", TouchParams, _touch),
    plain_operation("touch-video", TouchParams, _touch, queue="video"),
    plain_operation("touch-images", TouchParams, _touch, queue="images"),
    plain_operation("touch-metadata", TouchParams, _touch, queue="metadata"),
    plain_operation("touch-downloads", TouchParams, _touch, queue="downloads"),
    plain_operation("group", GroupParams, _group),
    plain_operation("late", LateParams, _late),
    plain_operation("tell", TellParams, _tell),
    plain_operation("poison", PoisonParams, _poison),
    plain_operation("flood", FloodParams, _flood),
)

REGISTRY: tuple[Operation[Any], ...] = PLAIN_REGISTRY + FAULT_OPERATIONS


# ---------------------------------------------------------------- hooks of the worker's process


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    threading.Event().wait()


def _before(owner: Any, name: str, applies: Callable[..., bool]) -> None:
    """Die before this function of the worker is called with such arguments."""
    real = getattr(owner, name)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if applies(*args, **kwargs):
            _die()
        return real(*args, **kwargs)

    setattr(owner, name, wrapped)


def _after(owner: Any, name: str, applies: Callable[..., bool]) -> None:
    """Die after this function of the worker was called with such arguments."""
    real = getattr(owner, name)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        answer = real(*args, **kwargs)
        if applies(*args, **kwargs):
            _die()
        return answer

    setattr(owner, name, wrapped)


def _arm(moment: str) -> None:
    import workers.departure as departure
    import workers.supervisor as supervisor
    from workers.jobs import Move
    from workers.store import moves, reports

    def is_success(*args: Any, **kwargs: Any) -> bool:
        return Move.SUCCEEDED in args or Move.SUCCEEDED.value in args

    always = lambda *args, **kwargs: True  # noqa: E731
    match moment:
        case "claimed":
            _before(supervisor.Supervisor, "_start", always)
        case "spawned":
            _before(reports, "set_runner", always)
        case "given":
            _after(supervisor.Supervisor, "_start", always)
        case "granted, not told":
            _after(reports, "add_published", always)
        case "before the final move":
            _before(moves, "move", is_success)
        case "in the final move":
            _after(moves, "record_event", is_success)
        case "after the final move":
            _after(departure.Departure, "_move", is_success)
        case _:
            raise ValueError(moment)


WORKER_MOMENTS = (
    "claimed",
    "spawned",
    "given",
    "granted, not told",
    "before the final move",
    "in the final move",
    "after the final move",
)


def _install() -> None:
    hooks = json.loads(os.environ.get("SPOOL_TEST_HOOKS", "{}"))
    daemon = sys.modules.get("workers.daemon")
    if daemon is None:
        return  # the forkserver, or a client
    for name, value in hooks.get("daemon", {}).items():
        if not hasattr(daemon, name):
            raise AttributeError(name)
        setattr(daemon, name, value)
    for module, values in hooks.get("modules", {}).items():
        for name, value in values.items():
            assert hasattr(importlib.import_module(module), name), name
            setattr(importlib.import_module(module), name, value)
    if hooks.get("mountinfo"):
        from workers import filesystems

        filesystems.MOUNTINFO = Path(hooks["mountinfo"])
    if hooks.get("clock"):
        from tests.support.shifted import ShiftedClock

        ShiftedClock(Path(hooks["clock"])).install()
    if hooks.get("kill_at"):
        _arm(hooks["kill_at"])


_install()
