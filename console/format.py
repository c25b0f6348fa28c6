"""Figures and texts as they stand on a screen: widths in cells, fixed where columns must not jiggle. Pure."""

from __future__ import annotations

import re
import time
from datetime import datetime
from functools import lru_cache

from rich.cells import cell_len, chop_cells

from workers.text import span_words

Span = tuple[str, str]
"""A text and the role that gives it its colour; see `console.theme.ROLES`."""

Spans = list[Span]


def cells(text: str) -> int:
    """How wide a text is."""
    return len(text) if text.isascii() and text.isprintable() else cell_len(text)


@lru_cache(maxsize=8192)
def cut(text: str, width: int, *, ascii_only: bool = False, middle: bool = False) -> str:
    """`text` cut to at most `width` cells, with a mark where it was cut; `middle` keeps the end of it."""
    if cells(text) <= width:
        return text
    if width <= 0:
        return ""
    mark = "~" if ascii_only else "…"
    if not middle or width < 12:
        return _head(text, width - 1) + mark
    tail = (width - 1) // 3
    return _head(text, width - 1 - tail) + mark + _tail(text, tail)


def _head(text: str, width: int) -> str:
    if width <= 0:
        return ""
    return chop_cells(text, width)[0] if cell_len(text) > width else text


def _tail(text: str, width: int) -> str:
    start = len(text)
    while start and cell_len(text[start - 1 :]) <= width:
        start -= 1
    return text[start:]


def fit(text: str, width: int, *, right: bool = False, ascii_only: bool = False, middle: bool = False) -> str:
    """`text` in exactly `width` cells, cut or padded with blanks."""
    text = cut(text, width, ascii_only=ascii_only, middle=middle)
    blanks = " " * (width - cells(text))
    return blanks + text if right else text + blanks


_WRITTEN = str.maketrans({"→": "->", "←": "<-", "…": "...", "–": "-", "—": "-", "’": "'", "“": '"', "”": '"'})
_DRAWN = str.maketrans("→←↑↓…│┃─━●○■█▌–—‘’“”·×", "><^v~||--*o###--''\"\".x")


def plain(text: str) -> str:
    """`text` in ASCII alone, for terminals that can draw nothing else."""
    return text if text.isascii() else text.translate(_WRITTEN).encode("ascii", "replace").decode("ascii")


def drawn_plain(text: str) -> str:
    """As `plain`, and every character as wide as before: for what is laid out already."""
    if text.isascii():
        return text
    return "".join(c if c.isascii() else "?" * cell_len(c) for c in text.translate(_DRAWN))


def percent(fraction: float | None, *, decimals: int = 0) -> str:
    """A fraction from 0 to 1 as a percentage without its sign; blank when unknown. 100 only when done."""
    if fraction is None:
        return ""
    value = min(max(fraction, 0.0), 1.0) * 100
    if value >= 100:
        return "100"
    scale = 10**decimals
    return f"{int(value * scale) / scale:.{decimals}f}"


