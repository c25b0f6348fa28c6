"""Untrusted text made safe for a terminal, a log line or a table. Pure.

Titles, tags, file names and tool output come from strangers. They pass `clean` once, where they enter.
"""

from __future__ import annotations

import re
import unicodedata

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_SECRET = r"(?:token|secret|passw(?:or)?d|passphrase|api[_-]?key|access[_-]?key|signature|session[_-]?id)"
_PASSWORD_OF_URL = re.compile(r"(?<=://)[^\s/@?#]*@")
_URL = re.compile(r"(://[^\s?#'\"<>]*)([?#][^\s'\"<>]*)?")
_NAME = r"(?:set-)?cookie|(?:proxy-)?authorization|x-[a-z-]{0,30}(?:token|secret|key|signature)"
_HEADER = re.compile(rf"(?i)\b({_NAME})(['\"]?\s{{0,8}}[:=])[^\n]*")
_VALUE = re.compile(
    rf"(?i)({_SECRET}\s{{0,8}}=\s{{0,8}}|{_SECRET}['\"]\s{{0,8}}:\s{{0,8}})(?:'[^'\n]*'|\"[^\"\n]*\"|[^\s'\"&,;]+)"
)
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+(?=[\w.~+/-]*[\d=])[\w.~+/=-]{8,}")

# What stands in every text that a pattern finds, in small letters: looked for first, it costs next to nothing.
_HEADER_SIGNS = ("cookie", "authorization", "x-")
_VALUE_SIGNS = ("token", "secret", "pass", "api", "access", "signature", "session")
_BEARER_SIGNS = ("bearer", "basic")
_NAMED_SIGNS = (*_HEADER_SIGNS, *_VALUE_SIGNS, *_BEARER_SIGNS)
SECRET_SIGNS = ("://", *_NAMED_SIGNS)
"""In small letters: where none of them is in a text, `redacted` changes nothing of it."""
_PATTERNS = (
    (_HEADER_SIGNS, _HEADER, r"\1\2 …"),
    (_VALUE_SIGNS, _VALUE, r"\1…"),
    (_BEARER_SIGNS, _BEARER, r"\1 …"),
)


def _safe(char: str) -> str:
    if char in "\t\n\r":
        return " "
    if char in _BIDI:
        return "?"
    category = unicodedata.category(char)
    if category in ("Cc", "Cf", "Cs", "Zl", "Zp"):
        # A soft hyphen, joiner or BOM changes what a cell shows without being seen; a control acts on the terminal.
        return f"\\x{ord(char):02x}" if ord(char) < 256 else "?"
    return char


def clean(text: str) -> str:
    """`text` on one line, with every control, bidirectional and surrogate character made visible and harmless."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_safe, text))


def clean_lines(text: str) -> str:
    """As `clean`, but lines stay lines; a carriage return counts as a line end (progress bars of tools)."""
    return "\n".join(clean(line) for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))


def redacted(text: str, *, queries: bool = True) -> str:
    """`text` without what may let a stranger in: passwords and queries of URLs, cookies, tokens that say so.

    With `queries=False` queries of URLs stay, but for what is called a token or the like: for what names an input.
    """
    return without_named(without_those_of_urls(text, queries=queries))


def without_those_of_urls(text: str, *, queries: bool = True) -> str:
    """The first half of `redacted`: what stands in URLs. It changes nothing of lines and white space."""
    if "://" not in text:
        return text
    text = _PASSWORD_OF_URL.sub("", text)
    return _URL.sub(lambda url: url[1] + ("?…" if url[2] else ""), text) if queries else text


def without_named(text: str) -> str:
    """The other half of `redacted`: what a word before it calls a secret."""
    small = text.casefold()
    for signs, pattern, kept in _PATTERNS:
        if any(sign in small for sign in signs):
            text = pattern.sub(kept, text)
    return text


def names_secrets(text: str) -> bool:
    """Whether `without_named` may change something of a text."""
    small = text.casefold()
    return any(sign in small for sign in _NAMED_SIGNS)


def size_words(number: float) -> str:
    """Bytes for people, with as many digits as tell something: 812 B, 45.1 kB, 73.9 MB, 1.2 GB."""
    unit = "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if abs(number) < 999.95:
            break
        number, unit = number / 1000, larger
    return f"{number:.0f} B" if unit == "B" else f"{number:,.1f} {unit}"


def span_words(seconds: float) -> str:
    """A length of time in at most six characters: 8s, 4m10s, 1h05m, 3d04h."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    if whole < 8640000:
        return f"{whole // 86400}d{whole % 86400 // 3600:02}h"
    return f"{whole // 86400}d"


def shorten(text: str, limit: int) -> str:
    """`text` cut to `limit` characters in the middle, so that the end (the extension) stays."""
    if len(text) <= limit:
        return text
    if limit < 1:
        return ""
    head = (limit - 1) * 2 // 3
    return f"{text[:head]}…{text[len(text) - (limit - 1 - head) :]}"
