"""Secrets kept out of the jobs' logs: what tools print is looked through line by line before it comes to the disk."""

from __future__ import annotations

import re

from workers.text import SECRET_SIGNS, names_secrets, without_named, without_those_of_urls

MOST_LINE = 64 << 10  # bytes of one line; what is more of it could hide a secret at the cut
_LINE = re.compile(r"[^\r\n]+")
_LINE_END = re.compile(rb"[\r\n]")
_SIGNS = tuple(sign.encode() for sign in SECRET_SIGNS)


def without_secrets(data: bytes) -> bytes:
    """Whole lines as they are, but for what may let a stranger in; bytes that are no text stay as they are."""
    small = data.lower()
    if not any(sign in small for sign in _SIGNS):
        return data
    text = without_those_of_urls(data.decode("utf-8", "surrogateescape"))
    if names_secrets(text):  # some words reach to the end of a line
        text = _LINE.sub(lambda line: without_named(line[0]), text)
    return text.encode("utf-8", "surrogateescape")


class LogFilter:
    """Takes what comes out of a pipe in pieces of any size, and gives it on by whole lines; for one thread at a time.

    A carriage return ends a line, too, as in the progress of tools. A line that has only begun is kept back, which
    nobody sees: readers are given whole lines as well. Of a very long one the rest is left out, and its bytes told.
    """

    def __init__(self) -> None:
        self._begun = b""
        self._left_out: int | None = None  # bytes, while the rest of a long line passes by

    def feed(self, data: bytes) -> bytes:
        """What may be written now."""
        ready = b""
        if self._left_out is not None:
            ended = _LINE_END.search(data)
            self._left_out += ended.start() if ended else len(data)
            if ended is None:
                return b""
            ready, data = self._told(), data[ended.start() :]
        cut = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
        if cut:
            ready += without_secrets(self._begun + data[:cut])
            self._begun = data[cut:]
        else:
            self._begun += data
        return ready + self._cut_off() if len(self._begun) > MOST_LINE else ready

    def _cut_off(self) -> bytes:
        """The beginning of a line that is too long, up to the end of a word: a part of one might not look secret."""
        line, self._begun = self._begun, b""
        kept = line[:MOST_LINE].rfind(b" ") + 1
        self._left_out = len(line) - kept
        return without_secrets(line[:kept])

    def _told(self) -> bytes:
        left_out, self._left_out = self._left_out, None
        return f"… {left_out:,} more bytes of this line were left out".encode()

    def end(self) -> bytes:
        """What was kept back, at the end of all."""
        if self._left_out is not None:
            return self._told()
        line, self._begun = self._begun, b""
        return without_secrets(line)
