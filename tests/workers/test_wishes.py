from __future__ import annotations

import select
import threading
from collections.abc import Iterator

import pytest

from workers.jobs import Wish
from workers.wishes import Wishes
from workers.workshop import Stop


@pytest.fixture
def wishes() -> Iterator[Wishes]:
    wishes = Wishes()
    yield wishes
    wishes.close()


def wakes(wishes: Wishes, within_s: float = 0.0) -> bool:
    return bool(select.select([wishes.fileno()], [], [], within_s)[0])


def test_they_are_heeded_once_in_the_order_in_which_they_came(wishes: Wishes) -> None:
    wishes.add(Wish.PAUSE, "ann")
    wishes.add(Stop.RELEASE, "worker")
    assert list(wishes.take()) == [(Wish.PAUSE, "ann"), (Stop.RELEASE, "worker")]
    assert list(wishes.take()) == []


def test_one_that_comes_while_another_is_heeded_is_heeded_too(wishes: Wishes) -> None:
    wishes.add(Wish.PAUSE, "ann")
    heeded = []
    for wish, _ in wishes.take():
        heeded.append(wish)
        if wish is Wish.PAUSE:
            wishes.add(Wish.RESUME, "ann")
    assert heeded == [Wish.PAUSE, Wish.RESUME]


def test_one_from_another_thread_wakes_who_waits_until_it_is_heeded(wishes: Wishes) -> None:
    assert not wakes(wishes)
    teller = threading.Thread(target=wishes.add, args=(Wish.CANCEL, "ann"))
    teller.start()
    assert wakes(wishes, 20)
    teller.join()
    assert [wish for wish, _ in wishes.take()] == [Wish.CANCEL]
    assert not wakes(wishes)


def test_more_than_the_pipe_takes_are_kept(wishes: Wishes) -> None:
    for _ in range(70_000):  # a pipe holds 64 KiB
        wishes.add(Wish.PAUSE, "ann")
    assert sum(1 for _ in wishes.take()) == 70_000


def test_only_what_ends_the_job_gives_it_up(wishes: Wishes) -> None:
    for wish in (Wish.PAUSE, Wish.RESUME, Wish.HOLD, Stop.YIELD, Stop.STALL, Stop.REFUSED):
        wishes.add(wish, "ann")
    assert wishes.given_up() is None
    wishes.add(Wish.CANCEL, "bob")
    wishes.add(Stop.RELEASE, "worker")
    assert wishes.given_up() == (Stop.CANCEL, "bob")
    list(wishes.take())
    assert wishes.given_up() is None


def test_one_that_comes_after_the_end_harms_nobody() -> None:
    wishes = Wishes()
    wishes.close()
    wishes.add(Wish.CANCEL, "ann")
    assert wishes.given_up() == (Stop.CANCEL, "ann")
