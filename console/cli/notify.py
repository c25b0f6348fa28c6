"""`spool notify`: who is told of what happens, and whether a test arrives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from console.cli.output import say, say_json
from console.cli.words import json_option
from workers.errors import UsageError

if TYPE_CHECKING:
    from workers.client import NoticeDesk, Tried


@click.command()
@click.option("--test", is_flag=True, help="Send a test to each service and program; exit code 1 when one failed.")
@json_option
def notify(test: bool, as_json: bool) -> int:
    """Show who is told of what happens, as the section [notify] of the configuration says. Secrets are not shown."""
    from workers.client import NoticeDesk
    from workers.config import load_settings

    settings = load_settings()
    desk = NoticeDesk(settings)
    if test:
        if not desk.ways:
            raise UsageError(f"nobody is told: set urls or command in the section [notify] of {settings.paths.config}")
        return _tested(desk.test(), as_json)
    if as_json:
        say_json({"on": list(desk.events), "ways": [{"way": way.name, "kind": way.kind} for way in desk.ways]})
    else:
        _listed(desk)
    return 0


def _listed(desk: NoticeDesk) -> None:
    if not desk.ways:
        say("nobody is told: `urls` and `command` of the section [notify] are empty")
        return
    say(f"told of {', '.join(desk.events) or 'nothing: `on` is empty'}:")
    for way in desk.ways:
        say(f"  {way.name}")


def _tested(tried: Sequence[Tried], as_json: bool) -> int:
    from workers.text import shorten

    ok = all(one.ok for one in tried)
    if as_json:
        ways = [{"way": one.way.name, "kind": one.way.kind, "ok": one.ok, "message": one.said or None} for one in tried]
        say_json({"ok": ok, "ways": ways})
        return 0 if ok else 1
    for one in tried:
        told = f": {shorten(' '.join(one.said.split()), 300)}" if one.said else ""
        say(f"{one.way.name}  {'told' if one.ok else 'failed'}{told}")
    return 0 if ok else 1
