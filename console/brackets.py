"""Keeps a paste inside its brackets: one with escape sequences would leave them, and its rest would be keys."""

from __future__ import annotations

from textual._xterm_parser import BRACKETED_PASTE_END as END
from textual._xterm_parser import BRACKETED_PASTE_START as START

_LEAST_START = 3  # shorter beginnings of a bracket may be keys, as Esc


class PasteGuard:
    """Drops the escape characters of what is pasted; all else passes as it came, in pieces or whole."""

    def __init__(self) -> None:
        self._inside = False
        self._held = ""  # the beginning of a bracket at the end of what came

    def feed(self, text: str) -> str:
        """The input with pastes that end where their bracket does."""
        text, self._held = self._held + text, ""
        parts = []
        while text:
            bracket = END if self._inside else START
            body, found, text = text.partition(bracket)
            if not found:
                body, self._held = _split(body, bracket, 1 if self._inside else _LEAST_START)
            parts.append(body.replace("\x1b", "") if self._inside else body)
            parts.append(found)
            self._inside ^= bool(found)
        return "".join(parts)


def _split(text: str, bracket: str, least: int) -> tuple[str, str]:
    """A text without the beginning of a bracket at its end, and that beginning; shorter ones than `least` are none."""
    for length in range(len(bracket) - 1, least - 1, -1):
        if text.endswith(bracket[:length]):
            return text[:-length], text[-length:]
    return text, ""
