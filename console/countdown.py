"""When a pause ends: the time of day, and how long that still is. Pure."""

from __future__ import annotations

import time

from console.format import span_of

_DAY_MS = 86_400_000
_WEEK_MS = 7 * _DAY_MS


def moment_words(ms: int, now_ms: int) -> str:
    """A time to come as short as it can be told apart: 18:00, Mon 18:00, 2026-12-01 18:00."""
    then = time.localtime(ms / 1000)
    if ms - now_ms < _DAY_MS:
        return time.strftime("%H:%M", then)
    return time.strftime("%a %H:%M" if ms - now_ms < _WEEK_MS - _DAY_MS else "%Y-%m-%d %H:%M", then)


def left_words(ms: int, now_ms: int) -> str:
    """How long it is until a time: 29m10s, 1h05m; "now" when it has come and the worker has not acted yet."""
    return span_of((ms - now_ms) / 1000) if ms > now_ms else "now"


def until_words(ms: int | None, now_ms: int) -> str:
    """Until when something lasts, with the countdown; empty when nobody has said."""
    return "" if ms is None else f"until {moment_words(ms, now_ms)} ({left_words(ms, now_ms)})"
