"""What comes from the keyboard, before any key acts: pastes that arrive as keys, text dropped on the window."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from textual import events
from textual.app import App, ScreenStackError
from textual.widgets import Input, TextArea

from console import keys
from console.gate import KeyGate
from console.paste import Pasted, looks_typed, parse
from console.screens.base import SpoolScreen


class KeyboardApp(App[int]):
    """An application in which a paste is text, never orders. The application says what to do with such text."""

    keymap: Mapping[str, str]
    """The keys as the person has mapped them, by the id of the action."""

    def guard_keys(self) -> None:
        """Begin to hold acting keys back for a moment; `keymap` is known."""
        self._gate = KeyGate(self.keymap, self.set_timer, self._deliver, self._take_burst)

    def tell(self, words: str, *, bad: bool = False) -> None:
        """Say something for a few seconds."""
        raise NotImplementedError

    def add_pasted(self, found: Pasted) -> None:
        """URLs or paths were pasted or dropped outside a field."""
        raise NotImplementedError

    async def on_event(self, event: events.Event) -> None:
        """Keys that arrive faster than anyone types are a paste; they must not act."""
        typed = isinstance(event, events.Key) and not event.is_forwarded and not self._writing()
        if typed and self._gate.takes(cast(events.Key, event)):
            return
        await super().on_event(event)

    async def _deliver(self, event: events.Key) -> None:
        if self.screen_stack:  # else the console was left in the moment for which the key was held
            await super().on_event(event)

    def _writing(self) -> bool:
        try:
            return isinstance(self.screen.focused, (Input, TextArea))
        except ScreenStackError:
            return True

    def on_paste(self, event: events.Paste) -> None:
        """Something was pasted or dropped outside a field."""
        if not self._writing():
            event.stop()
            self._take_paste(event.text)

    def _take_paste(self, text: str) -> None:
        found = parse(text)
        if not text.strip() or not isinstance(self.screen, SpoolScreen):
            return
        if not found:
            self.tell("Nothing in it can be submitted: paste URLs or paths of files.", bad=True)
        else:
            self.add_pasted(found)

    def _take_burst(self, text: str) -> None:
        if looks_typed(text):
            self.tell("Keys came too quickly and were not taken as orders.", bad=True)
        else:
            self._take_paste(text)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A letter that somebody has mapped to leaving is a letter where one writes."""
        if action == "leave" and self._writing():
            mapped = self.keymap.get("quit", keys.BY_ID["quit"].key).split(",")
            return not any(len(key.strip()) == 1 for key in mapped)
        return super().check_action(action, parameters)
