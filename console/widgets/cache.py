"""How kept results help, as lines: one for each category that holds or was asked anything."""

from __future__ import annotations

from console.format import Spans, amount, fit, percent, size, span_of
from workers.client import CacheStats, CategoryStats, Counts
from workers.text import clean

_NARROW = 70  # cells; below, limits and evictions are left out


def cache_title(stats: CacheStats | None) -> str:
    """What is kept in all."""
    if stats is None or stats.problem:
        return "Kept results"
    return f"Kept results: {stats.entries:,}, {size(stats.bytes)} of {size(stats.limit_bytes)}"


def cache_lines(stats: CacheStats | None, width: int) -> list[Spans]:
    """The categories in use, under a head."""
    if stats is None:
        return [[(" …", "dim")]]
    if stats.problem:
        return [[(f" {clean(stats.problem)}", "bad")]]
    used = [one for one in stats.categories if one.entries or any(map(_happened, one.spans.values()))]
    if not used:
        return [[(" nothing was asked of them yet", "dim")]]
    return [cache_head(width), *(cache_line(one, width) for one in used)]


def _happened(counts: Counts) -> bool:
    return counts != Counts()


def cache_head(width: int) -> Spans:
    """The titles over the categories."""
    words = f" {fit('Category', 14)}{fit('Entries', 8, right=True)}{fit('Size', 9, right=True)}"
    words += fit("of", 9, right=True) if width >= _NARROW else ""
    words += f"{fit('Hits 1h', 9, right=True)}{fit('start', 7, right=True)}{fit('Saved', 8, right=True)}"
    return [(words + (fit("Evicted", 9, right=True) if width >= _NARROW else ""), "head")]


def cache_line(category: CategoryStats, width: int) -> Spans:
    """One category; a dash where nothing was asked."""
    start = category.spans["start"]
    near_full = category.bytes > 0.9 * category.limit_bytes
    spans: Spans = [
        (" " + fit(category.name, 14), "plain"),
        (fit(amount(category.entries) if category.entries else "-", 8, right=True), "plain"),
        (fit(size(category.bytes), 9, right=True), "warn" if near_full and category.entries else "plain"),
    ]
    if width >= _NARROW:
        spans.append((fit(size(category.limit_bytes), 9, right=True), "dim"))
    spans += [
        _ratio(category.spans["1h"], 9),
        _ratio(start, 7),
        (fit(span_of(start.saved_s) if start.hits else "-", 8, right=True), "good" if start.saved_s >= 1 else "dim"),
    ]
    if width >= _NARROW:
        gone = amount(start.evictions) if start.evictions else "-"
        spans.append((fit(gone, 9, right=True), "warn" if start.evictions else "dim"))
    return spans


def _ratio(counts: Counts, room: int) -> tuple[str, str]:
    ratio = counts.ratio
    if ratio is None:
        return fit("-", room, right=True), "dim"
    return fit(f"{percent(ratio)}%", room, right=True), "good" if ratio >= 0.5 else "plain"
