"""Operations that try what a runner may not, beside those of `tests.support.fault_operations`."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any, Literal

from tests.support.fault_operations import REGISTRY as FAULT_REGISTRY
from tests.support.operations import plain_operation
from workers.jobs import Progress
from workers.media import ffmpeg
from workers.operations.contract import Context, Operation, Params, Result

_WHOLE = 1 << 30  # bytes that an endless file has at most, should nothing stop it


class TellParams(Params):
    """Tells what the runner and a tool were given."""

    note: Path
    """The file of JSON that tells it."""


class BreedParams(Params):
    """Makes processes."""

    many: int = 200
    """How many, at most."""
    sessions: bool = False
    """Whether each of them begins a session of its own."""


class EndlessParams(Params):
    """Writes a file that does not end."""

    folder: Path
    """Where."""
    writer: Literal["python", "ffmpeg", "quiet"] = "python"
    """Who writes it; quiet is ffmpeg that works without end and writes nothing."""


class DumpParams(Params):
    """Dies as by a bug in a library."""

    folder: Path
    """Where a core file would be."""


def _tell(params: TellParams, ctx: Context) -> Result:
    tool: dict[str, str] = {}
    turns: set[int] = set()

    class Seen(Exception):
        """The tool was looked at."""

    def look(progress: Progress) -> None:
        if pid := _ffmpeg_below(os.getpid()):
            tool.update(_environ(Path(f"/proc/{pid}/environ")))
            turns.update(os.sched_getscheduler(int(task)) for task in os.listdir(f"/proc/{pid}/task"))
            raise Seen

    source = ["-re", "-f", "lavfi", "-i", "testsrc2=size=64x64:rate=25"]
    command = [ffmpeg.locate(), *source, "-c:v", "libsvtav1", "-preset", "12", "-f", "null", "-"]
    try:
        ffmpeg.run(command, on_progress=look)
    except Seen:
        pass
    status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
    limits = Path("/proc/self/limits").read_text().splitlines()
    told = {
        "runner": dict(os.environ),
        "tool": tool,
        "limits": limits,
        "gains": status["NoNewPrivs"],
        "turns": list(turns),
    }
    params.note.write_text(json.dumps({**told, "started": _environ(Path("/proc/self/environ"))}))
    return Result()


def _environ(path: Path) -> dict[str, str]:
    return dict(entry.split("=", 1) for entry in path.read_text(errors="replace").split("\0") if "=" in entry)


def _ffmpeg_below(pid: int) -> int:
    """The first descendant that is ffmpeg, or 0."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        for child in map(int, (thread / "children").read_text().split()):
            if Path(f"/proc/{child}/comm").read_text().startswith("ffmpeg"):
                return child
            if found := _ffmpeg_below(child):
                return found
    return 0


def _breed(params: BreedParams, ctx: Context) -> Result:
    for made in range(params.many):
        if os.fork() == 0:
            if params.sessions:
                os.setsid()
            time.sleep(120)
            os._exit(0)
        ctx.report(Progress(phase=f"{made + 1} made"))
    time.sleep(120)
    return Result()


def _endless(params: EndlessParams, ctx: Context) -> Result:
    staged = ctx.staging(params.folder) / "endless.nut"
    if params.writer == "ffmpeg":
        source = ["-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25", "-c:v", "rawvideo"]
        ffmpeg.run([ffmpeg.locate(), *source, "-fs", str(_WHOLE), f"file:{staged}"])
    elif params.writer == "quiet":
        source = ["-re", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25"]
        ffmpeg.run([ffmpeg.locate(), *source, "-f", "null", "-"], on_progress=ctx.report)
    else:
        with staged.open("wb") as file:
            for _ in range(_WHOLE >> 20):
                file.write(bytes(1 << 20))
    return Result((ctx.publish(staged, params.folder / "endless.nut"),))


def _dump(params: DumpParams, ctx: Context) -> Result:
    os.chdir(params.folder)
    os.kill(os.getpid(), signal.SIGQUIT)
    return Result()


REGISTRY: tuple[Operation[Any], ...] = (
    *FAULT_REGISTRY,
    plain_operation("surroundings", TellParams, _tell),
    plain_operation("surroundings-online", TellParams, _tell, network=True),
    plain_operation("breed", BreedParams, _breed),
    plain_operation("endless", EndlessParams, _endless),
    plain_operation("dump", DumpParams, _dump),
)
