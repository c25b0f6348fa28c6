"""A registry with operations that do every good and bad thing a runner must cope with.

`tests.support.operations` is a valid value wherever a registry is asked for: it holds the real operations too.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib
import mmap
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from workers.errors import ErrorClass, JobFailed
from workers.jobs import Progress
from workers.operations.contract import BulkParams, Context, Operation, Params, Result


class NoParams(Params):
    """Nothing to say."""


class SleepParams(Params):
    """How long to sleep."""

    seconds: float = 1.0
    """Seconds until the operation succeeds."""
    report: bool = True
    """Whether to report progress meanwhile."""


class HangParams(Params):
    """What a hanging operation does beside hanging."""

    report: bool = False
    """Whether it reports progress all the time."""
    grandchild: bool = False
    """Whether it starts a `sleep 999` first; its pid is in the detail of the first progress, as phase."""


class ExitParams(Params):
    """How to end."""

    code: int = 3
    """The exit code."""
    hard: bool = False
    """Whether to end without unwinding."""


class FailParams(Params):
    """Which failure to raise."""

    error_class: ErrorClass = ErrorClass.TOOL
    """Its class."""
    message: str = "as asked"
    """Its message."""
    retry_after_s: float | None = None
    """What the site is said to have asked for."""
    times: int = 1_000_000
    """How many attempts fail before one succeeds."""


class MemoryParams(Params):
    """How much memory to take."""

    megabytes: int = 10_000
    """Megabytes, touched one by one."""


class PrintParams(Params):
    """What to print."""

    out: str = "to stdout"
    """Goes to stdout."""
    err: str = "to stderr"
    """Goes to stderr."""


class ProgressParams(Params):
    """How much to report."""

    steps: int = 100
    """Number of reports."""
    pause_s: float = 0.0
    """Seconds between two."""
    rest_s: float = 0.0
    """Seconds of silence after the last."""


class PublishParams(Params):
    """What to publish."""

    target: Path
    """The file to make."""
    text: str = "published"
    """What it holds."""
    unique: bool = True
    """Whether another name may be chosen."""
    pause_s: float = 0.0
    """Seconds to wait between staging and publishing."""


class ItemsParams(BulkParams):
    """Items that end as their names say."""

    inputs: tuple[str, ...] = ()
    """`ok…` succeeds, `bad…` fails as bad input, `net…` fails as network, `bug…` raises, `exit…` ends itself,
    `kill…` kills its process, `hang…` hangs, `flakyN` succeeds at its Nth attempt, `eat…` takes memory,
    `share…` such as it could share, `full…` finds the disk full, `after…` kills its process once it has published,
    `again…` then fails as network, `long…` is in one call of C for very long."""
    items: tuple[str, ...] = ()
    """As everywhere, but these are no paths."""
    count: int = 0
    """That many more items that succeed."""
    seconds: float = 0.0
    """Seconds for each item."""
    mib: int = 64
    """What an item `eat…` or `share…` allocates, one MiB after the other, before it waits to be found."""
    folder: Path | None = None
    """Where each item publishes a file; nowhere if empty."""
    name: str = ""
    """What all those files are called; each after its item if empty."""
    list_s: float = 0.0
    """Seconds that listing one of the `count` takes."""


def _noop(params: NoParams, ctx: Context) -> Result:
    return Result()


def _sleep(params: SleepParams, ctx: Context) -> Result:
    started = time.monotonic()
    while (passed := time.monotonic() - started) < params.seconds:
        if params.report:
            ctx.report(Progress(passed / params.seconds, "sleeping"))
        time.sleep(min(0.05, params.seconds - passed))
    return Result(detail={"slept_s": params.seconds})


def _hang(params: HangParams, ctx: Context) -> Result:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    phase = str(_sleeper().pid) if params.grandchild else "hanging"
    ctx.report(Progress(phase=phase))
    while True:
        try:
            time.sleep(0.02)
            if params.report:
                ctx.report(Progress(phase=phase))
        except BaseException:  # what it is for: it swallows everything
            pass


def _sleeper(**options: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "999"], **options)


def _grandchild(params: NoParams, ctx: Context) -> Result:
    """Leave one process in the group, one in a group of its own, and one in a session of its own."""
    pids = [_sleeper().pid, _sleeper(process_group=0).pid, _sleeper(start_new_session=True).pid]
    return Result(detail={"pids": pids})


def _exit(params: ExitParams, ctx: Context) -> Result:
    if params.hard:
        os._exit(params.code)
    sys.exit(params.code)


def _segfault(params: NoParams, ctx: Context) -> Result:
    ctypes.string_at(0)
    return Result()


def _kill_self(params: NoParams, ctx: Context) -> Result:
    os.kill(os.getpid(), signal.SIGKILL)
    return Result()


def _kill_worker(params: NoParams, ctx: Context) -> Result:
    """Kill the worker: the parent of the forkserver, which is the parent of this runner."""
    stat = Path(f"/proc/{os.getppid()}/stat").read_text()
    os.kill(int(stat.rpartition(")")[2].split()[1]), signal.SIGKILL)
    time.sleep(60)
    return Result()


def _eat_memory(params: MemoryParams, ctx: Context) -> Result:
    held = []
    for megabyte in range(params.megabytes):
        held.append(b"\x01" * (1 << 20))
        ctx.report(Progress(megabyte / params.megabytes, "eating"))
    return Result(detail={"megabytes": len(held)})


def _print(params: PrintParams, ctx: Context) -> Result:
    sys.stdout.write(f"{params.out}\n")
    sys.stderr.write(f"{params.err}\n")
    subprocess.run(["echo", "from a tool"], check=True)
    ctx.log("from the context")
    return Result()


def _progress(params: ProgressParams, ctx: Context) -> Result:
    for step in range(1, params.steps + 1):
        ctx.report(Progress(step / params.steps, "stepping", step, params.steps, unit="items"))
        time.sleep(params.pause_s)
    time.sleep(params.rest_s)
    return Result()


def _publish(params: PublishParams, ctx: Context) -> Result:
    earlier = ctx.published()
    if earlier:
        return Result(earlier, {"published": "before"})
    staged = ctx.staging(params.target.parent) / "staged"
    staged.write_text(params.text)
    time.sleep(params.pause_s)
    return Result((ctx.publish(staged, params.target, unique=params.unique),))


def _fail(params: FailParams, ctx: Context) -> Result:
    tried = ctx.work_dir / "tries"
    tries = len(tried.read_bytes()) if tried.exists() else 0
    if tries >= params.times:
        return Result(detail={"tries": tries})
    tried.write_bytes(b"x" * (tries + 1))
    raise JobFailed(params.error_class, params.message, retry_after_s=params.retry_after_s, detail="last\nlines")


def _nonsense(params: NoParams, ctx: Context) -> Result:
    """Write what is no message into whatever pipe it finds, as memory gone wild might."""
    for name in os.listdir("/proc/self/fd"):
        try:
            os.write(int(name), b"\x00nonsense\n{]\n")
        except OSError:
            continue
    return Result()


def _bug(params: NoParams, ctx: Context) -> Result:
    raise RuntimeError("a bug of ours")


def _spin(params: SleepParams, ctx: Context) -> Result:
    """Use the processor all the time."""
    ends = time.monotonic() + params.seconds
    while time.monotonic() < ends:
        sum(range(10_000))
        ctx.report(Progress(phase="spinning"))
    return Result()


def _fail_until(notes: Path, attempt: int) -> None:
    """Fail as network until the attempt of that number."""
    with notes.open("a") as file:
        file.write(".")
    if notes.stat().st_size < attempt:
        raise JobFailed(ErrorClass.NETWORK, "not yet")


def _eat(mib: int) -> None:
    held = []
    for _ in range(mib):
        held.append(b"x" * (1 << 20))
        time.sleep(0.001)
    time.sleep(1.5)  # it is looked at four times a second


def _share(mib: int) -> None:
    with mmap.mmap(-1, mib << 20, flags=mmap.MAP_SHARED | mmap.MAP_ANONYMOUS) as shared:
        for _ in range(mib):
            shared.write(b"x" * (1 << 20))
            time.sleep(0.001)
        time.sleep(1.5)


def _list_items(params: ItemsParams) -> Iterable[str]:
    yield from dict.fromkeys(params.inputs)
    for number in range(params.count):
        time.sleep(params.list_s)
        yield f"ok{number:06}"


def _list_files(params: ItemsParams) -> Iterable[str]:
    return (str(path) for folder in params.inputs for path in sorted(Path(folder).iterdir()))


def _process_item(params: ItemsParams, key: str, ctx: Context) -> Result:
    time.sleep(params.seconds)
    if key.startswith("bad"):
        raise JobFailed(ErrorClass.BAD_INPUT, f"{key} is bad")
    if key.startswith("net"):
        raise JobFailed(ErrorClass.NETWORK, f"no way to {key}", retry_after_s=7)
    if key.startswith("bug"):
        raise ValueError(f"a bug with {key}")
    if key.startswith("exit"):
        sys.exit(4)
    if key.startswith("kill"):
        os.kill(os.getpid(), signal.SIGKILL)
    if key.startswith("flaky"):
        _fail_until(ctx.work_dir / key, int(key.removeprefix("flaky")))
    if key.startswith("hang"):
        (ctx.work_dir / key).touch()
        time.sleep(3600)
    if key.startswith("long"):
        (ctx.work_dir / key).touch()
        hashlib.pbkdf2_hmac("sha256", b"x", b"y", 500_000_000)
    if key.startswith("eat"):
        _eat(params.mib)
    if key.startswith("share"):
        _share(params.mib)
    if key.startswith("full"):
        raise OSError(28, "No space left on device")
    if params.folder is None:
        return Result(detail={"key": key})
    earlier = ctx.published()
    if earlier:
        return Result(earlier)
    staged = ctx.staging(params.folder) / "staged"
    staged.write_text(key)
    published = ctx.publish(staged, params.folder / (params.name or f"{key}.txt"))
    if key.startswith("after"):
        os.kill(os.getpid(), signal.SIGKILL)
    if key.startswith("again"):
        raise JobFailed(ErrorClass.NETWORK, f"no way to {key}")
    return Result((published,))


def _process_file(params: ItemsParams, key: str, ctx: Context) -> Result:
    time.sleep(params.seconds)
    return Result(detail={"key": key})


def plain_operation(name: str, params: type[Any], run: Any, **more: Any) -> Operation[Any]:
    """An operation of the tests; `more` are further fields of it."""
    return Operation(
        name=name,
        title=name.replace("-", " ").capitalize(),
        summary=f"A test operation: {name}.",
        queue=more.pop("queue", "default"),
        params=params,
        label=more.pop("label", lambda values: name),
        run=run,
        **more,
    )


TEST_OPERATIONS: tuple[Operation[Any], ...] = (
    plain_operation("noop", NoParams, _noop),
    plain_operation("sleep", SleepParams, _sleep),
    plain_operation("hang", HangParams, _hang),
    plain_operation("exit", ExitParams, _exit),
    plain_operation("segfault", NoParams, _segfault),
    plain_operation("kill-self", NoParams, _kill_self),
    plain_operation("kill-worker", NoParams, _kill_worker),
    plain_operation("grandchild", NoParams, _grandchild),
    plain_operation("eat-memory", MemoryParams, _eat_memory),
    plain_operation("print", PrintParams, _print),
    plain_operation("report", ProgressParams, _progress),
    plain_operation("publish", PublishParams, _publish, can_resume=True),
    plain_operation("fail", FailParams, _fail),
    plain_operation("bug", NoParams, _bug),
    plain_operation("nonsense", NoParams, _nonsense),
    plain_operation("spin", SleepParams, _spin),
    plain_operation("items", ItemsParams, None, items=_list_items, process=_process_item, can_resume=True),
    plain_operation("files", ItemsParams, None, items=_list_files, process=_process_file, cache_category="metadata"),
)


def _real() -> tuple[Operation[Any], ...]:
    try:
        registry = importlib.import_module("workers.operations.registry")
    except ModuleNotFoundError as error:
        if error.name != "workers.operations.registry":
            raise
        return ()  # not there yet
    operations: tuple[Operation[Any], ...] = registry.REGISTRY
    return operations


REGISTRY: tuple[Operation[Any], ...] = _real() + TEST_OPERATIONS
