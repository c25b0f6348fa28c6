"""Trying what is configured: the part of the front door behind `spool notify` and a line of `spool doctor`."""

from __future__ import annotations

import os
import shutil
import socket
from dataclasses import dataclass

from workers.errors import ReadOnlyError
from workers.notices.posting import Posting, all_answers
from workers.notices.ways import Way, ways_of
from workers.notices.words import Happening, Notice, notice_of
from workers.settings import Settings


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of one way."""

    way: Way
    ok: bool
    said: str = ""  # why not, or what a program printed


class NoticeDesk:
    """The configured ways of one home. No worker needs to run, and no database is opened."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.events: tuple[str, ...] = settings.notify.on
        self.ways = ways_of(settings)

    def test(self) -> list[Tried]:
        """Send a test on every way, all at once; how each went. ReadOnlyError where one only watches."""
        if self._settings.read_only:
            raise ReadOnlyError("telling services and programs")
        text = "Whoever reads this hears from Spool."
        return self._tried(self.ways, notice_of([Happening(0, "test", text=text)], {}, socket.gethostname()))

    def check(self) -> list[Tried]:
        """Whether each way could be used: nothing is sent, and no program is started."""
        urls = {one.way: one for one in self._tried([way for way in self.ways if way.url], Notice("", ""), check=True)}
        return [urls.get(way) or _program_found(way) for way in self.ways]

    def _tried(self, ways: tuple[Way, ...] | list[Way], notice: Notice, *, check: bool = False) -> list[Tried]:
        limit_s = self._settings.notify.command_seconds
        postings = [Posting(way, notice, limit_s=limit_s, check=check) for way in ways]
        answers = zip(ways, all_answers(postings), strict=True)
        return [Tried(way, answer.ok, answer.said or answer.output) for way, answer in answers]


def _program_found(way: Way) -> Tried:
    program = way.command[0]
    if shutil.which(program) is not None:
        return Tried(way, True)
    there = os.path.dirname(program) and os.path.exists(program)
    return Tried(way, False, f"{program} {'cannot be executed' if there else 'is not there'}")
