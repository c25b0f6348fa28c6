"""`spool cache`: what is kept of earlier work, how often it helped, and filling, checking and clearing it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from console.cli.output import LiveLine, confirmed, person_present, say, say_json, tell
from console.cli.words import door, json_option
from workers.errors import InvalidParams, UsageError

if TYPE_CHECKING:
    from workers.client import CacheStats, CategoryStats, Client, Counts, Verified
    from workers.operations.contract import Operation

_ACTIONS = ("stats", "warm", "clear", "verify")


@click.command()
@click.argument("words", nargs=-1, metavar="[stats|warm INPUT…|clear [CATEGORY]|verify]")
@click.option("--with", "names", multiple=True, metavar="NAME", help="With warm: the operation to run; repeatable.")
@click.option("-y", "--yes", is_flag=True, help="With clear: do not ask.")
@json_option
def cache(words: tuple[str, ...], names: tuple[str, ...], yes: bool, as_json: bool) -> int:
    """Show how often kept results helped; warm fills them, clear forgets them, verify drops what is of no use."""
    action, rest = (words[0], list(words[1:])) if words else ("stats", [])
    if action not in _ACTIONS:
        raise UsageError(f"{action!r} is none of {', '.join(_ACTIONS)}")
    if names and action != "warm":
        raise UsageError("--with belongs to `spool cache warm`")
    if yes and action != "clear":
        raise UsageError("--yes belongs to `spool cache clear`")
    if action == "warm":
        return _warm(rest, names or ("probe",), as_json)
    if action == "clear":
        return _clear(rest, yes, as_json)
    if rest:
        raise UsageError(f"`spool cache {action}` takes no word more: not {rest[0]!r}")
    return _stats(as_json) if action == "stats" else _verify(as_json)


# ---------------------------------------------------------------- stats


def _stats(as_json: bool) -> int:
    stats = door().cache_stats()
    if as_json:
        say_json(stats_as_json(stats))
    elif not stats.problem:
        for line in stats_lines(stats):
            say(line)
    if stats.problem:
        tell(f"spool: {stats.problem}")
        return 1
    return 0


def stats_as_json(stats: CacheStats) -> dict[str, Any]:
    """The one JSON form of the cache's figures."""
    from workers.jobs import rfc3339

    return {
        "entries": stats.entries,
        "bytes": stats.bytes,
        "limit_bytes": stats.limit_bytes,
        "started_at": rfc3339(None if stats.started_at is None else int(stats.started_at * 1000)),
        "problem": stats.problem or None,
        "categories": [category.as_dict() for category in stats.categories],
    }


def stats_lines(stats: CacheStats) -> list[str]:
    """A table of the categories for people: hit ratios of three spans, the rest since the worker's start."""
    from console.format import clock, size

    head = f"{'CATEGORY':<15}  {'ENTRIES':>8}  {'SIZE':>8}  {'LIMIT':>8}"
    lines = [f"{head}  {'1M':>5}  {'1H':>5}  {'24H':>5}  {'START':>5}  {'SAVED':>8}  {'EVICTED':>7}"]
    lines += [_stats_line(category) for category in stats.categories]
    since = f"since {clock(int(stats.started_at * 1000))}" if stats.started_at else "no worker has counted yet"
    lines.append(f"{stats.entries:,} kept, {size(stats.bytes)} of {size(stats.limit_bytes)}; {since}")
    return lines


def _stats_line(category: CategoryStats) -> str:
    from console.format import size, span_of

    start = category.spans["start"]
    ratios = "  ".join(f"{ratio_words(counts):>5}" for counts in category.spans.values())
    return (
        f"{category.name:<15}  {category.entries:>8,}  {size(category.bytes):>8}  {size(category.limit_bytes):>8}  "
        f"{ratios}  {span_of(start.saved_s) if start.hits else '-':>8}  {start.evictions:>7,}"
    )


def ratio_words(counts: Counts) -> str:
    """The share of hits as a person reads it; a dash when nothing was asked."""
    from console.format import percent

    return "-" if counts.ratio is None else f"{percent(counts.ratio)}%"


