"""Between the keyboard and the keys' actions: what arrives faster than anyone types is a paste and must not act."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping

from textual import events

from console.keys import ACTIONS, Burst

_OVER_S = 0.1  # silence after which a burst has ended
_HOLD_S = Burst.WINDOW_S + 0.005


def acting_keys(keymap: Mapping[str, str]) -> frozenset[str]:
    """The names of all keys that change something, as the person has mapped them; and the yes of questions."""
    mapped = (keymap.get(action.id, action.key) for action in ACTIONS if action.acts)
    return frozenset(key.strip() for keys in mapped for key in keys.split(",")) | {"y", "Y"}


class KeyGate:
    """Holds an acting key for 25 ms, to see whether more follow; a burst is told as one pasted text instead."""

    def __init__(
        self,
        keymap: Mapping[str, str],
        later: Callable[[float, Callable[[], object]], object],
        deliver: Callable[[events.Key], Awaitable[None]],
        pasted: Callable[[str], None],
    ) -> None:
        self._acting = acting_keys(keymap)
        self._later, self._deliver, self._pasted = later, deliver, pasted
        self._burst = Burst()
        self._held: list[events.Key] = []

    def takes(self, event: events.Key) -> bool:
        """Whether the key is held back here, for a moment or for good."""
        character = "\n" if event.key == "enter" else event.character or ""
        if not character or not (event.is_printable or event.key == "enter"):
            return False
        known = self._burst.active
        if self._burst.add(event.time, character):
            self._held.clear()
            if not known:
                self._later(_OVER_S, self._over)
            return True
        if event.key in self._acting:
            self._held.append(event)
            self._later(_HOLD_S, self._release)
            return True
        return False

    async def _release(self) -> None:
        if self._held:
            await self._deliver(self._held.pop(0))

    def _over(self) -> None:
        if time.monotonic() - self._burst.last < _OVER_S:
            self._later(_OVER_S, self._over)
            return
        text, self._burst = self._burst.text, Burst()
        self._pasted(text)
