"""Running tools apart from the rest of the machine, where bubblewrap works: without the net, and with only the files
that they need. Its command line is plain data, built by a pure function.

A tool that a crafted file has taken over then finds no home, no keys, no other media and nobody to talk to. What it can
reach: programs and libraries, the inputs (to read), the folder that its output is made in.
"""

from __future__ import annotations

import glob
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from workers.errors import ErrorClass, JobFailed
from workers.media import environment
from workers.text import clean

# Programs, libraries, fonts and the number of cores. No /etc as a whole, no /home, no /run, no /proc.
_SYSTEM = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store", "/gnu/store", "/run/opengl-driver"),
    *("/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts", "/var/cache/fontconfig", "/etc/localtime"),
    *("/sys/devices/system/cpu",),
)
_PROGRAMS = ("/usr/", "/bin/", "/sbin/", "/nix/store/", "/gnu/store/")
_DEVICES = ("/dev/dri", "/dev/nvidia*")  # of hardware encoders
_PROBE_S = 20.0
# bubblewrap tells a signal as 128 and its number; ffmpeg itself ends with 256 less an error, which may be the same.
_TOLD_SIGNALS = frozenset({4, 6, 7, 8, 9, 11, 24, 25, 31})


@dataclass(frozen=True, slots=True)
class Sandbox:
    """How the tools of this process run."""

    program: str = ""  # bubblewrap's absolute path; empty: they run like us
    why_not: str = ""  # in words, where they do
    required: bool = False  # they must not run like us
    devices: tuple[str, ...] = ()  # absolute paths of devices that they may use
    root: bool = False  # whether we are root, who needs no user namespace

    @classmethod
    def of(cls, value: object) -> Sandbox:
        """What `dataclasses.asdict` made of one; a sandbox that is not used for anything else."""
        if not isinstance(value, Mapping):
            return cls()
        return cls(**{**value, "devices": tuple(value.get("devices", ()))})


@dataclass(frozen=True, slots=True)
class Files:
    """Absolute paths that one run of a tool needs."""

    reads: tuple[str, ...] = ()  # files
    folders: tuple[str, ...] = ()  # in which it makes files


def files_of(command: Iterable[str], folders: Iterable[str | os.PathLike[str]] = ()) -> Files:
    """What a command of ffmpeg names as `file:…`: inputs and attachments to read, the folders of outputs. Pure.

    `folders` are those that it writes to besides, by what a filter says.
    """
    reads: list[str] = []
    writes = [os.path.abspath(folder) for folder in folders]
    before = ""
    for word in command:
        if word.startswith("file:"):
            path = word.removeprefix("file:")
            if before in ("-i", "-attach"):
                reads.append(path)
            else:
                writes.append(os.path.dirname(path))
        before = word
    return Files(tuple(dict.fromkeys(reads)), tuple(dict.fromkeys(writes)))


def command_line(sandbox: Sandbox, command: Sequence[str], files: Files) -> list[str]:
    """The command that runs `command` (its program as an absolute path without links) inside. Pure.

    No new session: signals to our process group must reach the tool, and a runner has no terminal that could be fed.
    The environment is the caller's to give: bubblewrap passes its own on.
    """
    words = [sandbox.program, "--die-with-parent", "--cap-drop", "ALL"]
    if sandbox.root:
        # A root that is mapped into a user namespace cannot read what others keep private; this one only reads.
        words += ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
        words += ["--cap-add", "CAP_DAC_READ_SEARCH"]
    else:
        words += ["--unshare-all"]
    words += ["--chdir", "/", "--dev", "/dev", "--tmpfs", "/tmp"]
    for path in _SYSTEM:
        words += ["--ro-bind-try", path, path]
    if sandbox.devices:  # drivers look for their hardware there
        words += ["--proc", "/proc", "--ro-bind-try", "/sys", "/sys"]
    for path in sandbox.devices:
        words += ["--dev-bind-try", path, path]
    for path in _of_program(command[0]):
        words += ["--ro-bind-try", path, path]
    for path in files.folders:
        words += ["--bind", path, path]
    for path in files.reads:  # last: one that lies in such a folder is not to be written either
        words += ["--ro-bind-try", path, path]
    return [*words, "--", *command]


def _of_program(program: str) -> tuple[str, ...]:
    if program.startswith(_PROGRAMS):
        return ()
    folder = os.path.dirname(program)
    beside = (os.path.join(os.path.dirname(folder), "lib"),) if os.path.basename(folder) == "bin" else ()
    return (program, *beside)


def ended(code: int) -> int:
    """The exit status of a command of ours as that of the tool inside: minus the signal that ended it. Pure."""
    return 128 - code if code - 128 in _TOLD_SIGNALS else code


_mine = Sandbox()


def use(sandbox: Sandbox) -> None:
    """Run the tools of this process in `sandbox` from now on, as those of the processes that are forked from it."""
    global _mine
    _mine = sandbox


def used() -> bool:
    """Whether tools of this process are run apart."""
    return bool(_mine.program)


def around(command: Sequence[str], folders: Iterable[str | os.PathLike[str]] = ()) -> list[str]:
    """`command` as it is to be started in this process; see `files_of`. JobFailed(tool) when it must not be."""
    if _mine.program:
        real = [os.path.realpath(command[0]), *command[1:]]
        return command_line(_mine, real, files_of(command, folders))
    if _mine.required:
        message = f'no tool is run without a sandbox (tools.sandbox = "on"), and there is none: {_mine.why_not}'
        raise JobFailed(ErrorClass.TOOL, message)
    return list(command)


def probe(mode: str, tool: str) -> Sandbox:
    """What holds here with the setting `mode` (auto, on, off): `tool` is run inside once, as runners will."""
    required = mode == "on"
    if mode == "off":
        return Sandbox(why_not="switched off by tools.sandbox")
    program = shutil.which("bwrap") if sys.platform == "linux" else None
    if program is None:
        return Sandbox(why_not="bubblewrap (bwrap) is not installed", required=required)
    devices = tuple(path for pattern in _DEVICES for path in sorted(glob.glob(pattern)))
    sandbox = Sandbox(os.path.realpath(program), "", required, devices, root=os.geteuid() == 0)
    trouble = _trouble(command_line(sandbox, [os.path.realpath(tool), "-version"], Files()))
    return Sandbox(why_not=f"bubblewrap does not work here: {trouble}", required=required) if trouble else sandbox


def _trouble(command: Sequence[str]) -> str:
    """Why a command cannot be run as a runner would; empty when it can."""
    from workers import linux

    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment.for_tools(os.environ),
            timeout=_PROBE_S,
            check=False,
            preexec_fn=linux.gain_nothing,  # a bubblewrap that needs its set-user bit does not get that in a runner
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return clean(str(error))
    said = clean(done.stderr.decode(errors="replace")).strip()
    return "" if done.returncode == 0 else (said[-300:] or f"it ended with {done.returncode}")
