"""One job at the result cache: what it may take from there, and what it leaves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import Any

from workers.cache.cache import Made, Need, ResultCache
from workers.errors import InvalidParams
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

    def __init__(
        self, cache: ResultCache, job_id: int, operation: Operation[Any] | None, params: Mapping[str, Any]
    ) -> None:
        self._cache = cache
        self._job_id = job_id
        self._category = _categories(operation, params)
        self._used = False

    def sort(self, offered: Offered, finished: set[int]) -> Sorted:
        """What of the offered items that are not finished is kept, or in the making elsewhere."""
        if self._category is None or not offered.kept:
            return Sorted()
        starts = range(0, len(offered.kept), NAME_DIGITS)
        names = [offered.kept[start : start + NAME_DIGITS] for start in starts]
        places = [place for place, name in enumerate(names) if place not in finished and name != UNKEPT]
        self._used = True
        answers: list[tuple[int, str | Need]] = []
        for category, some in self._grouped(offered.keys, places).items():
            asked = self._cache.ask(self._job_id, category, [_split(names[place]) for place in some])
            answers += zip(some, asked, strict=True)
        return _sorted(offered, answers)

    def _grouped(self, keys: Sequence[str], places: list[int]) -> Mapping[str, list[int]]:
        """The places by the category that the result of their key belongs to."""
        assert self._category is not None
        if isinstance(self._category, str):
            return {self._category: places}
        grouped = defaultdict[str, list[int]](list)
        for place in places:
            grouped[self._category(keys[place])].append(place)
        return grouped

    def keep(self, records: Sequence[ItemRecord]) -> None:
        """Keep what these items gave; of those that failed or left files, nothing."""
        if self._category is None or not self._used:
            return
        made, given_up = defaultdict[str, list[Made]](list), list[bytes]()
        for record in records:
            if not record.kept or record.kept == UNKEPT:
                continue
            key, stamp = _split(record.kept)
            if record.outcome is Outcome.DONE and not record.outputs:
                one = Made(key, stamp, record.key, record.detail, record.cost_s)
                category = self._category if isinstance(self._category, str) else self._category(record.key)
                made[category].append(one)
            else:
                given_up.append(key)
        for category, some in made.items():
            self._cache.put(self._job_id, category, some)
        if given_up:
            self._cache.give_up(self._job_id, given_up)

    def release(self) -> None:
        """The job has left, or stands still: nothing is in the making for it, and whoever waits for it makes it."""
        if self._used:
            self._cache.release(self._job_id)


def _split(name: str) -> tuple[bytes, bytes]:
    raw = bytes.fromhex(name)
    return raw[: len(raw) // 2], raw[len(raw) // 2 :]


def _categories(operation: Operation[Any] | None, params: Mapping[str, Any]) -> str | Callable[[str], str] | None:
    """The category of all items, or what tells it by the key of one; None when nothing of the job is kept."""
    if operation is None or operation.cache_category is None:
        return None
    if operation.category_of is not None:
        try:
            return partial(operation.category_of, operation.validate(params))
        except InvalidParams:
            return None  # the runner will say so
    return operation.cache_category


def _sorted(offered: Offered, answers: Sequence[tuple[int, str | Need]]) -> Sorted:
    cached, elsewhere, records = [], [], []
    for place, answer in sorted(answers, key=itemgetter(0)):
        if isinstance(answer, str):
            cached.append(place)
            records.append(ItemRecord(offered.keys[place], Outcome.CACHED, detail=answer))
        elif answer is Need.WAIT:
            elsewhere.append(place)
    return Sorted(tuple(cached), tuple(elsewhere), tuple(records))
