from __future__ import annotations

import threading

from workers.slots import Slots


def test_slots_change_under_load() -> None:
    slots = Slots(2)
    guard, now, most = threading.Lock(), 0, [0]
    stop = threading.Event()

    def work() -> None:
        nonlocal now
        while not stop.is_set():
            with slots.hold(0.05) as held:
                if held:
                    with guard:
                        now += 1
                        most[0] = max(most[0], now)
                    with guard:
                        now -= 1

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for limit in (1, 5, 0, 3, 2) * 10:
        slots.set(limit)
        assert slots.limit == limit and 0 <= slots.free <= limit
    stop.set()
    for thread in threads:
        thread.join(10)
    assert most[0] <= 6 and slots.free == 2 and not slots.crowded


def test_a_lowered_limit_lets_what_runs_go_on() -> None:
    slots = Slots(2)
    with slots.hold(0) as first, slots.hold(0) as second:
        assert first and second and slots.free == 0
        slots.set(1)
        assert slots.crowded and slots.free == 0
        with slots.hold(0) as third:
            assert not third
    assert slots.free == 1 and not slots.crowded


def test_closing_wakes_who_waits_for_a_slot() -> None:
    slots = Slots(0)
    got: list[bool] = []

    def wait() -> None:
        with slots.hold(60) as held:
            got.append(held)

    thread = threading.Thread(target=wait)
    thread.start()
    slots.close()
    thread.join(20)
    assert got == [False]
