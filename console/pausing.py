"""For how long something is paused, as people write it; the same words as `--for` and `--until`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from console.cli.times import moment_ms
from console.countdown import until_words
from console.screens.ask import Asked, Question
from workers.errors import UsageError

SOFT, WHAT = "What runs", "Pause"
_ENDS, _STOPS = "ends first (soft)", "stops at once"
EXAMPLE = "30m, until 18:00; empty: for good"


def end_of(text: str, now_ms: int) -> int | None:
    """When a pause ends: `30m`, `for 30m`, `18:00`, `until tomorrow 08:00`; None for an empty text, that is for good.

    UsageError when it is no time, or one that has passed.
    """
    words = text.strip().removeprefix("--")
    if not words:
        return None
    kind, _, rest = words.partition(" ")
    named = kind.lower() in ("for", "until")
    words = rest.strip() if named else words
    span = kind.lower() == "for" if named else words[0].isdigit() and words[-1].lower() in "smhdw"
    if named and not words:
        raise UsageError(f"{kind} how long? write 30m, 18:00 or tomorrow 08:00")
    moment = moment_ms(f"+{''.join(words.split())}" if span else words, datetime.fromtimestamp(now_ms / 1000))
    if moment <= now_ms:
        raise UsageError(f"{text.strip()!r} has passed already")
    return moment


def question(what: str, now_ms: Callable[[], int], *, soft: bool, instead: str = "") -> Question:
    """How long to pause `what`, or `instead` of it something larger; `soft` is how its pause key does it."""
    choices = [(SOFT, (_ENDS, _STOPS), _ENDS if soft else _STOPS)]
    if instead:
        choices.insert(0, (WHAT, (what, instead), what))

    def meaning(asked: Asked) -> str:
        now = now_ms()
        until = until_words(end_of(asked.text, now), now) or "until somebody lets it go on"
        return f"Pauses {until}."

    return Question(f"Pause {what}", "How long", EXAMPLE, meaning, choices=tuple(choices))


def is_soft(asked: Asked) -> bool:
    """Whether what runs may end first."""
    return asked.choices[SOFT] == _ENDS
