"""The ffmpeg program: finding it, knowing what it can, running it with progress, and reading why it failed."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from workers.errors import TOO_LARGE, ErrorClass, JobFailed
from workers.jobs import Progress
from workers.media import environment, sandbox
from workers.text import clean

GLOBAL_OPTIONS = (
    "-nostdin",
    "-hide_banner",
    "-y",
    "-loglevel",
    "repeat+level+warning",  # each line with its level, and each as often as it came
    "-nostats",
    "-stats_period",
    "0.5",
    "-progress",
    "pipe:1",
)
KEPT_LINES = 30  # of what the tool wrote, for the person who asks why


@dataclass(frozen=True, slots=True)
class Ffmpeg:
    """One ffmpeg program and what it was built with."""

    path: str
    version: str
    encoders: frozenset[str]
    filters: frozenset[str]


@dataclass(frozen=True, slots=True)
class Told:
    """What a program that ended well wrote: its last lines, how many were of errors, and the first of those."""

    lines: tuple[str, ...] = ()
    errors: int = 0
    first: str = ""

    @property
    def damage(self) -> str:
        """The errors in words, or an empty text: parts of the input could not be decoded, and were passed over."""
        many = "message" if self.errors == 1 else "messages"
        return f"{self.errors} {many}, the first: {self.first}" if self.errors else ""


def locate(setting: str = "") -> str:
    """The absolute path of ffmpeg: the setting (a file, a folder or a name), else PATH, else the imageio-ffmpeg wheel.

    JobFailed(tool) when the setting names none, or there is none at all.
    """
    if setting:
        inside = os.path.join(setting, "ffmpeg") if os.path.isdir(setting) else setting
        found = shutil.which(inside)
        if found is None:
            raise JobFailed(ErrorClass.TOOL, f"no ffmpeg at {clean(setting)}: correct tools.ffmpeg, or SPOOL_FFMPEG")
        return os.path.abspath(found)
    found = shutil.which("ffmpeg") or _from_wheel()
    if found is None:
        raise JobFailed(ErrorClass.TOOL, "no ffmpeg found: install it, or name it in the configuration as `ffmpeg`")
    return os.path.abspath(found)


@functools.cache
def _from_wheel() -> str | None:
    # imageio_ffmpeg.get_ffmpeg_exe() would do, but takes 240 ms: it runs the program to see whether it runs.
    spec = importlib.util.find_spec("imageio_ffmpeg")
    for folder in spec.submodule_search_locations or () if spec else ():
        for path in sorted(Path(folder, "binaries").glob("ffmpeg-*")):
            if os.access(path, os.X_OK):
                return str(path)
    return None


def find(setting: str = "") -> Ffmpeg:
    """The ffmpeg to use and what it can. Known programs are asked once per process. JobFailed(tool)."""
    path = locate(setting)
    return _ask(path, os.stat(path).st_mtime_ns)


@functools.lru_cache(maxsize=8)
def _ask(path: str, mtime_ns: int) -> Ffmpeg:
    version = re.search(r"version (\S+)", _output(path, "-version"))
    encoders = re.findall(r"^ [VAS][.A-Z]{5} (\S+)", _output(path, "-encoders"), re.MULTILINE)
    filters = re.findall(r"^ [.TSC]{2,3} (\S+) +\S+->\S+", _output(path, "-filters"), re.MULTILINE)
    if version is None or not encoders:
        raise JobFailed(ErrorClass.TOOL, f"{clean(path)} is no ffmpeg that works")
    return Ffmpeg(path, version.group(1), frozenset(encoders), frozenset(filters))


def _output(path: str, option: str) -> str:
    try:
        done = subprocess.run(
            [path, "-hide_banner", option],
            capture_output=True,
            timeout=30,
            check=False,
            stdin=subprocess.DEVNULL,
            env=environment.for_tools(os.environ),
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise JobFailed(ErrorClass.TOOL, f"cannot run {clean(path)}: {clean(str(error))}") from error
    return done.stdout.decode(errors="replace")


def leash() -> Callable[[], None] | None:
    """A function for `preexec_fn` that lets the child die with the thread that starts it, even when that is stopped.

    A file that grows beyond the limit is then an error of writing, which the tool can tell, and no signal that kills.

    Call from a thread that lives as long as the runner. None where the system knows no such thing.
    """
    if sys.platform != "linux":
        return None
    from workers import linux

    kill, xfsz, parent = int(signal.SIGKILL), int(signal.SIGXFSZ), os.getpid()

    def die_with_parent() -> None:
        # Runs between fork and exec: everything it needs was bound before.
        linux.die_with_parent(kill)
        linux.ignore(xfsz)  # Python takes that back before a program starts
        if os.getppid() != parent:
            os._exit(127)

    return die_with_parent


def run(
    command: Sequence[str],
    *,
    duration_s: float | None = None,
    phase: str = "encoding",
    source: str = "",
    folders: Sequence[Path] = (),
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Told:
    """Run a compiled ffmpeg command (program first) until it ends; what it wrote to stderr.

    ffmpeg passes over damaged parts of its input and ends well: `Told.damage` says so.

    `on_progress` gets figures in milliseconds of media, against `duration_s` of the whole; what it raises ends the
    program. The program stays in our process group and dies with the calling thread. `source` names the input in
    errors; `folders` are those that it writes to besides those of its outputs. JobFailed: disk, bad_input, unsupported,
    crashed (killed by a signal) or tool.
    """
    argv = sandbox.around([command[0], *GLOBAL_OPTIONS, *command[1:]], folders)
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**environment.for_tools(os.environ), "AV_LOG_FORCE_NOCOLOR": "1", "SVT_LOG": "1"},
            preexec_fn=leash(),
        )
    except OSError as error:
        raise JobFailed(ErrorClass.TOOL, f"cannot run {clean(command[0])}: {error.strerror}", input=source) from error
    lines = _Lines(process)
    try:
        _follow(process, duration_s, phase, on_progress)
        code = process.wait()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        lines.finish()
    if sandbox.used():
        code = sandbox.ended(code)
    failure = why_failed(code, lines.kept, disk_full=lines.disk_full, too_large=lines.too_large)
    if failure is not None:
        raise JobFailed(failure[0], failure[1], input=source, detail="\n".join(lines.kept))
    return Told(tuple(lines.kept), lines.errors, lines.first_error)


_DISK_WORDS = ("No space left on device", "Disk quota exceeded", "Read-only file system")
_TOO_LARGE_WORDS = "File too large"


_ERROR_LEVELS = ("error", "fatal", "panic")


def split_level(line: str) -> tuple[str, str]:
    """The level of a line of ffmpeg ("error"; empty when it has none), and the line without it. Pure."""
    found = re.match(r"((?:\[[^]]* @ 0x[0-9a-f]+\] )*)\[(panic|fatal|error|warning|info)\] ", line)
    return (found[2], found[1] + line[found.end() :]) if found else ("", line)


class _Lines:
    """Reads stderr in a thread, so that neither pipe can fill up; keeps the last lines and if the disk was full."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.kept: deque[str] = deque(maxlen=KEPT_LINES)
        self.disk_full = self.too_large = False
        self.errors = 0
        self.first_error = ""
        self._process = process
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self._process.stderr is not None
        for raw in self._process.stderr:
            level, line = split_level(clean(raw.decode(errors="replace").rstrip()))
            if level in _ERROR_LEVELS:
                self.errors += 1
                self.first_error = self.first_error or _plain(line)[:300]
            self.disk_full |= any(word in line for word in _DISK_WORDS)
            self.too_large |= _TOO_LARGE_WORDS in line
            if line:
                self.kept.append(line[:1000])

    def finish(self) -> None:
        # A grandchild cannot hold the pipe open: ffmpeg starts none.
        self._thread.join(timeout=10)
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


