"""The zone in which the people of this machine read clocks. The worker itself runs in UTC."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

_LOCALTIME = Path("/etc/localtime")


def find_zone(environ: Mapping[str, str], localtime: Path = _LOCALTIME) -> tzinfo:
    """The zone that TZ names, else that of the system, else UTC."""
    name = environ.get("TZ", "").lstrip(":")
    try:
        if name:
            return ZoneInfo(name)
        with localtime.open("rb") as file:
            return ZoneInfo.from_file(file, key="local")
    except (OSError, ValueError, KeyError):  # no such zone, or a TZ in the old way, with rules inside
        return UTC


@functools.cache
def zone() -> tzinfo:
    """The zone as it was when somebody first asked; ask before TZ is changed."""
    return find_zone(os.environ)


def local(ms: int) -> datetime:
    """A time in milliseconds since 1970 as the clocks here show it."""
    return datetime.fromtimestamp(ms / 1000, zone())
