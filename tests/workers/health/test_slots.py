from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.health.slots import HOLD_S, Load, SlotKeeper, Step, Work
from workers.slotrange import SlotRange

ROOM = Load(cores=4, cpu=3.0, io=1.0, memory=0.0, memory_free=60.0, others=0.1)
SHORT = Load(cores=4, cpu=88.0, io=1.0, memory=0.0, memory_free=60.0, others=0.1)
_HOURS = itertools.count(1)
percents = st.floats(0, 100)
loads = st.builds(Load, st.integers(1, 64), percents, percents, percents, percents, st.none() | st.floats(0, 64))
works = st.builds(Work, st.booleans(), st.integers(0, 40))
spans = st.tuples(st.integers(1, 32), st.integers(1, 32)).map(lambda ends: SlotRange(min(ends), max(ends)))
queues = st.sampled_from(["downloads", "video", "default"])


def run(keeper: SlotKeeper, looks: Sequence[tuple[float, Load, Work]]) -> list[tuple[float, Step]]:
    """The steps that come of these looks, each some seconds after the one before, with the time of each."""
    now, steps = 1000.0, []
    for passed, load, work in looks:
        now += passed
        before = keeper.number
        step = keeper.look(now, load, work)
        assert (step is None) == (keeper.number == before)
        if step is not None:
            assert (step.before, step.after) == (before, keeper.number)
            steps.append((now, step))
    return steps


def busy(keeper: SlotKeeper, load: Load, times: int, waits: bool = True) -> list[Step]:
    """So many looks at a queue whose slots are all taken, far enough apart."""
    return [
        step
        for _ in range(times)
        if (step := keeper.look(60 * HOLD_S * next(_HOURS), load, Work(waits, keeper.number)))
    ]


@given(queues, spans, st.lists(st.tuples(st.floats(0, 20), loads, works), max_size=60))
def test_whatever_is_measured_it_stays_in_the_range_by_single_steps_with_time_between(
    queue: str, span: SlotRange, looks: list[tuple[float, Load, Work]]
) -> None:
    keeper = SlotKeeper(queue, span)
    steps = run(keeper, looks)
    for _, step in steps:
        assert span.low <= step.after <= span.high and abs(step.after - step.before) == 1 and step.reason
    for (earlier, _), (later, _) in itertools.pairwise(steps):
        assert later - earlier >= HOLD_S - 1e-6


@given(queues, spans, st.integers(0, 40), loads, works)
def test_what_stays_as_it_is_moves_the_number_one_way_only_and_then_not_at_all(
    queue: str, span: SlotRange, start: int, load: Load, work: Work
) -> None:
    keeper = SlotKeeper(queue, span)
    keeper.take(start, 0.0)
    steps = [step for _, step in run(keeper, [(HOLD_S, load, work)] * 80)]
    assert len({step.after - step.before for step in steps}) <= 1
    assert len(steps) <= span.high - span.low
    assert run(keeper, [(HOLD_S * 40, load, work)] * 3) == []


@given(queues, spans, st.integers(0, 40), loads, works)
def test_short_of_anything_leads_to_the_lower_end(
    queue: str, span: SlotRange, start: int, load: Load, work: Work
) -> None:
    keeper = SlotKeeper(queue, span)
    keeper.take(start, 0.0)
    short = Load(load.cores, load.cpu, max(60.0, load.io), load.memory, load.memory_free, load.others)
    run(keeper, [(HOLD_S, short, work)] * 32)
    assert keeper.number == span.low


@given(queues, spans, st.integers(0, 40))
def test_waiting_work_and_an_idle_host_lead_to_the_upper_end(queue: str, span: SlotRange, start: int) -> None:
    keeper = SlotKeeper(queue, span)
    keeper.take(start, 0.0)
    for number in range(32):
        keeper.look(HOLD_S * (1 + number), ROOM, Work(True, keeper.number))
    assert keeper.number == span.high and keeper.reason == "the most that is allowed"


