"""Whether the running worker still has the configuration that the file holds now: it reads it once, when it starts."""

from __future__ import annotations

import contextlib
import os
import tomllib
from functools import lru_cache
from hashlib import blake2s
from pathlib import Path

from workers.files import open_private
from workers.settings import Settings


def note(settings: Settings) -> None:
    """Write down which configuration this worker has. What cannot be written is only not told."""
    path = settings.paths.config
    with contextlib.suppress(OSError):
        fd = open_private(settings.paths.worker_config, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
        with open(fd, "wb") as file:
            file.write(_digest(path).encode() + b"\n" + os.fsencode(os.path.abspath(path)))


def stale(settings: Settings) -> bool:
    """Whether the file says something else than the running worker has read. Remarks in it do not count."""
    try:
        digest, _, path = settings.paths.worker_config.read_bytes().partition(b"\n")
    except OSError:
        return False
    return bool(path) and digest.decode("ascii", "replace") != _digest(Path(os.fsdecode(path)))


def _digest(path: Path) -> str:
    try:
        facts = path.stat()
    except OSError:
        return _of_values(b"")
    return _of_file(path, (facts.st_ino, facts.st_size, facts.st_mtime_ns))


@lru_cache(maxsize=4)
def _of_file(path: Path, _as_it_is: tuple[int, int, int]) -> str:
    try:
        return _of_values(path.read_bytes())
    except OSError:
        return ""


def _of_values(data: bytes) -> str:
    with contextlib.suppress(ValueError):
        data = repr(_in_order(tomllib.loads(data.decode()))).encode("utf-8", "surrogatepass")
    return blake2s(data, digest_size=16).hexdigest()


def _in_order(value: object) -> object:
    return sorted((key, _in_order(one)) for key, one in value.items()) if isinstance(value, dict) else value
