from __future__ import annotations

import threading

import pytest

from workers.watcher import Watcher


class Door:
    """Remembers which threads came through it."""

    def __init__(self) -> None:
        self.threads = {threading.get_ident()}

    def ask(self, number: int, *, fail: bool = False) -> int:
        self.threads.add(threading.get_ident())
        if fail:
            raise ValueError(number)
        return number + 1


async def test_one_thread_asks_everything() -> None:
    watcher: Watcher[Door] = Watcher()
    await watcher.open(Door)
    assert [await watcher.ask(Door.ask, number) for number in (1, 2)] == [2, 3]
    with pytest.raises(ValueError, match="7"):
        await watcher.ask(Door.ask, 7, fail=True)
    threads = await watcher.ask(lambda door: door.threads)
    assert len(threads) == 1 and threading.get_ident() not in threads
    ended: list[Door] = []
    await watcher.close(ended.append)
    assert len(ended) == 1


async def test_a_door_that_cannot_be_opened() -> None:
    watcher: Watcher[Door] = Watcher()

    def refuse() -> Door:
        raise OSError("no door")

    with pytest.raises(OSError, match="no door"):
        await watcher.open(refuse)
    await watcher.close(lambda door: pytest.fail("there is no door to end"))
