"""URLs that hold passwords and keys: what of them may be shown. Pure."""

from __future__ import annotations

import re
from urllib.parse import unquote

from workers.text import clean, shorten

_NAME_LIMIT = 60  # characters of a way's name
_LEAST_SECRET = 3  # shorter parts of a URL are words such as "me" and "to" that would black out half a message

# Services whose URL names a host there; in the place of a host, others have a token.
_WITH_HOST = re.compile(r"(apprise|form|gotify|json|mailto|matrix|xml)s?", re.IGNORECASE)


def short_name(text: str) -> str:
    """`text` as a part of a way's name."""
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
        return short_name(f"{scheme}://{place}/…")
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
