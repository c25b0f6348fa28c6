"""One job at the result cache: what it may take from there, and what it leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workers.cache.cache import Made, Need, ResultCache
from workers.jobs import ItemRecord, Outcome
from workers.operations.contract import Operation
from workers.runner.messages import NAME_DIGITS, UNKEPT, Offered


@dataclass(frozen=True, slots=True)
class Sorted:
    """What the cache says to offered items, by their places."""

    cached: tuple[int, ...] = ()
    elsewhere: tuple[int, ...] = ()
    records: tuple[ItemRecord, ...] = ()  # the outcomes of the cached


class CacheDesk:
    """For the supervisor of one job. Two jobs that want the same have it made once: the second one waits."""

    def __init__(self, cache: ResultCache, job_id: int, operation: Operation[Any] | None) -> None:
        self._cache = cache
        self._job_id = job_id
        self._category = operation.cache_category if operation is not None else None
        self._used = False

    def sort(self, offered: Offered, finished: set[int]) -> Sorted:
        """What of the offered items that are not finished is kept, or in the making elsewhere."""
        if self._category is None or not offered.kept:
            return Sorted()
        starts = range(0, len(offered.kept), NAME_DIGITS)
        names = [offered.kept[start : start + NAME_DIGITS] for start in starts]
        places = [place for place, name in enumerate(names) if place not in finished and name != UNKEPT]
        self._used = True
        answers = self._cache.ask(self._job_id, self._category, [_split(names[place]) for place in places])
        cached, elsewhere, records = [], [], []
        for place, answer in zip(places, answers, strict=True):
            if isinstance(answer, str):
                cached.append(place)
                records.append(ItemRecord(offered.keys[place], Outcome.CACHED, detail=answer))
            elif answer is Need.WAIT:
                elsewhere.append(place)
        return Sorted(tuple(cached), tuple(elsewhere), tuple(records))

    def keep(self, records: Sequence[ItemRecord]) -> None:
        """Keep what these items gave; of those that failed or left files, nothing."""
        if self._category is None or not self._used:
            return
        named = [(record, *_split(record.kept)) for record in records if record.kept and record.kept != UNKEPT]
        made = [
            Made(key, stamp, record.key, record.detail, record.cost_s)
            for record, key, stamp in named
            if record.outcome is Outcome.DONE and not record.outputs
        ]
        if made:
            self._cache.put(self._job_id, self._category, made)
        given_up = [key for record, key, _ in named if record.outcome is not Outcome.DONE or record.outputs]
        if given_up:
            self._cache.give_up(self._job_id, given_up)

    def release(self) -> None:
        """The job has left, or stands still: nothing is in the making for it, and whoever waits for it makes it."""
        if self._used:
            self._cache.release(self._job_id)


def _split(name: str) -> tuple[bytes, bytes]:
    raw = bytes.fromhex(name)
    return raw[: len(raw) // 2], raw[len(raw) // 2 :]
