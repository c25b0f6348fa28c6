"""The systemd user unit that `spool worker --install` writes."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from console.cli.output import say, say_json, tell
from workers.errors import ConfigError, SpoolError

_MARK = "# Written by `spool worker --install`; `systemctl --user edit spool` adds to it."
_KEPT = ("SPOOL_HOME", "SPOOL_OUTPUT", "SPOOL_FFMPEG", "SPOOL_LOG_LEVEL")


def unit_path(environ: Mapping[str, str]) -> Path:
    """Where the unit belongs. ConfigError when this user has no home directory."""
    base = environ.get("XDG_CONFIG_HOME", "")
    try:
        folder = Path(base) if os.path.isabs(base) else Path.home() / ".config"
    except RuntimeError:
        raise ConfigError(f"uid {os.getuid()} has no home directory: set HOME to the folder of one") from None
    return folder / "systemd" / "user" / "spool.service"


def quoted(text: str) -> str:
    """A word as systemd reads it back, with nothing of it taken for a specifier or a variable."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'


def _absolute(name: str, value: str) -> str:
    """The value as the unit needs it: the service manager starts the worker in another folder than this one."""
    is_path = name != "SPOOL_LOG_LEVEL" and (name != "SPOOL_FFMPEG" or os.sep in value)
    return os.path.abspath(os.path.expanduser(value)) if is_path else value


def unit_text(command: list[str], environ: Mapping[str, str]) -> str:
    """The unit. Exit code 78 (wrong configuration) is not tried again: only a person can mend that."""
    kept = [
        f"Environment={quoted(f'{name}={_absolute(name, environ[name])}').replace('$$', '$')}"
        for name in _KEPT
        if environ.get(name)
    ]
    return "\n".join(
        [
            _MARK,
            "[Unit]",
            "Description=Spool worker",
            "After=network.target",
            "",
            "[Service]",
            "Type=notify",
            f"ExecStart={' '.join(map(quoted, command))}",
            *kept,
            "KillMode=mixed",
            "TimeoutStopSec=60",
            "Restart=on-failure",
            "RestartSec=5",
            "RestartPreventExitStatus=78",
            "Nice=5",
            "",
            "[Install]",
            "WantedBy=default.target",
            "",
        ]
    )


def worker_command() -> list[str]:
    """The command that starts this very installation, by absolute paths."""
    script = Path(sys.executable).with_name("spool")
    return [str(script), "worker"] if script.is_file() else [sys.executable, "-m", "console", "worker"]


def install_unit(as_json: bool) -> int:
    """Write the unit, and tell how to enable it. A unit of somebody else is not touched."""
    path = unit_path(os.environ)
    text = unit_text(worker_command(), os.environ)
    try:
        if path.exists() and not path.read_text(encoding="utf-8").startswith(_MARK):
            raise SpoolError(f"{path} was not written by Spool: move it away first")
        path.parent.mkdir(parents=True, exist_ok=True)
        staged = path.with_name(f".spool.service.{os.getpid()}")
        staged.write_text(text, encoding="utf-8")
        staged.replace(path)
    except (OSError, UnicodeError) as error:
        raise SpoolError(f"{path}: cannot be written: {error}") from None
    if as_json:
        say_json({"path": str(path)})
    else:
        say(str(path))
    tell("enable it:  systemctl --user daemon-reload && systemctl --user enable --now spool")
    tell("to keep it running when nobody is logged in:  loginctl enable-linger")
    return 0
