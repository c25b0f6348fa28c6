"""What stays true for a while of what a site tells: the entries of a list, and what there is on a page. Pure.

Addresses of the films themselves are never among it. Most of them end within hours, some within minutes, and nothing
in them says so in a way that all sites share: whoever downloads asks the page anew.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from workers.media.refusals import without_query
from workers.text import clean

_POINTERS = ("url", "url_transparent")  # kinds of entries that only name a page
_FILMS = frozenset({"formats", "requested_formats", "fragments", "requested_downloads"})
_PASSING = ("__x_forwarded_for_ip", "requested_entries")
# Names in the query of an address that ends by itself, or that says who asks.
_PRIVATE = """
    e exp expire expires expiry hdnea hdnts hmac key-pair-id policy sig signature st x-amz-expires x-amz-signature
    x-goog-expires x-goog-signature access_token api_key apikey auth key pass password secret session sid token
"""
_OWN = frozenset(_PRIVATE.split())
_MOST_ENTRIES = 500  # that are told of a list


def lasting_list(result: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What yt-dlp found at the address of a list, as JSON has it, when all of it stays true for a while; else None.

    It does where each entry only points to a page, by an address that does not end by itself.
    """
    if not result or result.get("_type") != "playlist":
        return None
    entries = result.get("entries")
    if (
        not isinstance(entries, list)
        or not entries
        or not all(isinstance(one, dict) and _lasts(one) for one in entries)
    ):
        return None
    try:
        text = json.dumps({name: value for name, value in result.items() if name not in _PASSING})
    except (TypeError, ValueError, RecursionError):
        return None
    made: dict[str, Any] = json.loads(text)
    return made


def _lasts(entry: Mapping[str, Any]) -> bool:
    url = entry.get("url")
    points = entry.get("_type") in _POINTERS and _FILMS.isdisjoint(entry)
    return points and isinstance(url, str) and address_lasts(url)


def address_lasts(url: str) -> bool:
    """Whether an address is the same for everybody and stays as it is, as far as its words tell."""
    try:
        parts = urlsplit(url)
        words = {name.lower() for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    except ValueError:
        return False
    return "@" not in parts.netloc and words.isdisjoint(_OWN)


def told_of(info: Mapping[str, Any], url: str) -> dict[str, Any]:
    """What there is at an address, for people: seconds, pixels, bytes; None where nobody tells."""
    told = {
        "title": without_query(clean(str(info.get("title") or info.get("id") or "")), url),
        "id": without_query(clean(str(info.get("id") or "")), url),
        "site": clean(str(info.get("extractor_key") or "")),
        "uploader": clean(str(info.get("uploader") or info.get("channel") or "")),
    }
    if info.get("_type") in ("playlist", "multi_video"):
        return told | _list(info, url)
    formats = [one for one in info.get("formats") or [] if isinstance(one, dict)]
    heights = {one["height"] for one in formats if isinstance(one.get("height"), int) and one.get("vcodec") != "none"}
    return told | {
        "duration_s": _number(info.get("duration")),
        "live": info.get("live_status") in ("is_live", "is_upcoming") or bool(info.get("is_live")),
        "heights": sorted(heights, reverse=True),
        "size": int(max((_number(one.get("filesize")) or 0 for one in formats), default=0)) or None,
        "subtitles": sorted(clean(str(language)) for language in info.get("subtitles") or {}),
    }


def _list(info: Mapping[str, Any], url: str) -> dict[str, Any]:
    entries: Sequence[Any] = [one for one in info.get("entries") or [] if isinstance(one, Mapping)]
    return {
        "count": len(entries),
        "entries": [
            {
                "title": without_query(clean(str(one.get("title") or one.get("id") or one.get("url") or "")), url),
                "id": without_query(clean(str(one.get("id") or "")), url),
                "duration_s": _number(one.get("duration")),
            }
            for one in entries[:_MOST_ENTRIES]
        ],
    }


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0 else None
