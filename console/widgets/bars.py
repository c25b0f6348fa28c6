"""The tab line under the status, and the footer with the keys that matter here."""

from __future__ import annotations

from textual import events

from console.format import Spans, cells, cut, fit_spans, width_of
from console.keys import Action, footer_actions, shown_key
from console.widgets.paint import Lines

TABS = (("jobs", "1", "Jobs"), ("health", "2", "Health"), ("events", "3", "Events"), ("batches", "4", "Batches"))


def tab_spans(
    active: str, right: Spans, width: int, *, ascii_only: bool = False
) -> tuple[Spans, list[tuple[int, int, str]]]:
    """The tab line, and where each tab can be clicked: (first cell, end cell, mode)."""
    spans: Spans = []
    places = []
    at = 0
    for mode, digit, word in TABS:
        text = f" {digit} {word} " if width >= 72 else f" {digit} {word} " if mode == active else f" {digit} "
        text = f"[{text.strip()}]" if mode == active and ascii_only else text
        spans.append((text, "tab-on" if mode == active else "tab"))
        places.append((at, at + len(text), mode))
        at += len(text)
    room = width - at - 1
    right = _narrowed(right, room, ascii_only=ascii_only)
    right = fit_spans(right, min(room, width_of(right)), ascii_only=ascii_only) if room > 4 and right else []
    gap = width - at - width_of(right)
    return [*spans, (" " * max(0, gap), "plain"), *right], places


def _narrowed(spans: Spans, room: int, *, ascii_only: bool) -> Spans:
    """Where there is too little room the longest words give way, not the last: those are a figure."""
    over = width_of(spans) - room
    if over <= 0 or not spans:
        return spans
    at = max(range(len(spans)), key=lambda index: cells(spans[index][0]))
    text, style = spans[at]
    shorter = cut(text.rstrip(), max(8, cells(text) - over - 1), ascii_only=ascii_only) + " "
    return [*spans[:at], (shorter, style), *spans[at + 1 :]]


class TabLine(Lines):
    """1 Jobs, 2 Health, 3 Events, 4 Batches; at the right what the screen has to say about its list."""

    def __init__(self, active: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._active = active
        self._right: Spans = []
        self._places: list[tuple[int, int, str]] = []

    def tell(self, right: Spans) -> None:
        """Show this at the right end."""
        self._right = right
        spans, self._places = tab_spans(self._active, right, self.size.width, ascii_only=self.ascii_only)
        self.show([spans])

    def on_resize(self) -> None:
        """Another width."""
        self.tell(self._right)

    async def on_click(self, event: events.Click) -> None:
        """A click on a tab goes there."""
        for first, end, mode in self._places:
            if first <= event.x < end:
                await self.app.run_action(f"app.mode('{mode}')")


class FooterLine(Lines):
    """At most eight keys; or, for a few seconds, what an action did."""

    def __init__(self, *places: str, id: str | None = None) -> None:
        super().__init__(id=id)
        self._keys_of = places
        self._clicks: list[tuple[int, int, str]] = []
        self._said: Spans = []

    def on_mount(self) -> None:
        """Show the keys."""
        self.tell()

    def on_resize(self) -> None:
        """Another width."""
        self.tell()

    def say(self, spans: Spans) -> None:
        """Show this instead of the keys, until `tell`."""
        self._said = spans
        self.tell(keep=True)

    def tell(self, keep: bool = False) -> None:
        """Show the keys of this screen as the person has mapped them."""
        if not keep:
            self._said = []
        if self._said:
            self._clicks = []
            self.show([fit_spans(self._said, self.size.width, ascii_only=self.ascii_only)])
            return
        self.show([self._keys(self.size.width)])

    def _keys(self, width: int) -> Spans:
        spans: Spans = [(" ", "plain")]
        self._clicks, at = [], 1
        shown = footer_actions(self._keys_of, watching=self.spool.read_only)
        parts = [(self._shown(action), f" {action.words}", action.name) for action in shown]
        last = sum(map(len, parts[-1][:2])) if parts else 0
        for number, (key, words, name) in enumerate(parts):
            length = len(key) + len(words)
            if number < len(parts) - 1 and at + length + 2 + last > width:
                continue  # leaving is always shown
            spans += [(key, "key"), (words if number == len(parts) - 1 else words + "  ", "dim")]
            self._clicks.append((at, at + length, name))
            at += length + 2
        return spans

    def _shown(self, action: Action) -> str:
        key = shown_key(action, self.spool.keymap)
        return {"↑": "up", "↓": "down", "←": "left", "→": "right"}.get(key, key) if self.ascii_only else key

    async def on_click(self, event: events.Click) -> None:
        """A click on a key's word does it."""
        for first, end, name in self._clicks:
            if first <= event.x < end:
                await self.app.run_action(name, default_namespace=self.screen)
