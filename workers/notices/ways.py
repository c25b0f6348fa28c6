"""Where notices go: each configured service and program, under a name that tells no secret."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from workers.settings import Settings
from workers.text import clean, shorten

_NAME_LIMIT = 60  # characters of a way's name
_LEAST_SECRET = 3  # shorter parts of a URL are words such as "me" and "to" that would black out half a message

# Services whose URL names a host there; in the place of a host, others have a token.
_WITH_HOST = re.compile(r"(apprise|form|gotify|json|mailto|matrix|xml)s?", re.IGNORECASE)


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
        ways.append(Way(f"command {_short(program)}", command=(program, *notify.command[1:])))
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


def _short(text: str) -> str:
    return shorten(clean(text), _NAME_LIMIT)


def redacted(url: str) -> str:
    """What may be shown of an Apprise URL: the service, and the host where that is no secret."""
    scheme, found, rest = url.partition("://")
    if not found or not re.fullmatch(r"[A-Za-z0-9.+-]{1,30}", scheme):
        return "a URL without a service"
    before, _, _ = rest.partition("?")
    # What stands after the last @ is the host, also where a password holds a / that should have been %2F.
    place = re.split(r"[/#]", before.rpartition("@")[2], maxsplit=1)[0]
    if _WITH_HOST.fullmatch(scheme) and re.fullmatch(r"([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(:\d{1,5})?", place):
        return _short(f"{scheme}://{place}/…")
    return f"{scheme}://…"


def scrubbed(text: str, url: str) -> str:
    """`text` without any part of `url` that may be a secret: what libraries say may quote what they were given."""
    rest = url.partition("://")[2]
    parts = {part for piece in (rest, unquote(rest)) for part in re.split(r"[/?#&=@:,\s]+", piece)}
    place = redacted(url)
    secrets = {part for part in parts if len(part) >= _LEAST_SECRET and part not in place}
    for part in sorted(secrets | {url, rest} - {""}, key=len, reverse=True):
        text = text.replace(part, "***")
    return text
