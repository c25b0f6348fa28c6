"""The shield: one Cancelled, never inside a shielded block."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from workers.runner.cancel import Cancelled, Shield


@pytest.fixture
def shield() -> Iterator[Shield]:
    before = signal.getsignal(signal.SIGINT)
    made = Shield()
    made.listen()
    yield made
    signal.signal(signal.SIGINT, before)


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_the_first_interrupt_raises_and_later_ones_do_not(shield: Shield) -> None:
    with pytest.raises(Cancelled):
        interrupt()
    interrupt()


def test_no_ordinary_except_catches_it(shield: Shield) -> None:
    assert not issubclass(Cancelled, Exception)
    assert issubclass(Cancelled, KeyboardInterrupt)


def test_inside_a_shielded_block_it_waits_for_the_end_of_the_outermost(shield: Shield) -> None:
    steps = []
    with pytest.raises(Cancelled):
        with shield:
            with shield:
                interrupt()
                steps.append("inner")
            steps.append("outer")
        steps.append("never")
    assert steps == ["inner", "outer"]


def test_an_error_of_the_block_goes_first(shield: Shield) -> None:
    with pytest.raises(ValueError, match="mine"), shield:
        interrupt()
        raise ValueError("mine")


def test_a_shield_in_another_thread_does_not_hold_it_back(shield: Shield) -> None:
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with shield:
            inside.set()
            leave.wait(20)

    thread = threading.Thread(target=hold)
    thread.start()
    inside.wait(20)
    with pytest.raises(Cancelled):
        interrupt()
    leave.set()
    thread.join()


def test_after_the_outcome_is_settled_it_is_ignored(shield: Shield) -> None:
    shield.finish()
    interrupt()
