"""Asking a front door that only watches from asyncio: one thread of its own, one connection."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

D = TypeVar("D")
P = ParamSpec("P")
T = TypeVar("T")


class Watcher(Generic[D]):
    """Runs questions to a door one after the other, away from the loop."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spool-watch")
        self._door: D | None = None

    async def open(self, made: Callable[[], D]) -> None:
        """Make the door, in the thread that will use it."""
        self._door = await self._run(made)

    async def ask(self, method: Callable[Concatenate[D, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `method` answers; the door was opened."""
        assert self._door is not None, "the watcher was not opened"
        return await self._run(partial(method, self._door, *args, **kwargs))

    async def close(self, end: Callable[[D], Any]) -> None:
        """End the door and its thread."""
        if self._door is not None:
            await self._run(partial(end, self._door))
        self._thread.shutdown(wait=False)

    async def _run(self, work: Callable[[], T]) -> T:
        import asyncio  # not loaded by a short command

        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
