"""What can be done to queues, on the health screen and in the dialog behind `Q`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from console.countdown import until_words
from console.pausing import WHAT, end_of, is_soft, question
from console.screens.ask import Asked, AskScreen
from console.screens.walking import Stepping
from console.widgets.queues import QueueList
from workers.client import Client
from workers.errors import SpoolError
from workers.jobs import MOST_AT_ONCE

if TYPE_CHECKING:
    from console.app import SpoolApp

_WATCHING = "Esc closes"
_HINTS = ("+ - slots   U as configured   P pause or go on", "F pause for a time   E all queues   Esc closes")

QueueOrder = Callable[["SpoolApp", QueueList], Awaitable[str]]


async def change_slots(app: SpoolApp, view: QueueList, by: int) -> str:
    """One slot more or less for the chosen queue; what was done, in words."""
    queue = view.chosen
    if queue is None or not app.allowed():
        return ""
    wanted = max(0, min(MOST_AT_ONCE, queue.slots + by))
    await app.feed.ask(Client.set_slots, queue.name, wanted)
    await _reread(app, view)
    return (
        f"{queue.name}: {wanted} slots. What runs goes on." if wanted < queue.slots else f"{queue.name}: {wanted} slots"
    )


async def follow_load(app: SpoolApp, view: QueueList) -> str:
    """Give the chosen queue's number back to the configuration; what was done, in words."""
    queue = view.chosen
    if queue is None or not app.allowed():
        return ""
    await app.feed.ask(Client.set_slots, queue.name, None)
    await _reread(app, view)
    if queue.auto:
        return f"{queue.name}: the slots follow the load, {queue.auto}"
    return f'{queue.name}: slots as configured. With {queue.name} = "auto" in [slots] they follow the load.'


async def toggle_pause(app: SpoolApp, view: QueueList) -> str:
    """Pause the chosen queue, or let it go on; what was done, in words."""
    queue = view.chosen
    if queue is None or not app.allowed():
        return ""
    if queue.paused:
        await app.feed.ask(Client.resume_queue, queue.name)
        words = f"{queue.name} goes on"
    else:
        await app.feed.ask(Client.pause_queue, queue.name)
        words = f"{queue.name} starts nothing new. What runs goes on."
    await _reread(app, view)
    return words


async def toggle_all(app: SpoolApp, view: QueueList) -> str:
    """Pause every queue, or let all go on when all are paused; what was done, in words."""
    if not app.allowed():
        return ""
    if view.queues and all(queue.paused for queue in view.queues):
        await app.feed.ask(Client.resume_queue, None)
        words = "All queues go on."
    else:
        await app.feed.ask(Client.pause_queue, None)
        words = "No queue starts anything new. What runs goes on."
    await _reread(app, view)
    return words


def ask_pause(app: SpoolApp, view: QueueList, give: Callable[[QueueOrder], None]) -> None:
    """Ask for how long the chosen queue, or all of them, are paused; the order is given by `give`."""
    queue = view.chosen
    if queue is None or not app.allowed():
        return
    every = "all queues"

    def answered(asked: Asked | None) -> None:
        if asked is not None:
            until, soft = end_of(asked.text, app.now_ms()), is_soft(asked)
            name = None if asked.choices[WHAT] == every else queue.name
            give(lambda app, view: _pause_for(app, view, name, until, soft))

    app.push_screen(AskScreen(question(queue.name, app.now_ms, soft=True, instead=every)), answered)


async def _pause_for(app: SpoolApp, view: QueueList, name: str | None, until: int | None, soft: bool) -> str:
    await app.feed.ask(Client.pause_queue, name, until=until, soft=soft)
    await _reread(app, view)
    lasts = f" {until_words(until, app.now_ms())}".rstrip()
    return f"{name or 'Every queue'} starts nothing new{lasts}. What runs {'goes on' if soft else 'is stopped'}."


async def _reread(app: SpoolApp, view: QueueList) -> None:
    app.feed.figures.queues = await app.feed.ask(Client.queues)
    view.tell(app.feed.figures, app.now_ms())


class QueueKeys(Screen[None], Stepping):
    """A screen whose keys act on the queue under the cursor of `queues`."""

    queues: QueueList

    @property
    def spool(self) -> SpoolApp:
        """The application, by its own type."""
        from console.app import SpoolApp

        assert isinstance(self.app, SpoolApp)
        return self.app

    def tell_done(self, words: str) -> None:
        """Say what became of an order; no words where there is nothing to say."""
        raise NotImplementedError

    def walk(self, by: int) -> None:
        """Another queue."""
        self.queues.move(by)

    def action_slots(self, by: int) -> None:
        """Slots more or less."""
        self._order(lambda app, view: change_slots(app, view, by))

    def action_slots_auto(self) -> None:
        """Slots as configured."""
        self._order(follow_load)

    def action_pause_queue(self) -> None:
        """Pause or go on."""
        self._order(toggle_pause)

    def action_pause_for(self) -> None:
        """Pause for a time."""
        ask_pause(self.spool, self.queues, self._order)

    def action_pause_all(self) -> None:
        """Pause all, or let all go on."""
        self._order(toggle_all)

    def _order(self, order: QueueOrder) -> None:
        self.run_worker(self._do(order), group="queue")

    async def _do(self, order: QueueOrder) -> None:
        try:
            words = await order(self.spool, self.queues)
        except SpoolError as error:
            words = str(error)
        self.tell_done(words)


class QueueDialog(ModalScreen[None], QueueKeys):
    """Queues over whatever is on the screen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,Q", "dismiss", show=False),
        Binding("down,j", "next", show=False),
        Binding("up,k", "previous", show=False),
        Binding("plus,equals_sign,right", "slots(1)", show=False),
        Binding("minus,left", "slots(-1)", show=False),
        Binding("U", "slots_auto", show=False),
        Binding("P", "pause_queue", show=False),
        Binding("F", "pause_for", show=False),
        Binding("E", "pause_all", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.queues = QueueList(id="queue-list")

    def compose(self) -> ComposeResult:
        """The list and its keys."""
        with Vertical(classes="dialog"):
            yield Static("Queues", markup=False, classes="dialog-title")
            yield self.queues
            yield Static("", markup=False, classes="dialog-words", id="queue-said")
            for hint in (_WATCHING,) if self.spool.read_only else _HINTS:
                yield Static(hint, markup=False, classes="dialog-hint")

    def on_mount(self) -> None:
        """Show the queues."""
        self.refresh_now()  # at once: a key that follows moves among queues that are there
        self.queues.focus()

    def refresh_now(self) -> None:
        """Show the present figures."""
        self.queues.styles.height = max(2, len(self.spool.feed.figures.queues) + 1)
        self.queues.tell(self.spool.feed.figures, self.spool.now_ms())

    def tell_done(self, words: str) -> None:
        """Under the list."""
        self.query_one("#queue-said", Static).update(words)
