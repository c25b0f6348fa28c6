"""Who in the runner waits for which answer of the worker, besides its own threads."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

Taker = Callable[[bytes], None]


class Routes:
    """Takers of answers, by the path they asked about: first asked, first answered. Any thread may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._takers: dict[str, deque[Taker]] = {}

    def add(self, path: str, taker: Taker) -> None:
        """`taker` wants the next answer about `path` that nobody before it wants."""
        with self._lock:
            self._takers.setdefault(path, deque()).append(taker)

    def take(self, path: str) -> list[Taker]:
        """Who gets an answer about `path`; an empty path is about everything that was asked."""
        with self._lock:
            if not path:
                everybody = [taker for takers in self._takers.values() for taker in takers]
                self._takers.clear()
                return everybody
            takers = self._takers.get(path)
            if not takers:
                return []
            taker = takers.popleft()
            if not takers:
                del self._takers[path]
            return [taker]