def test_reasons_name_the_figures() -> None:
    keeper = SlotKeeper("video", SlotRange(1, 3))
    assert [step.reason for step in busy(keeper, ROOM, 4)] == ["work waits and the host has room"] * 2
    assert [step.reason for step in busy(keeper, SHORT, 4)] == ["cpu pressure 88 %"] * 2
    for load, told in (
        (Load(4, 50.0, 1.0, 0.0, 60.0), "cpu pressure 50 %"),
        (Load(4, 0.0, 80.0, 12.0, 60.0), "disk pressure 80 %"),
        (Load(4, 0.0, 0.0, 30.0, 60.0), "memory pressure 30 %"),
        (Load(4, 0.0, 0.0, 0.0, 3.6), "only 4 % of the memory is free"),
        (Load(4, 0.0, 0.0, 0.0, 9.0), "9 % of the memory is free"),
        (Load(4, 0.0, 0.0, 0.0, 60.0, 1.2), "other programs use 1.2 of 4 cores"),
    ):
        assert busy(keeper, load, 1) == [] and keeper.reason == told and keeper.number == 1
    assert busy(keeper, ROOM, 1, waits=False) == [] and keeper.reason == "nothing more waits"


def test_between_room_and_short_nothing_changes() -> None:
    keeper = SlotKeeper("video", SlotRange(1, 4))
    keeper.take(2, 0.0)
    assert busy(keeper, Load(4, 60.0, 40.0, 5.0, 8.0), 9) == [] and keeper.number == 2


def test_a_free_slot_asks_for_no_other() -> None:
    keeper = SlotKeeper("video", SlotRange(1, 4))
    keeper.take(3, 0.0)
    assert keeper.look(1000.0, ROOM, Work(True, 2)) is None and keeper.number == 3


def test_downloads_do_not_yield_to_busy_processors() -> None:
    keeper = SlotKeeper("downloads", SlotRange(1, 4))
    busy(keeper, SHORT, 5)
    assert keeper.number == 4
    busy(keeper, Load(4, 0.0, 90.0, 0.0, 60.0), 5)
    assert keeper.number == 1


def test_other_programs_count_as_busy_until_they_are_clearly_quiet() -> None:
    keeper = SlotKeeper("downloads", SlotRange(1, 4))
    keeper.take(4, 0.0)

    def others(cores: float) -> Load:
        return Load(4, 0.0, 0.0, 0.0, 60.0, cores)

    assert busy(keeper, others(0.9), 3) == []
    assert len(busy(keeper, others(1.0), 1)) == 1
    assert len(busy(keeper, others(0.6), 2)) == 2 and keeper.number == 1
    assert len(busy(keeper, others(0.4), 1)) == 1 and keeper.number == 2


def test_a_host_that_can_bear_three_and_not_four_is_tried_ever_more_seldom() -> None:
    keeper = SlotKeeper("video", SlotRange(1, 8))
    downs, now = [], 0.0
    for _ in range(900):
        now += 2.0
        load = SHORT if keeper.number > 3 else ROOM
        step = keeper.look(now, load, Work(True, keeper.number))
        if step is not None and step.after < step.before:
            downs.append(now)
    waits = [later - earlier for earlier, later in itertools.pairwise(downs)]
    assert len(downs) <= 14 and waits == sorted(waits) and waits[-1] > 10 * waits[0]


@pytest.mark.parametrize(("set_by_hand", "goes_on_from"), [(0, 2), (3, 3), (30, 5)])
def test_it_goes_on_from_a_persons_number_after_a_while(set_by_hand: int, goes_on_from: int) -> None:
    keeper = SlotKeeper("video", SlotRange(2, 5))
    assert keeper.take(set_by_hand, 100.0) == goes_on_from
    assert keeper.look(100.0 + HOLD_S / 2, SHORT, Work(True, 9)) is None
