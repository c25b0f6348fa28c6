"""Secrets kept out of the jobs' logs: what tools print is looked through line by line before it comes to the disk."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import groupby

from workers.text import BEFORE_SIGNS, NAME_ENDING, without_named, without_those_of_urls

MOST_LINE = 64 << 10  # bytes of one line; what is more of it could hide a secret at the cut
_LINE_END = re.compile(rb"[\r\n]")
_SPLIT = re.compile(rb"([\r\n])")
_COLOUR = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|[ -/][0-~])")


def _backwards() -> str:
    """The names of secrets from their last letter to their first, so that a search can begin at the sign after them."""
    words = sorted(word[::-1] for word in BEFORE_SIGNS)
    grouped = ((first, "|".join(word[1:] for word in group)) for first, group in groupby(words, lambda word: word[0]))
    return "|".join(f"{first}(?:{rest})" for first, rest in grouped)


# A log is full of words like "pass" and "session", but seldom does a sign follow one. These tell in one go over many
# lines in small letters which of them `redacted` may change; all others cost no more than this.
_BEFORE_SIGN = re.compile(rf"[=:]\s*+[\]'\"\\]{{0,5}}(?:{_backwards()})".encode())
_BEFORE_SPACE = (
    re.compile(rf"[_-](?:{NAME_ENDING}|pass|cookies?)['\"]?[\s,]".encode()),
    *(re.compile(rb"%s\s++(?=['\"]?[\w.~+/-]*[\d=])" % word) for word in (b"bearer", b"basic")),
)
_ADDRESS = re.compile(rb"://[^\s@?#]*+([@?#]?)")


def _places(lines: bytes) -> list[int]:
    """Where, in lines without colours, something stands that may be the name of a secret; in no order."""
    small = lines.lower()
    places = [found.start() for pattern in _BEFORE_SPACE for found in pattern.finditer(small)]
    last = len(small) - 1
    return places + [last - found.start() for found in _BEFORE_SIGN.finditer(small[::-1])]


def _hit(lines: bytes) -> list[tuple[int, int]]:
    """From where to where those lines reach, without their ends, that may name a secret."""
    spans: list[tuple[int, int]] = []
    reached = -1
    for place in sorted(_places(lines)):
        if place > reached:
            after = reached + 1
            start = max(lines.rfind(b"\n", after, place), lines.rfind(b"\r", after, place), reached) + 1
            ended = _LINE_END.search(lines, place)
            reached = ended.start() if ended else len(lines)
            spans.append((start, reached))
    return spans


def _has_open_address(lines: bytes) -> bool:
    return b"://" in lines and any(found[1] for found in _ADDRESS.finditer(lines))


def _changed(data: bytes, change: Callable[[str], str]) -> bytes:
    return change(data.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")


def without_secrets(data: bytes) -> bytes:
    """Whole lines as they are, but for what may let a stranger in; bytes that are no text stay as they are.

    A line that holds a secret also loses its colours.
    """
    if b"\x1b" not in data:
        return _without_those_of_bare(data)
    bare = _COLOUR.sub(b"", data)
    kept = _without_those_of_bare(bare)
    if kept == bare:
        return data
    lines = zip(*map(_SPLIT.split, (data, bare, kept)), strict=True)
    return b"".join(line if before == after else after for line, before, after in lines)


def _without_those_of_bare(data: bytes) -> bytes:
    if _has_open_address(data):
        data = _changed(data, without_those_of_urls)
    out, done = [], 0
    for start, end in _hit(data):
        out += [data[done:start], _changed(data[start:end], without_named)]
        done = end
    return b"".join((*out, data[done:])) if out else data


def _cut_off(line: bytes) -> tuple[bytes, int]:
    """The beginning of a line that is too long, up to the end of a word, as a part of one might not look secret.

    And how many bytes were left out.
    """
    kept = line[:MOST_LINE].rfind(b" ") + 1
    return without_secrets(line[:kept]), len(line) - kept


def _words_for(left_out: int) -> bytes:
    return f"… {left_out:,} more bytes of this line were left out".encode()


def _by_lines(data: bytes) -> bytes:
    """`without_secrets` of lines that have ended, but for what of each is too long."""
    out, done, start = [], 0, 0
    while len(data) - start > MOST_LINE:
        far = start + MOST_LINE + 1
        if next_start := max(data.rfind(b"\n", start, far), data.rfind(b"\r", start, far)) + 1:
            start = next_start
            continue
        ended = _LINE_END.search(data, far)
        end = ended.start() if ended else len(data)
        kept, left_out = _cut_off(data[start:end])
        out += [without_secrets(data[done:start]), kept, _words_for(left_out)]
        done = start = end
    return b"".join((*out, without_secrets(data[done:])))


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
            ready += _by_lines(self._begun + data[:cut])
            self._begun = data[cut:]
        else:
            self._begun += data
        if len(self._begun) > MOST_LINE:
            kept, self._left_out = _cut_off(self._begun)
            self._begun = b""
            ready += kept
        return ready

    def _told(self) -> bytes:
        left_out, self._left_out = self._left_out or 0, None
        return _words_for(left_out)

    def end(self) -> bytes:
        """What was kept back, at the end of all."""
        if self._left_out is not None:
            return self._told()
        line, self._begun = self._begun, b""
        return without_secrets(line)