def _follow(
    process: subprocess.Popen[bytes], duration_s: float | None, phase: str, on_progress: Callable[[Progress], None]
) -> None:
    assert process.stdout is not None
    block: dict[str, str] = {}
    for raw in process.stdout:
        name, _, value = raw.decode(errors="replace").strip().partition("=")
        block[name] = value.strip()
        if name == "progress":
            on_progress(parse_progress(block, duration_s, phase))
            block = {}


def parse_progress(block: dict[str, str], duration_s: float | None, phase: str = "encoding") -> Progress:
    """One block of `-progress` output as figures: milliseconds of media, and milliseconds of media a second. Pure."""
    total = round(duration_s * 1000) if duration_s else None
    try:
        done = max(int(block.get("out_time_us", "")) // 1000, 0)
    except ValueError:
        done = None
    speed = re.fullmatch(r"([0-9.eE+-]+)x", block.get("speed", ""))
    rate = float(speed.group(1)) * 1000 if speed else None
    if done is None or total is None:
        return Progress(phase=phase, done=done, total=total, rate=rate, unit="ms")
    if block.get("progress") == "end":
        done = max(done, total)
    fraction = min(done / total, 1.0)
    eta = max(total - done, 0) / rate if rate else None
    return Progress(fraction, phase, min(done, total), total, rate, eta, "ms")


_REASONS: tuple[tuple[str, ErrorClass, str], ...] = (
    (
        r"Invalid data found|moov atom not found|Error opening input|End of file|could not seek",
        ErrorClass.BAD_INPUT,
        "",
    ),
    (r"Could not find codec parameters|contains no packets|does not contain any stream", ErrorClass.BAD_INPUT, ""),
    (r"Picture size .* is invalid|Nothing was written|Output file is empty", ErrorClass.BAD_INPUT, ""),
    (r"Decoder .*not found|no decoder|Unknown decoder|not currently supported", ErrorClass.UNSUPPORTED, ""),
    (r"not in whitelist|not on whitelist", ErrorClass.UNSUPPORTED, "the input points to something else"),
    (r"Cannot allocate memory", ErrorClass.CRASHED, "ffmpeg ran out of memory"),
)


def why_failed(
    code: int, lines: Sequence[str], *, disk_full: bool = False, too_large: bool = False
) -> tuple[ErrorClass, str] | None:
    """The class and words for an ended ffmpeg, or None when it did well. Pure.

    A full disk and a file too large are told by the lines: some versions end with 0 then.
    """
    if too_large or code == -signal.SIGXFSZ or any(_TOO_LARGE_WORDS in line for line in lines):
        return TOO_LARGE
    if disk_full or any(word in line for line in lines for word in _DISK_WORDS):
        return ErrorClass.DISK, "no space left for the output"
    if code == 0:
        return None
    if code < 0:
        name = signal.Signals(-code).name if -code in signal.valid_signals() else str(-code)
        return ErrorClass.CRASHED, f"ffmpeg was ended by {name}"
    for pattern, error_class, words in _REASONS:
        for line in lines:
            if re.search(pattern, line):
                return error_class, words or _plain(line)
    last = next((line for line in reversed(lines) if line.strip()), "")
    return ErrorClass.TOOL, f"ffmpeg ended with {code}" + (f": {_plain(last)}" if last else "")


def _plain(line: str) -> str:
    return re.sub(r"^(\[[^]]* @ 0x[0-9a-f]+\] )+", "", line)
