"""`spool trash`: what was replaced, putting it back, and removing it for good."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from console.cli.output import confirmed, person_present, say, say_json, tell
from console.cli.words import door, json_option
from workers.errors import UsageError

if TYPE_CHECKING:
    from workers.client import Client, Trashed, TrashEntry

_ACTIONS = ("list", "restore", "empty")


@click.command()
@click.argument("words", nargs=-1, metavar="[list|restore ID…|empty [ID…]]")
@click.option("-y", "--yes", is_flag=True, help="With empty: do not ask.")
@json_option
def trash(words: tuple[str, ...], yes: bool, as_json: bool) -> int:
    """List the originals that jobs replaced, put them back, or remove them for good (empty alone: all of them).

    Of an ID its first letters are enough, as long as they are no other file's.
    """
    action, ids = (words[0], words[1:]) if words else ("list", ())
    if action not in _ACTIONS:
        raise UsageError(f"{action!r} is none of {', '.join(_ACTIONS)}")
    if action == "list":
        if ids:
            raise UsageError("`spool trash list` takes no ids")
        return _listed(door().trash.entries(), as_json)
    if action == "restore":
        if not ids:
            raise UsageError("which ones? give ids, as `spool trash` shows them")
        client = door()
        return answered(client.trash_restore(client.trash.chosen(ids)), as_json)
    return _empty(door(), ids, yes, as_json)


def _empty(client: Client, ids: Sequence[str], yes: bool, as_json: bool) -> int:
    chosen = client.trash.chosen(ids) if ids else client.trash.settled()
    if not chosen:
        busy = len(client.trash.entries())
        tell(f"nothing is removed while jobs put {busy:,} of its files there" if busy else "the trash is empty")
        return 0
    if not yes and not _agreed(chosen):
        tell("nothing was removed")
        return 1
    return answered(client.trash_remove(chosen), as_json)


def _agreed(chosen: Sequence[TrashEntry]) -> bool:
    from console.format import plural
    from workers.text import clean

    count = plural(len(chosen), "file")
    if not person_present():
        raise UsageError(f"empty of {count} needs --yes where nobody can be asked; nothing was removed")
    for entry in chosen[:5]:
        tell(f"  {clean(entry.original)}")
    if len(chosen) > 5:
        tell(f"  and {len(chosen) - 5:,} more")
    return confirmed(f"remove {count} for good?")


def _listed(entries: Sequence[TrashEntry], as_json: bool) -> int:
    from console.format import clock, size
    from workers.client import trash_entry_as_json
    from workers.text import clean

    for entry in entries:
        if as_json:
            say_json(trash_entry_as_json(entry))
        else:
            say(f"{entry.id}  until {clock(entry.until_ms):>16}  {size(entry.size):>9}  {clean(entry.original)}")
    if not entries and not as_json:
        tell("the trash is empty")
    return 0


def answered(done: Sequence[Trashed], as_json: bool) -> int:
    """Tell what became of each file; 0 when all went well."""
    for answer in done:
        if as_json:
            say_json({"id": answer.id, "ok": answer.ok, "message": answer.message})
        elif answer.ok:
            say(f"{answer.id}: {answer.message}")
        else:
            tell(f"spool: {answer.message}")
    return 0 if all(answer.ok for answer in done) else 1
