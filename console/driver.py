"""Textual's Linux driver, hardened for SSH: broken input, vanished terminals, stalled terminals, late replies.

Touches private names of textual 8.2.8; `tests/console/test_driver.py` fails when one of them is gone.
"""

from __future__ import annotations

import os
import re
import select
import signal
import termios
import threading
import time
from codecs import getincrementaldecoder
from types import FrameType
from typing import TYPE_CHECKING, Any

from textual import events
from textual._xterm_parser import BRACKETED_PASTE_END, BRACKETED_PASTE_START, XTermParser
from textual.drivers.linux_driver import LinuxDriver

from console.brackets import PasteGuard
from console.format import drawn_plain

if TYPE_CHECKING:
    from textual.app import App
    from textual.message import Message

HUNG_UP, TERMINATED = 129, 143
RESTORE = (
    b"\x1b[?2026l\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1016l"
    b"\x1b[?2004l\x1b[?2048l\x1b[?7h\x1b[<u\x1b[?1049l\x1b[?25h\x1b[?1004l"
)
_READ_BYTES = 4096
_WATCHDOG_S = 2.0
_RESTORE_S = 0.5
_PASTE_SILENCE_S = 5.0

_X10_MOUSE = re.compile(rb"\x1b\[M.{3}", re.DOTALL)
_X10_PARTIAL = re.compile(rb"\x1b\[M.{0,2}\Z", re.DOTALL)
# Replies to questions asked by us or by somebody before us: device attributes, cell sizes, kitty flags, and the
# string replies OSC, DCS and APC. A DECRQM reply (ends in $y) is not among them: Textual wants it.
_REPLY = re.compile(
    r"\x1b\[[?>=][\d;:]*c"
    r"|\x1b\[[468];[\d;]*t"
    r"|\x1b\[\?[\d;:]*u"
    r"|\x1b[\]P_^][^\x1b\x07]*(?:\x1b\\|\x07)"
)
_PARTIAL_REPLY = re.compile(r"\x1b(?:\[(?:[?>=][\d;:$]*|[468];?[\d;]*)?|[\]P_^][^\x1b\x07]*\x1b?)?\Z")
_PARTIAL_MOST = 4096


class ReplyFilter:
    """Drops terminal replies from the input, so that none of their letters becomes a key.

    The beginning of a possible reply at the end of a read is held for `SHORT_S` when it may be a key (Esc, Alt+[),
    else for `LONG_S`; what was held longer and is no key is dropped.
    """

    SHORT_S = 0.03
    LONG_S = 1.0

    def __init__(self) -> None:
        self._held = ""
        self._since = 0.0

    @property
    def holding(self) -> bool:
        """Whether input is held back, so that `tick` should be called soon."""
        return bool(self._held)

    def feed(self, text: str, now: float) -> str:
        """The input without replies; `now` is monotonic seconds."""
        text = _REPLY.sub("", self._held + text)
        began, self._held = (self._since if self._held else now), ""
        partial = _PARTIAL_REPLY.search(text)
        if partial is None or len(partial[0]) > _PARTIAL_MOST:
            return text
        self._held, self._since = partial[0], began
        return text[: partial.start()] + self.tick(now)

    def tick(self, now: float) -> str:
        """What was held long enough to be a key after all."""
        if not self._held:
            return ""
        short = len(self._held) <= 2
        if now - self._since < (self.SHORT_S if short else self.LONG_S):
            return ""
        held, self._held = self._held, ""
        return held if short else ""


class ByteFilter:
    """Bytes to text: X10 mouse reports cut out, invalid UTF-8 replaced instead of raising."""

    def __init__(self) -> None:
        self._decode = getincrementaldecoder("utf-8")(errors="replace").decode
        self._held = b""

    def feed(self, data: bytes) -> str:
        """The text in `data`; an unfinished mouse report is kept for the next read."""
        data = _X10_MOUSE.sub(b"", self._held + data)
        self._held = b""
        partial = _X10_PARTIAL.search(data)
        if partial is not None:
            self._held, data = data[partial.start() :], data[: partial.start()]
        return self._decode(data)


