"""What waits to be written. Not for several threads at once: its owner's lock guards it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from workers.cache import counters
from workers.cache.counters import Buckets, Counts
from workers.cache.memory import Kept

_MOST_BYTES = 64 << 20  # that wait for a disk which does not keep up; more is not kept
_MUCH_BYTES = 16 << 20  # that are better written at once
_MOST_BUCKETS = 10_000  # of counts that wait for a store


@dataclass(slots=True)
class Backlog:
    """Results, keys that were used, keys that are broken, counts, and kept files that nobody has counted yet."""

    rows: dict[bytes, Kept] = field(default_factory=dict)
    used: set[bytes] = field(default_factory=set)
    broken: set[bytes] = field(default_factory=set)
    counts: Buckets = field(default_factory=dict)
    files: dict[str, tuple[int, int]] = field(default_factory=dict)  # new ones and their bytes, by category
    generation: int = -1  # of the store as the results were put; -1 before anybody has looked
    size: int = 0  # of the results, in bytes of memory

    def put(self, key: bytes, kept: Kept) -> bool:
        """Have a result written; False when too much waits already."""
        old = self.rows.pop(key, None)
        if old is not None:
            self.size -= old.size
        if self.size + kept.size > _MOST_BYTES:
            return False
        self.rows[key] = kept
        self.size += kept.size
        return True

    def written(self, rows: Iterable[tuple[bytes, Kept]]) -> None:
        """These are in the store now, or never will be; what was put since then for the same keys still waits."""
        for key, kept in rows:
            if self.rows.get(key) is kept:
                del self.rows[key]
                self.size -= kept.size

    def forget_rows(self) -> None:
        """Write none of the results."""
        self.rows.clear()
        self.size = 0

    def count(self, now: float, category: str, counts: Counts) -> None:
        """Count something that happened now."""
        counters.add(self.counts, now, category, counts)

    def new_files(self, category: str, number: int, size: int) -> None:
        """Files were kept."""
        before = self.files.get(category, (0, 0))
        self.files[category] = (before[0] + number, before[1] + size)

    def take(self) -> Backlog:
        """All of it. The results stay here too, to be seen until they are written."""
        taken = Backlog(dict(self.rows), self.used, self.broken, self.counts, self.files, self.generation)
        self.used, self.broken, self.counts, self.files = set(), set(), {}, {}
        return taken

    def give_back(self, taken: Backlog) -> None:
        """What could not be written now may be later."""
        self.used |= taken.used
        self.broken |= taken.broken
        if len(self.counts) > _MOST_BUCKETS:
            return
        for (at, category), counts in taken.counts.items():
            counters.add(self.counts, at, category, counts)

    @property
    def urgent(self) -> bool:
        """Whether it should not wait a second for more."""
        return bool(self.broken) or self.size > _MUCH_BYTES

    @property
    def any(self) -> bool:
        """Whether there is anything."""
        return bool(self.rows or self.broken or self.used or self.counts or self.files)
