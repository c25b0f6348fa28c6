"""`spool demo`: something to look at within a minute, made here and really worked on."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from console.cli.output import flush, say, say_json, tell
from console.cli.words import json_option
from workers.errors import UsageError

if TYPE_CHECKING:
    from workers.settings import Settings


@click.command()
@click.option("--no-console", is_flag=True, help="Only submit the jobs and print their ids.")
@json_option
def demo(no_console: bool, as_json: bool) -> int:
    """Make a few clips and pictures, serve them on loopback, and submit downloads, encodes and thumbnails of them.

    Starts a worker if none runs, then opens the console. The results go into the folder `demo` of the outputs.
    """
    from workers.config import load_settings

    quiet = no_console or as_json
    if not quiet and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("the console needs a terminal; `spool demo --no-console` only submits")
    settings = load_settings()
    _submit_all(settings, as_json, quiet)
    if quiet:
        return 0
    flush()
    from console.app import run

    return run(settings)


def _submit_all(settings: Settings, as_json: bool, show: bool) -> None:
    from console.cli.jobs import as_json_with_reasons
    from workers.client import open_client, start_worker
    from workers.demo import BATCH, material, orders, start_server

    client = open_client(settings)
    folder = material(settings, tell)
    if start_worker(settings, tell):
        tell("started a worker; `spool stop` ends it")
    ids: list[int] = []
    for order in orders(start_server(folder), folder, settings.paths.output / "demo"):
        after = [ids[place] for place in order.after]
        job = client.submit(order.operation, order.values, priority=order.priority, after=after, batch=BATCH)
        ids.append(job.id)
        if as_json:
            say_json(as_json_with_reasons(client, job))
        elif show:
            say(f"{job.id}  {job.operation}  {job.title}")
