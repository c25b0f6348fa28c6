"""Where notices go: each configured service and program, under a name that tells no secret."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from workers.notices.redaction import redacted, short_name
from workers.settings import Settings


@dataclass(frozen=True, slots=True)
class Way:
    """One service or program that is told. Its name may stand in logs and tables; the URL must not."""

    name: str
    url: str = field(default="", repr=False)
    command: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """`url` or `command`."""
        return "command" if self.command else "url"


def ways_of(settings: Settings) -> tuple[Way, ...]:
    """Every configured way, URLs first, in their order. Two of one name are told apart by a number."""
    notify = settings.notify
    urls = [secret.get_secret_value().strip() for secret in notify.urls]
    ways = [Way(redacted(url), url=url) for url in urls]
    if notify.command:
        program = _program(notify.command[0], settings.paths.config.absolute().parent)
        ways.append(Way(f"command {short_name(program)}", command=(program, *notify.command[1:])))
    return tuple(_numbered(ways))


def _numbered(ways: Iterable[Way]) -> Iterable[Way]:
    seen: Counter[str] = Counter()
    for way in ways:
        seen[way.name] += 1
        number = seen[way.name]
        yield way if number == 1 else Way(f"{way.name} #{number}", way.url, way.command)


def _program(word: str, base: Path) -> str:
    """As all paths of config.toml: from `~`, or from the folder of the file on; a bare name is found on the PATH."""
    if not os.path.dirname(word) and not word.startswith("~"):
        return word
    return os.path.abspath(base / os.path.expanduser(word))