# ---------------------------------------------------------------- warm


def _warm(inputs: Sequence[str], names: Sequence[str], as_json: bool) -> int:
    from console.cli.jobs import as_json_with_reasons
    from workers.jobs import Priority

    if not inputs:
        raise UsageError("name the files or folders to work through, as in: spool cache warm ~/Videos")
    client = door()
    # All of them are checked before the first is submitted.
    asked = [(operation, _values(operation, inputs)) for operation in _operations(client, names)]
    for operation, values in asked:
        job = client.submit(operation.name, values, priority=Priority.LOW)
        say_json(as_json_with_reasons(client, job)) if as_json else say(str(job.id))
    if not client.worker().running:
        tell("no worker runs yet: `spool worker --detach` starts one, and so does opening the console with `spool`")
    return 0


def _operations(client: Client, names: Sequence[str]) -> list[Operation[Any]]:
    found = [client.operation(name) for name in dict.fromkeys(names)]
    for operation in found:
        if operation.cache_category is None or operation.cache_files:
            able = ", ".join(one.name for one in client.operations() if one.cache_category and not one.cache_files)
            what = "makes files, which would be put beside yours" if operation.cache_files else "keeps no results"
            raise UsageError(f"{operation.name} {what}; these only keep what they find: {able}")
    return found


def _values(operation: Operation[Any], inputs: Sequence[str]) -> dict[str, Any]:
    from console.cli.forms import POSITIONAL, inputs_of, missing_files

    listed = inputs_of(operation, list(inputs))
    missing = [(repr(text), "there is no such file or folder") for text in missing_files(operation, listed)]
    if missing:
        raise InvalidParams(operation.name, missing)
    values = {POSITIONAL: listed}
    operation.validate(values)
    return values


# ---------------------------------------------------------------- clear and verify


def _clear(rest: Sequence[str], yes: bool, as_json: bool) -> int:
    from console.format import size
    from workers.settings import CACHE_CATEGORIES

    if len(rest) > 1:
        raise UsageError(f"one category at a time, or none for all: not {' '.join(rest)!r}")
    category = rest[0] if rest else None
    if category is not None and category not in CACHE_CATEGORIES:
        raise UsageError(f"no category {category!r}: there are {', '.join(CACHE_CATEGORIES)}")
    client = door()
    if not yes and not _agreed(client.cache_stats(), category):
        tell("nothing was done")
        return 1
    cleared = client.cache_clear(category)
    if as_json:
        say_json({"category": category, "entries": cleared.entries, "bytes": cleared.bytes})
    else:
        say(f"{cleared.entries:,} kept results cleared away, {size(cleared.bytes)}")
    return 0


def _agreed(stats: CacheStats, category: str | None) -> bool:
    """Whether the person at the terminal agrees; UsageError when there is none to ask."""
    from console.format import size

    if not person_present():
        raise UsageError("cache clear needs --yes where nobody can be asked; nothing was done")
    chosen = [one for one in stats.categories if category in (None, one.name)]
    count, taken = sum(one.entries for one in chosen), sum(one.bytes for one in chosen)
    return confirmed(f"clear {count:,} kept results, {size(taken)}?")


def _verify(as_json: bool) -> int:
    line = LiveLine()

    def pulse(so_far: Verified) -> None:
        line.show(f"{so_far.results + so_far.files:,} looked at, {so_far.dropped:,} dropped")

    found = door().cache_verify(pulse)
    line.clear()
    if as_json:
        from dataclasses import asdict

        say_json({**asdict(found), "dropped": found.dropped})
        return 0
    say(f"{found.results:,} results and {found.files:,} files looked at; {found.dropped:,} dropped")
    reasons = {
        "whose input is gone": found.gone,
        "whose input has changed": found.changed,
        "too old": found.expired,
        "broken": found.broken,
    }
    for words, count in reasons.items():
        if count:
            say(f"  {count:,} {words}")
    return 0
