"""`spool site`: start nothing from a site for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from console.cli.output import say, say_json, tell
from console.cli.times import end_of_pause
from console.cli.words import door, json_option, pause_options
from workers.errors import UsageError
from workers.jobs import Pause, Scope
from workers.text import clean

if TYPE_CHECKING:
    from workers.client import Client

_ACTIONS = ("pause", "resume")


@click.command()
@click.argument("words", nargs=-1, metavar="[pause|resume HOST]")
@pause_options("downloads")
@json_option
def site(words: tuple[str, ...], span: str | None, until: str | None, soft: bool, as_json: bool) -> int:
    """Show the sites that are paused, or pause or resume downloads from one and its subdomains."""
    if words and (words[0] not in _ACTIONS or len(words) != 2):
        raise UsageError("write it as: spool site pause HOST, spool site resume HOST, or spool site")
    if (span or until or soft) and words[:1] != ("pause",):
        raise UsageError("--for, --until and --soft belong to `spool site pause`")
    client = door()
    if words and words[0] == "pause":
        client.pause_scope(Scope.SITE, words[1], until=end_of_pause(span, until), soft=soft)
    elif words:
        return _resumed(client, _paused_name(client, words[1]), as_json)
    only = _paused_name(client, words[1]) if words else None
    for pause in client.pauses(Scope.SITE):
        if only in (None, pause.name):
            _tell(pause, as_json)
    return 0


def _paused_name(client: Client, text: str) -> str:
    """The name of a site that is paused, also of one that no site could have now; UsageError when it is no site."""
    from workers.client import scope_name

    written = (pause.name for pause in client.pauses(Scope.SITE) if pause.name == text.strip())
    return next(written, None) or scope_name(Scope.SITE, text)


def _resumed(client: Client, name: str, as_json: bool) -> int:
    was = client.resume_scope(Scope.SITE, name)
    if as_json:
        say_json({"name": name, "paused": False, "paused_until": None, "paused_by": "", "resumed": was})
    tell(f"{clean(name)} is not paused any more" if was else f"spool: the site {clean(name)} was not paused")
    return 0 if was else 1


def _tell(pause: Pause, as_json: bool) -> None:
    from console.format import clock
    from workers.jobs import rfc3339

    if as_json:
        say_json({"name": pause.name, "paused": True, "paused_until": rfc3339(pause.until), "paused_by": pause.by})
        return
    until = f" until {clock(pause.until)}" if pause.until else ""
    say(f"{clean(pause.name)}: paused{until} by {clean(pause.by)}")
