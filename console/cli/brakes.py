"""Which verbs go on while the configuration is wrong: those that only look, pause, cancel or stop.

A mistake in config.toml must not take the brakes from a worker that runs. Whatever starts work is refused until the
mistake is mended.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from console.cli.output import tell
from workers.jobs import QUEUES

if TYPE_CHECKING:
    from workers.settings import Settings

_ALL = None
BRAKES: Mapping[str, frozenset[str] | None] = {
    **dict.fromkeys(("stop", "status", "doctor", "jobs", "show", "why", "log", "events", "wait", "audit"), _ALL),
    **dict.fromkeys(("cancel", "pause", "hold"), _ALL),
    "queue": frozenset({"pause", *QUEUES}),
    "site": frozenset({"pause"}),
    "batch": frozenset({"pause", "hold", "cancel", "show", "list"}),
}
"""Verbs, and of those that also do something else the first words with which they brake; without any they look."""


def brakes(context: click.Context | None) -> bool:
    """Whether the command line that is carried out only looks or stops work."""
    verb = (context and context.parent and context.info_name) or ""
    if context is None or verb not in BRAKES:
        return False
    first = BRAKES[verb]
    words = context.params.get("words") or ()
    return first is _ALL or not words or words[0] in first


def settings_for(context: click.Context | None) -> Settings:
    """The settings for a command line. ConfigError when they are wrong and it may do more than look or stop work."""
    from workers.config import load_settings, settings_at_hand

    if not brakes(context):
        return load_settings()
    settings, wrong = settings_at_hand()
    if wrong:
        tell(f"spool: {wrong}; the defaults hold for that, and nothing new is started until it is mended")
    return settings