class HardenedDriver(LinuxDriver):
    """The driver that a console over SSH needs."""

    def __init__(self, app: App[Any], **options: Any) -> None:
        super().__init__(app, **options)
        self._exit_armed = threading.Event()
        self._closed = threading.Event()
        self._exit_status = 0

    # the terminal's life

    def start_application_mode(self) -> None:
        """Enter the alternate screen, then watch for signals and for the terminal's end."""
        super().start_application_mode()  # type: ignore[no-untyped-call]
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGHUP, self._on_hangup)
            signal.signal(signal.SIGTERM, self._on_terminate)
        threading.Thread(target=self._watch_hangup, name="spool-hangup", daemon=True).start()

    def close(self) -> None:
        """The terminal is restored; from then on nothing of ours may end the process."""
        super().close()  # waits for what is being written: for ever, where the terminal takes nothing more
        self._closed.set()

    def write(self, data: str) -> None:
        """Send to the terminal; nothing but ASCII to one that can draw nothing else, whatever widget it came from."""
        super().write(drawn_plain(data) if getattr(self._app, "ascii_only", False) else data)

    def backlog(self) -> int:
        """Frames that the terminal has not taken yet."""
        return 0 if self._writer_thread is None else self._writer_thread._queue.qsize()

    def _gone(self) -> bool:
        poller = select.poll()
        poller.register(self.fileno, 0)  # POLLHUP and POLLERR are always reported
        return any(mask & (select.POLLHUP | select.POLLERR | select.POLLNVAL) for _fd, mask in poller.poll(0))

    def _watch_hangup(self) -> None:
        poller = select.poll()
        poller.register(self.fileno, 0)
        while not self._closed.is_set():
            for _fd, mask in poller.poll(500):
                if mask & (select.POLLHUP | select.POLLERR):
                    if not self._closed.is_set():
                        os._exit(HUNG_UP)
                    return

    def _on_hangup(self, _number: int, _frame: FrameType | None) -> None:
        if self._gone():
            os._exit(HUNG_UP)
        self._leave(HUNG_UP)

    def _on_terminate(self, _number: int, _frame: FrameType | None) -> None:
        self._leave(TERMINATED)

    def _leave(self, status: int) -> None:
        self.arm_exit(status)
        self._loop.call_soon_threadsafe(lambda: self._app.exit(status))

    def arm_exit(self, status: int) -> None:
        """End the process within two seconds even when the terminal takes nothing more (it is stalled)."""
        if self._exit_armed.is_set():
            return
        self._exit_armed.set()
        self._exit_status = status
        threading.Thread(target=self._force_exit, name="spool-exit", daemon=True).start()

    def _force_exit(self) -> None:
        if self._closed.wait(_WATCHDOG_S):
            return
        restoring = threading.Thread(target=self._restore, name="spool-restore", daemon=True)
        restoring.start()
        restoring.join(_RESTORE_S)  # a write may block although there was room for it: another took the room
        os._exit(self._exit_status)

    def _restore(self) -> None:
        try:
            if self.attrs_before is not None:
                termios.tcsetattr(self.fileno, termios.TCSANOW, self.attrs_before)
            out = -1 if self._file is None else self._file.fileno()
            if out >= 0 and select.select([], [out], [], 0)[1]:
                os.write(out, RESTORE)
        except (OSError, termios.error, ValueError):
            pass

    # input

    def run_input_thread(self) -> None:
        """Read the terminal until told to stop; nothing that it sends can end the console."""
        poller = select.poll()
        poller.register(self.fileno, select.POLLIN)
        reader = _Reader(self._debug)
        while not self.exit_event.is_set():
            ready = poller.poll(20 if reader.waiting else 100)
            if any(mask & select.POLLNVAL for _fd, mask in ready):
                return
            data = b""
            if any(mask & select.POLLIN for _fd, mask in ready):
                data = self._read()
                if not data:
                    if self.exit_event.wait(0.5):  # end of file: the hang-up watch decides; never spin
                        return
                    continue
            for event in reader.events(data, time.monotonic()):
                self.process_message(event)

    def _read(self) -> bytes:
        try:
            return os.read(self.fileno, _READ_BYTES)
        except OSError:
            return b""

    def process_message(self, message: Message) -> None:
        """Pass a message on; a terminal that comes back into focus may have lost its modes (tmux re-attach)."""
        if isinstance(message, events.AppFocus) and self.backlog() < 10:
            self._enable_mouse_support()
            self._enable_bracketed_paste()
        super().process_message(message)


class _Reader:
    """From bytes to Textual's events: filters, parser, and a way out of a paste that never ends."""

    def __init__(self, debug: bool) -> None:
        self._debug = debug
        self._bytes, self._replies, self._parser = ByteFilter(), ReplyFilter(), XTermParser(debug)
        self._guard = PasteGuard()
        self._pasting = False
        self._heard = 0.0

    @property
    def waiting(self) -> bool:
        """Whether time alone may bring an event, so that `events` should be called soon without data."""
        return self._replies.holding or self._parser._timeout_time is not None

    def events(self, data: bytes, now: float) -> list[Message]:
        """The events in newly read bytes, which may be none, at a monotonic time in seconds."""
        if data:
            self._heard = now
            text = self._replies.feed(self._bytes.feed(data), now)
        else:
            text = self._replies.tick(now)
            if self._pasting and now - self._heard > _PASTE_SILENCE_S:
                text += BRACKETED_PASTE_END
        text = self._guard.feed(text)
        self._note_paste(text)
        try:
            found: list[Message] = list(self._parser.feed(text)) if text else []
            found.extend(self._parser.tick())
            return found
        except Exception:  # a sequence that the parser cannot bear: drop it and go on reading
            self._parser = XTermParser(self._debug)
            self._pasting = False
            return []

    def _note_paste(self, text: str) -> None:
        started, ended = text.rfind(BRACKETED_PASTE_START), text.rfind(BRACKETED_PASTE_END)
        if started != ended:
            self._pasting = started > ended
