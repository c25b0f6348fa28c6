"""The console: one application over the front door. Closing it never stops work."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from console import environment

environment.prepare(os.environ)  # before Textual is imported: it reads these once

from rich.text import Text  # noqa: E402
from textual import events  # noqa: E402
from textual.app import ScreenStackError, SystemCommand  # noqa: E402
from textual.binding import BindingType  # noqa: E402
from textual.screen import Screen  # noqa: E402
from textual.scrollbar import ScrollBar, ScrollBarRender  # noqa: E402
from textual.theme import Theme  # noqa: E402
from textual.worker import Worker, WorkerError  # noqa: E402

from console import keys, theme  # noqa: E402
from console.driver import HardenedDriver  # noqa: E402
from console.feed import Changed, Feed, Pace  # noqa: E402
from console.keyboard import KeyboardApp  # noqa: E402
from console.keymap import checked_keymap  # noqa: E402
from console.paste import Pasted  # noqa: E402
from console.screens.base import SpoolScreen  # noqa: E402
from console.starter import Starter  # noqa: E402
from console.widgets.status import Now  # noqa: E402
from workers.client import AsyncClient, open_client, start_worker  # noqa: E402
from workers.errors import SpoolError  # noqa: E402
from workers.settings import Settings  # noqa: E402

if TYPE_CHECKING:
    from textual.driver import Driver

LEAST_SIZE = (60, 16)
_WIDTHS = [(0, "-narrow"), (72, "-normal"), (120, "-panels"), (180, "-roomy")]
_HEIGHTS = [(0, "-short"), (22, "-middle"), (40, "-tall")]


class _PlainBar(ScrollBarRender):
    """A scrollbar without the eighths of a cell that ASCII has not."""

    VERTICAL_BARS: ClassVar[list[str]] = [" "] * 8
    HORIZONTAL_BARS: ClassVar[list[str]] = [" "] * 8


class SpoolApp(KeyboardApp):
    """Holds the feed, the screens and what concerns all of them. `connect` and `start` are replaced by tests."""

    TITLE = "spool"
    CSS_PATH: ClassVar[Any] = Path(__file__).parent / "styles" / "console.tcss"
    ENABLE_COMMAND_PALETTE = True
    BEAT_S: ClassVar[float] = 1.0  # how often ages and countdowns go on; 0 for pictures
    COMMAND_PALETTE_BINDING = "f24"  # the key table binds it
    HORIZONTAL_BREAKPOINTS = _WIDTHS
    VERTICAL_BREAKPOINTS = _HEIGHTS
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings("everywhere")]

    def __init__(
        self,
        settings: Settings,
        *,
        read_only: bool = False,
        connect: Callable[[Settings], AsyncClient] = AsyncClient,
        start: Callable[[Settings], bool] | None = start_worker,
        environ: Mapping[str, str] | None = None,
        now_ms: Callable[[], int] | None = None,
        host: str = "",
    ) -> None:
        environ = os.environ if environ is None else environ
        self.settings = settings
        self.read_only = read_only or settings.read_only
        self.keymap, self._key_problems = checked_keymap(settings.console.keys)
        encoding = getattr(sys.__stderr__, "encoding", None)
        self.ascii_only = settings.console.ascii or environment.plain_glyphs(environ, encoding)
        super().__init__()
        self.animation_level = "none"
        for made in theme.THEMES:
            self.register_theme(made)
        self.theme = theme.pick(settings.console.theme, environ, self.available_themes)
        self.now_ms = now_ms or (lambda: time.time_ns() // 1_000_000)
        self.host = host or socket.gethostname().split(".")[0]
        self.starter = Starter(self, start)
        self.loading = False
        self.client = connect(settings)
        rate = settings.console.rate or (4 if environment.over_ssh(environ) else 10)
        self.feed = Feed(self.client, Pace(rate), self.post_message, self.backlog)
        self._feeding: Worker[None] | None = None
        self.guard_keys()
        ScrollBar.renderer = _PlainBar if self.ascii_only else ScrollBarRender
        self.set_class(self.ascii_only, "-ascii")

    # life

    def get_driver_class(self) -> type[Driver]:
        """The hardened driver where Textual would take its Linux one."""
        from textual.drivers.linux_driver import LinuxDriver

        chosen = super().get_driver_class()
        return HardenedDriver if chosen is LinuxDriver else chosen

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Colours of the roles, for themes that do not name them."""
        return theme.variables(self.current_theme)

    async def on_mount(self) -> None:
        """Connect, show the jobs, and start a worker when none runs."""
        self.set_keymap(self.keymap)
        self.set_class(self.native_ansi_color, "-ansi")
        self.theme_changed_signal.subscribe(self, self._on_theme)
        try:
            await self.client.__aenter__()
            await self.feed.start()
        except SpoolError as error:
            self.exit(error.exit_code, message=Text(str(error)))
            return
        for mode, made in _screens().items():
            self.add_mode(mode, made)
        await self.switch_mode("jobs")
        self._feeding = self.run_worker(self.feed.run(), name="feed", exit_on_error=True)
        self._fit(*self.size)
        for problem in self._key_problems:
            self.tell(problem, bad=True)
        if not self.read_only:
            self.starter.begin()

    async def on_unmount(self) -> None:
        """Stop reading."""
        if self._feeding is not None:
            self._feeding.cancel()
            with contextlib.suppress(WorkerError):
                await self._feeding.wait()
        await self.client.__aexit__(None, None, None)

    def _on_theme(self, _theme: Theme) -> None:
        self.set_class(self.native_ansi_color, "-ansi")

    def exit(self, result: int | None = None, *args: Any, **options: Any) -> None:
        """Leave; a terminal that takes no more output cannot keep the process."""
        driver = self._driver
        if isinstance(driver, HardenedDriver):
            driver.arm_exit(result or 0)
        super().exit(result, *args, **options)

    def backlog(self) -> int:
        """Frames that the terminal has not taken yet."""
        return self._driver.backlog() if isinstance(self._driver, HardenedDriver) else 0

    # what screens ask

    def now(self) -> Now:
        """What the status line shows beside the figures."""
        hour = time.strftime("%H:%M", time.localtime(self.now_ms() / 1000))
        speeds = self.feed.speeds
        return Now(
            host=self.host,
            speed=speeds[-1] if speeds else 0.0,
            frozen=self.feed.pace.frozen,
            read_only=self.read_only,
            starting=self.starter.busy,
            loading=self.loading,
            hour=hour,
        )

    def tell(self, words: str, *, bad: bool = False) -> None:
        """Say something in a corner for a few seconds."""
        self.clear_notifications()  # they would pile up over the list
        self.notify(words, markup=False, severity="error" if bad else "information", timeout=8 if bad else 4)

    def on_changed(self, _message: Changed) -> None:
        """The store has changed: the screen in front pulls what it shows; one behind a dialog waits."""
        try:
            screen = self.screen
        except ScreenStackError:  # told while the console was closing
            return
        if isinstance(screen, SpoolScreen):
            screen.refresh_now()
        else:
            follow = getattr(screen, "refresh_now", None)
            if follow is not None:
                follow()

    def add_pasted(self, found: Pasted) -> None:
        """Open the right form, filled in."""
        from console.screens.submit import begin_pasted

        if self.allowed():
            begin_pasted(self, found)

    # size

    def on_resize(self, event: events.Resize) -> None:
        """Another size of the terminal."""
        self._fit(event.size.width, event.size.height)

    def _fit(self, width: int, height: int) -> None:
        from console.screens.small import TooSmall

        small = width < LEAST_SIZE[0] or height < LEAST_SIZE[1]
        try:
            shown = isinstance(self.screen, TooSmall)
        except ScreenStackError:
            return
        if small and not shown:
            self.push_screen(TooSmall(LEAST_SIZE))
        elif shown and not small:
            self.pop_screen()

    # actions that work everywhere

    def allowed(self) -> bool:
        """Whether orders may be given; says so when not."""
        if self.read_only:
            self.tell("This console is read only.", bad=True)
        return not self.read_only

    async def action_mode(self, mode: str) -> None:
        """Go to one of the main screens."""
        while len(self.screen_stack) > 1:
            if not isinstance(self.screen, SpoolScreen):
                return
            await self.pop_screen()
        await self.switch_mode(mode)

    async def show_jobs(self, words: str) -> None:
        """Go to the list of jobs, with a filter."""
        from console.screens.jobs import JobsScreen

        await self.switch_mode("jobs")
        while len(self.screen_stack) > 1:
            await self.pop_screen()
        if isinstance(self.screen, JobsScreen):
            self.screen.filter_anew(words)

    async def action_go_back(self) -> None:
        """One step back; from the last screen nothing happens but a hint."""
        if isinstance(self.screen, SpoolScreen) and self.screen.step_back():
            return
        if len(self.screen_stack) > 1:
            self.pop_screen()
        elif self.current_mode != "jobs":
            await self.switch_mode("jobs")
        elif isinstance(self.screen, SpoolScreen):
            self.screen.say([(" ctrl+q leaves the console; work goes on without it.", "plain")])

    def action_leave(self) -> None:
        """Leave the console."""
        self.exit(0)

    def action_keys(self) -> None:
        """All keys that work here, as a list that does them."""
        from console.screens.help import KeysScreen

        screen = self.screen
        if isinstance(screen, SpoolScreen):
            self.push_screen(KeysScreen(screen.places), self._do)

    async def _do(self, action: str | None) -> None:
        if action:
            await self.run_action(action, default_namespace=self.screen)

    def action_add(self) -> None:
        """Add a job: choose an operation, then fill in its form."""
        from console.screens.submit import begin

        if self.allowed():
            begin(self)

    def action_queues(self) -> None:
        """Slots and pauses."""
        from console.screens.queues import QueueDialog

        if not isinstance(self.screen, QueueDialog):
            self.push_screen(QueueDialog())

    def action_freeze(self) -> None:
        """Hold the picture still."""
        self.feed.pace.frozen = not self.feed.pace.frozen
        if isinstance(self.screen, SpoolScreen):
            self.screen.refresh_now()

    def action_rate(self, by: int) -> None:
        """Paint more or less often."""
        self.tell(f"{self.feed.pace.step(by)} paints a second")

    def action_worker(self) -> None:
        """Start a worker unless one runs."""
        if self.allowed():
            self.starter.begin(asked=True)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The palette: every action of this place, and the themes."""
        places = screen.places if isinstance(screen, SpoolScreen) else ("everywhere",)
        seen = set()
        for place in places:
            for action in keys.actions_for(place, watching=self.read_only):
                if action.id not in seen and action.id != "palette":
                    seen.add(action.id)
                    key = keys.shown_key(action, self.keymap)
                    yield SystemCommand(f"{action.words} ({key})", action.does, self._command(action.name, screen))
        yield SystemCommand("Theme", "Choose other colours", self.action_change_theme)

    def _command(self, action: str, screen: Screen[Any]) -> Callable[[], None]:
        async def run() -> None:
            await self.run_action(action, default_namespace=screen)

        return lambda: cast(None, self.call_later(run))


def _screens() -> dict[str, Callable[[], Screen[Any]]]:
    from console.screens.batches import BatchesScreen
    from console.screens.events import EventsScreen
    from console.screens.health import HealthScreen
    from console.screens.jobs import JobsScreen

    return {"jobs": JobsScreen, "health": HealthScreen, "events": EventsScreen, "batches": BatchesScreen}


def run(settings: Settings, *, mouse: bool | None = None, read_only: bool = False) -> int:
    """Open the console until the person leaves; the exit code of the process."""
    refused = environment.refusal(os.environ)
    if refused:
        sys.stderr.write(refused + "\n")
        return 2
    try:
        open_client(settings).close()
    except SpoolError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    app = SpoolApp(settings, read_only=read_only)
    status = app.run(mouse=settings.console.mouse if mouse is None else mouse)
    sys.stdout.write(app.starter.left_behind())
    return status if status is not None else app.return_code or 0
