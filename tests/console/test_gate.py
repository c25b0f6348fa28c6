"""The gate before the keys: acting keys wait a moment, bursts become a paste, remapped keys are known."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from textual import events

from console.gate import KeyGate, acting_keys
from tests.console.conftest import Open
from tests.support.fake_client import FakeStore, make_jobs


class Rig:
    """A gate on the running loop, with what it lets through."""

    def __init__(self, keymap: dict[str, str] | None = None) -> None:
        self.keys: list[str] = []
        self.pastes: list[str] = []
        self.gate = KeyGate(keymap or {}, self._later, self._deliver, self.pastes.append)

    def _later(self, seconds: float, call: Callable[[], Any]) -> None:
        async def run() -> None:
            await asyncio.sleep(seconds)
            found = call()
            if isinstance(found, Awaitable):
                await found

        self.task = asyncio.get_running_loop().create_task(run())

    async def _deliver(self, event: events.Key) -> None:
        self.keys.append(event.key)

    def press(self, key: str, character: str | None = None) -> bool:
        return self.gate.takes(events.Key(key, key if character is None else character))

    async def settle(self) -> None:
        for _ in range(40):
            await asyncio.sleep(0.02)


async def test_an_acting_key_comes_a_moment_later_and_others_at_once() -> None:
    rig = Rig()
    assert not rig.press("j")
    await asyncio.sleep(0.05)
    assert rig.press("X")
    assert rig.keys == []
    await rig.settle()
    assert rig.keys == ["X"] and rig.pastes == []


async def test_a_burst_acts_on_nothing_and_is_one_paste() -> None:
    rig = Rig()
    for character in "XPR/DTyY":
        rig.press(character)
    rig.press("enter", "\r")
    await rig.settle()
    assert rig.keys == [] and rig.pastes == ["XPR/DTyY\n"]
    await asyncio.sleep(0.05)
    rig.press("P")
    await rig.settle()
    assert rig.keys == ["P"]


async def test_a_long_burst_stays_one() -> None:
    rig = Rig()
    for _ in range(20):
        for character in "https":
            rig.press(character)
        await asyncio.sleep(0.001)
    await rig.settle()
    assert rig.keys == [] and "".join(rig.pastes) == "https" * 20


def test_remapped_keys_act_and_their_old_ones_do_not() -> None:
    known = acting_keys({"retry": "k,f9"})
    assert {"k", "f9", "y", "Y", "P"} <= known and "R" not in known


def test_keys_without_a_character_pass() -> None:
    rig = Rig()
    assert not rig.press("up", "")
    assert not rig.gate.takes(events.Key("escape", "\x1b"))


async def test_a_key_that_is_let_go_after_the_console_was_left_is_dropped(open_console: Open) -> None:
    store = FakeStore(make_jobs(3, running=1))
    async with open_console(store) as (app, _pilot):
        pass
    assert app.screen_stack == []
    await app._deliver(events.Key("P", "P"))
    assert store.orders == []
