"""What libavformat says only in its printed summary: rotation, HDR mastering, light levels, Dolby Vision. Pure."""

from __future__ import annotations

import re
from typing import Any

_STREAM = re.compile(r"  Stream #\d+:(\d+)")
_ENTRY = re.compile(r"      (\S[^:]*): ?(.*)")
_NUMBER = r"(-?\d+(?:\.\d+)?)"
_MAX_LINES = 5_000


def side_data(summary: str) -> dict[int, dict[str, Any]]:
    """The side data of each stream by its index, from the text of `dumps_format`.

    `rotation` in degrees counter-clockwise (0 to 359), `mastering` (text, as printed), `max_cll` and `max_fall` in
    candela per square metre, `dolby_vision` ({profile, level}), `spherical` and `stereo3d` (text).
    """
    found: dict[int, dict[str, Any]] = {}
    stream, inside = -1, False
    for line in summary.split("\n", _MAX_LINES)[:_MAX_LINES]:
        if match := _STREAM.match(line):
            stream, inside = int(match[1]), False
        elif line.startswith("    Side data:"):
            inside = True
        elif inside and (match := _ENTRY.match(line)):
            found.setdefault(stream, {}).update(_entry(match[1].strip().lower(), match[2].strip()))
        elif not line.startswith("      "):
            inside = False
    return {index: facts for index, facts in found.items() if facts}


def _entry(name: str, value: str) -> dict[str, Any]:
    if name.startswith("display matrix"):
        match = re.search(rf"rotation of {_NUMBER} degrees", value)
        return {"rotation": round(float(match[1])) % 360} if match else {}
    if name.startswith("mastering display"):
        return {"mastering": value[:300]}
    if name.startswith("content light level"):
        match = re.search(r"MaxCLL=(\d+)\D+MaxFALL=(\d+)", value)
        return {"max_cll": int(match[1]), "max_fall": int(match[2])} if match else {}
    if name.startswith("dovi configuration"):
        match = re.search(r"profile: (\d+), level: (\d+)", value)
        return {"dolby_vision": {"profile": int(match[1]), "level": int(match[2])}} if match else {}
    if name.startswith("spherical"):
        return {"spherical": value[:100]}
    return {"stereo3d": value[:100]} if name.startswith("stereo3d") else {}
