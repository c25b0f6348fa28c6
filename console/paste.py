"""What was pasted or dropped on the terminal: URLs, or paths as file managers write them. Pure."""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

_URL = re.compile(r"https?://[^\s\"'<>]+", re.IGNORECASE)
_SHORT = 12  # a burst of fewer characters without blanks is rather keys than text
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Pasted:
    """URLs and absolute paths found in a paste, in their order, each once; and words of it that are neither."""

    urls: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.urls or self.paths)


@dataclass(slots=True)
class _Found:
    urls: dict[str, None] = field(default_factory=dict)
    paths: dict[str, None] = field(default_factory=dict)
    left: dict[str, None] = field(default_factory=dict)

    def add(self, word: str) -> None:
        if _URL.fullmatch(word):
            self.urls[word] = None
        elif path := _as_path(word):
            self.paths[path] = None
        elif word:
            self.left[word] = None


def _as_path(word: str) -> str:
    """An absolute path, or empty: relative names mean nothing on the worker's host."""
    if word.lower().startswith("file://"):
        parts = urlsplit(word)
        if parts.netloc not in ("", "localhost"):
            return ""
        word = unquote(parts.path, errors="surrogateescape")
    elif _SCHEME.match(word):
        return ""
    if word.startswith("~/"):
        word = os.path.expanduser(word)
    return os.path.normpath(word) if word.startswith("/") and word.strip("/") else ""


def _words(line: str) -> list[str]:
    """A line split as a shell would: GNOME's quotes and `\\ ` escapes; as it stands when its quotes do not match."""
    try:
        return shlex.split(line, posix=True)
    except ValueError:
        return [line]


def parse(text: str) -> Pasted:
    """URLs and paths in pasted text. A line that is one path with bare blanks in it counts as one path."""
    found = _Found()
    for raw in re.split(r"[\r\n]+", text.replace("\x00", "")):
        line = raw.strip()
        if not line or line.startswith("#"):  # text/uri-list comments
            continue
        if _URL.match(line):
            for word in line.split():
                found.add(word)
            continue
        words = _words(line)
        if line.startswith(("/", "~/")) and not all(_as_path(word) for word in words):
            found.add(line)  # /media/My Film.mkv, not escaped at all
            continue
        for word in words:
            found.add(word)
    return Pasted(tuple(found.urls), tuple(found.paths), tuple(found.left))


def looks_typed(text: str) -> bool:
    """Whether a burst of keys may be keys meant singly (a slow line, one held down) and no pasted text."""
    if parse(text):
        return False
    words = text.split()
    return len(set(text)) <= 3 or (len(words) <= 1 and len("".join(words)) < _SHORT)


def missing(paths: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the paths that do not exist on this host."""
    return tuple(path for path in paths if not os.path.exists(path))
