"""`spool doctor`: what Spool needs from its machine, what it found, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from console.cli.output import say, say_json
from console.cli.words import json_option
from workers.errors import ConfigError

if TYPE_CHECKING:
    from workers.doctor import Finding


@click.command()
@click.option("--full", is_flag=True, help="Also every row of the database, and the files against their records.")
@json_option
def doctor(full: bool, as_json: bool) -> int:
    """Check everything that Spool needs, and say what to do. Exit code 1 when something fails.

    It changes nothing. --full takes its time, and compares what Spool keeps with what it knows of it.
    """
    from workers.doctor import Level

    findings = []
    for finding in _found(full):
        findings.append(finding)
        _show(finding, as_json)
    failed = sum(finding.level is Level.FAIL for finding in findings)
    if as_json:
        say_json({"ok": not failed, "checks": [_as_json(finding) for finding in findings]})
    return 1 if failed else 0


def _found(full: bool) -> Iterator[Finding]:
    """All findings; with a wrong configuration that, and those that need no more than to know where the home lies."""
    from console.cli.settings import key_problems
    from workers.config import settings_at_hand
    from workers.doctor import Finding, Level, examine

    todo = "mend it; `spool config --check` checks it again"
    try:
        settings, wrong = settings_at_hand()
    except ConfigError as error:
        yield Finding("config", Level.FAIL, str(error), todo)
        return
    if wrong:
        yield Finding("config", Level.FAIL, wrong, todo)
    yield from examine(settings, full=full, home_only=bool(wrong))
    for problem in key_problems(settings):
        yield Finding("console", Level.FAIL, problem, todo)


def _show(finding: Finding, as_json: bool) -> None:
    if as_json:
        return
    say(f"{finding.level.value:<4}  {finding.name:<10}  {finding.detail}", now=True)
    if finding.todo:
        say(f"{'':<4}  {'':<10}  -> {finding.todo}", now=True)


def _as_json(finding: Finding) -> dict[str, str]:
    return {"name": finding.name, "level": finding.level.value, "detail": finding.detail, "todo": finding.todo}
