"""Untrusted text made safe for a terminal, a log line or a table. Pure.

Titles, tags, file names and tool output come from strangers. They pass `clean` once, where they enter.
"""

from __future__ import annotations

import re
import unicodedata

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Passwords may hold what no address should: what follows a first colon is one up to an @, unless it is a port.
_PASSWORD_OF_URL = re.compile(
    r"(?<=://)(?:[^\s/?#\"<>]*@)?(?:(?!\[)[^\s/:@?#\"<>]*:(?!\d{1,5}[/?#'),;\]])[^\s\"<>]{0,256}@)*+", re.ASCII
)
_QUERY = re.compile(r"(://(?:[^\s:?#'\"<>]++|:(?!//))*+)[?#][^\s'\"<>]*+", re.ASCII)
_COLOUR = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[ -/][0-~])")
_LINE = re.compile(r"[^\r\n]+")

# What a secret is called. Some words are one in any place, some are words of sentences, too: "unexpected token: ;".
_OWNER = r"(?:api|access|secret|private|auth|session|account|user|license|master|signing|(?:en|de)cryption)"
_KEY = rf"(?:[_-]|{_OWNER})key"
_ALWAYS = rf"(?:secret|passw(?:or)?d|passphrase|session[_-]?id|{_KEY}|(?<![a-z0-9])pwd)"
_OFTEN = rf"(?:{_ALWAYS}|token|signature|(?<![a-z0-9])(?:sig|pass))"
_PART = rf"(?:{_ALWAYS}|[\w-](?:token|signature)|[_-](?:sig|pass))"
NAME_ENDING = rf"{_OWNER}?(?:token|secret|passw(?:or)?d|passphrase|pwd|key)"
"""A regular expression for small letters: the end of names, after a dash, that stand before a blank."""
_ENDING = rf"[_-]{NAME_ENDING}"
_OPTION = rf"(?<![\w-])(?=-)(?:[\w-]{{0,40}}{_ENDING}|--?cookie|--pass|-cookies)"
_HEADER = r"(?<![a-z0-9])(?:(?:set-)?cookie2?|(?:proxy-)?authorization)"
_PROSE = r"(?<![\w-])(?:token|signature|sig|key|pass)"

# What it looks like. A quote that is not closed, or a bracket, reaches to the end of the line.
_QUOTE = r"\\{0,3}['\"]"
_ESCAPED = r"\\{1,3}['\"](?:(?!\\{1,3}['\"]).)*+(?:\\{1,3}['\"])?"
_QUOTED = rf"(?:'(?:[^'\\]++|\\.?)*+'?|\"(?:[^\"\\]++|\\.?)*+\"?|{_ESCAPED})"
_STRING = rf"(?:[bruf]{{1,2}}(?=['\"]))?{_QUOTED}(?:{_QUOTED}|\\.|\w)*+"
_VALUE = rf"(?:{_STRING}|[^\s'\"&,;\[({{]*+[\[({{].*+|(?:\\.|[^\s'\"&,;])++)"
_ARGUMENT = rf"(?!--|…)(?:{_QUOTED}|\\.|[^\s'\"])++"
_RANDOM = r"(?=['\"]?[\w.~+/=-]{8})(?=['\"]?[\w.~+/-]*[\d=])"

_COLON = r"\s*+:(?!:|//)\s*+(?!…)"
_EQUALS = rf"(?:{_QUOTE})?\]?\s*+(?:={{1,2}}+>?+|:=)\s*+(?!…)"
# Each with the signs without which it finds nothing: looked for first, they cost next to nothing.
_NAMED = tuple(
    (signs, re.compile(pattern, re.ASCII | re.IGNORECASE))
    for signs, pattern in (
        ("", rf"({_HEADER}(?:{_QUOTE})?\]?\s*+[:=](?!:)\s*+(?!…))\S.*+"),
        (":", rf"((?:{_PART}|^\W*+token){_COLON})(?:{_STRING}|\S.*+)"),
        ("-=", rf"((['\"])--?[\w-]{{0,40}}{_OFTEN}=)(?!…)(?:(?!\2).)++"),
        (":", rf"({_OFTEN}{_QUOTE}\]?{_COLON}){_VALUE}"),
        ("=", rf"((?:{_OFTEN}|(?<![a-z0-9])key){_EQUALS}){_VALUE}"),
        (":", rf"({_PROSE}(?:{_QUOTE})?{_COLON}){_RANDOM}{_VALUE}"),
        ("-,", rf"({_OPTION}['\"]\s*+,\s*+)(?!…){_VALUE}"),
        ("-", rf"({_OPTION}['\"]?\s++(?!,)){_ARGUMENT}"),
        ("", rf"((?:(?<![a-z0-9])(?:bearer|basic)|{_ENDING})\s++){_RANDOM}['\"]?[^\s'\"&,;]++"),
    )
)
BEFORE_SIGNS = (
    *("token", "secret", "password", "passwd", "passphrase", "pwd", "pass", "key", "signature", "sig"),
    *("sessionid", "session_id", "session-id", "cookie", "cookie2", "authorization"),
)
"""The ends of names, in small letters, one of which stands before a colon or `=` where `redacted` looks for either."""


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
    """`text` without what may let a stranger in, line by line: passwords and queries of URLs, what is named a secret.

    With `queries=False` queries of URLs stay, but for what is called a token or the like: for what names an input.
    A line that holds a secret also loses its colours, which could stand between a name and its sign.
    """
    return _LINE.sub(lambda line: _redacted_line(line[0], queries), text)


def _redacted_line(line: str, queries: bool) -> str:
    bare = _COLOUR.sub("", line) if "\x1b" in line else line
    kept = without_named(without_those_of_urls(bare, queries=queries))
    return line if kept == bare else kept


def without_those_of_urls(text: str, *, queries: bool = True) -> str:
    """The first half of `redacted`: what stands in URLs of lines without colours."""
    if "://" not in text:
        return text
    text = _PASSWORD_OF_URL.sub("", text)
    return _QUERY.sub(r"\1?…", text) if queries else text


def without_named(line: str) -> str:
    """The other half of `redacted`: what a word before it calls a secret, in one line without colours."""
    for signs, pattern in _NAMED:
        if all(sign in line for sign in signs):
            line = pattern.sub(r"\1…", line)
    return line


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
