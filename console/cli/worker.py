"""`spool worker` and `spool stop`: the daemon, here, behind, or as a service of the user."""

from __future__ import annotations

import click

from console.cli.output import flush, say, say_json, tell
from console.cli.words import json_option
from workers.errors import UsageError


@click.command()
@click.option("--detach", is_flag=True, help="Start it in the background and return once it is ready.")
@click.option("--install", is_flag=True, help="Write a systemd user unit for it, and say how to enable it.")
@json_option
def worker(detach: bool, install: bool, as_json: bool) -> int:
    """Run the worker in the foreground until it is stopped: the first Ctrl-C or TERM lets it end politely."""
    from workers.config import load_settings

    if detach and install:
        raise UsageError("--detach or --install, not both")
    if install:
        from console.cli.unit import install_unit

        return install_unit(as_json)
    settings = load_settings()
    if detach:
        from workers.client import start_worker

        _tell(start_worker(settings, tell), as_json, "started", "started a worker", "a worker runs already")
        return 0
    from workers.daemon import run
    from workers.process import set_up_log

    set_up_log(settings, to_stderr=True)
    run(settings)
    return 0


@click.command()
@click.option(
    "--timeout",
    type=click.FloatRange(min=0.1),
    default=30.0,
    metavar="SECONDS",
    help="How long to wait for its end. [default: 30]",
)
@json_option
def stop(timeout: float, as_json: bool) -> int:
    """Stop the worker politely: what runs is released and goes on with the next worker, no attempt counted."""
    from console.cli.brakes import settings_for
    from workers.client import stop_worker

    settings = settings_for(click.get_current_context())
    _tell(stop_worker(settings, timeout_s=timeout), as_json, "stopped", "stopped the worker", "no worker ran")
    return 0


def _tell(done: bool, as_json: bool, word: str, yes: str, no: str) -> None:
    if as_json:
        say_json({word: done})
    else:
        say(yes if done else no)
    flush()