def bar(fraction: float | None, width: int, *, ascii_only: bool = False) -> tuple[str, str]:
    """A bar of `width` cells as its filled part and the rest."""
    share = min(max(fraction or 0.0, 0.0), 1.0)
    if ascii_only:
        full = int(share * width)
        return "#" * full, "-" * (width - full)
    halves = int(share * width * 2)
    filled = "━" * (halves // 2) + "╸" * (halves % 2)
    return filled, "━" * (width - len(filled))


_SPARKS = "▁▂▃▄▅▆▇█"


def spark(values: list[float], width: int, *, top: float | None = None, ascii_only: bool = False) -> str:
    """The last `width` values as a line of small columns, scaled to `top` or the largest of them."""
    glyphs = "_.:|" if ascii_only else _SPARKS
    last = values[-width:]
    peak = top or max(last, default=0.0) or 1.0
    marks = (glyphs[min(int(max(value, 0.0) / peak * len(glyphs)), len(glyphs) - 1)] for value in last)
    return "".join(marks).rjust(width)


_UNITS = "kMGTPE"


def amount(number: float, *, base: float = 1000.0) -> str:
    """A number in at most five characters: 7, 812, 1.2k, 73.9M."""
    if abs(number) < base:
        return str(int(number))
    power = 0
    while power == 0 or (abs(number) >= base - 0.5 and power < len(_UNITS)):
        number /= base
        power += 1
    unit = _UNITS[power - 1]
    return f"{number:.1f}{unit}" if abs(number) < 99.95 else f"{number:.0f}{unit}"


def size(number: float) -> str:
    """Bytes for people: 812 B, 73.9 MB."""
    text = amount(number)
    return f"{text[:-1]} {text[-1]}B" if text[-1:].isalpha() else f"{text} B"


def rate(value: float | None, unit: str) -> str:
    """Speed of a job: 73.9M/s for bytes, 2.4x for media milliseconds, 12/s for items."""
    if value is None or value < 0:
        return ""
    if unit == "ms":
        return f"{value / 1000:.1f}x" if value < 100_000 else f"{value / 1000:.0f}x"
    if unit == "bytes":
        return f"{amount(value)}/s"
    return f"{value:.1f}/s" if value < 10 else f"{amount(value)}/s"


def span_of(seconds: float | None) -> str:
    """A length of time in at most six characters: 8s, 4m10s, 1h05m, 3d04h; blank when unknown."""
    if seconds is None:
        return ""
    return span_words(seconds)


def age(ms: int | None, now_ms: int) -> str:
    """How long ago a time is, in at most four characters: 12s, 4m, 3h, 2d, 7w, 3y."""
    if ms is None:
        return ""
    seconds = max(0, (now_ms - ms) // 1000)
    for limit, length, unit in ((60, 1, "s"), (3600, 60, "m"), (86400, 3600, "h"), (1209600, 86400, "d")):
        if seconds < limit:
            return f"{seconds // length}{unit}"
    weeks = seconds // 604800
    return f"{weeks}w" if weeks < 104 else f"{weeks // 52}y"


def clock(ms: int | None, now_ms: int | None = None) -> str:
    """A time of day on the person's clock, with the date when it is another day."""
    if ms is None:
        return ""
    then = time.localtime(ms / 1000)
    today = time.localtime(now_ms / 1000 if now_ms is not None else None)
    same_day = then[:3] == today[:3]
    return time.strftime("%H:%M:%S" if same_day else "%Y-%m-%d %H:%M", then)


_STAMP = re.compile(r"\b(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,3}))?Z")


def in_clock(text: str, now_ms: int | None = None) -> str:
    """A sentence with its times, which are kept and sent as RFC 3339 in UTC, as `clock` writes them."""

    def told(found: re.Match[str]) -> str:
        try:
            moment = datetime.fromisoformat(f"{found[1]}+00:00")
        except ValueError:
            return found[0]
        return clock(int(moment.timestamp() * 1000), now_ms)

    return _STAMP.sub(told, text)


def plural(number: int, word: str) -> str:
    """1 job, 14 jobs."""
    return f"{number} {word}" if number == 1 else f"{number:,} {word}s"


def width_of(spans: Spans) -> int:
    """Cells that a line takes."""
    return sum(cells(text) for text, _role in spans)


def fit_spans(spans: Spans, width: int, fill: str = "plain", *, ascii_only: bool = False) -> Spans:
    """A line in exactly `width` cells: the last span that fits is cut, blanks fill the rest."""
    line: Spans = []
    left = width
    for text, role in spans:
        if left <= 0:
            break
        text = cut(text, left, ascii_only=ascii_only)
        line.append((text, role))
        left -= cells(text)
    if left > 0:
        line.append((" " * left, fill))
    return line


def wrap(text: str, width: int) -> list[str]:
    """`text` broken at blanks into lines of at most `width` cells; longer words are chopped."""
    width = max(4, width)
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split(" "):
            joined = f"{line} {word}" if line else word
            if cell_len(joined) <= width:
                line = joined
                continue
            if line:
                lines.append(line)
            pieces = chop_cells(word, width) or [""]
            lines.extend(pieces[:-1])
            line = pieces[-1]
        lines.append(line)
    return lines
