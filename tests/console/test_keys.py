"""The table of keys: no clash, no dangerous key, and bursts are told from typing."""

from __future__ import annotations

import itertools

import pytest

from console.app import SpoolApp
from console.keymap import SCREENS, checked_keymap
from console.keys import ACTIONS, BY_ID, Burst, actions_for, bindings, footer_actions, shown_key
from console.screens.base import SpoolScreen
from console.screens.batches import BatchesScreen
from console.screens.events import EventsScreen
from console.screens.health import HealthScreen
from console.screens.job import JobScreen
from console.screens.jobs import JobsScreen

PLACES: dict[type[SpoolScreen], tuple[str, ...]] = {
    JobsScreen: ("jobs",),
    JobScreen: ("job", "lines"),
    HealthScreen: ("health",),
    EventsScreen: ("events", "lines"),
    BatchesScreen: ("batches", "lines"),
}
AVOIDED = {"ctrl+h", "ctrl+i", "ctrl+j", "ctrl+m", "ctrl+s", "ctrl+z", "ctrl+left_square_bracket"}


def test_ids_are_unique() -> None:
    assert len(BY_ID) == len(ACTIONS)


@pytest.mark.parametrize("places", PLACES.values())
def test_no_key_twice_on_one_screen(places: tuple[str, ...]) -> None:
    keys = [key for binding in bindings(*places) for key in binding.key.split(",")]
    assert len(keys) == len(set(keys))
    assert not AVOIDED & set(keys)


def test_acting_keys_are_capitals_signs_or_ctrl() -> None:
    for action in ACTIONS:
        if action.acts:
            for key in action.key.split(","):
                assert not (len(key) == 1 and key.islower()), action.id


@pytest.mark.parametrize("screen", PLACES)
def test_every_action_exists(screen: type[SpoolScreen]) -> None:
    for place in (*PLACES[screen], "everywhere"):
        for action in actions_for(place):
            name = action.name.split("(")[0]
            owner = SpoolApp if name.startswith("app.") else screen
            assert callable(getattr(owner, "action_" + name.removeprefix("app."))), action.id


@pytest.mark.parametrize("places", PLACES.values())
def test_footer_shows_at_most_eight_and_always_how_to_leave(places: tuple[str, ...]) -> None:
    shown = footer_actions((*places, "everywhere"))
    assert 2 <= len(shown) <= 8
    assert shown[0].id == "help" and shown[-1].id == "quit"


def test_keymap_is_checked_with_the_nearest_name() -> None:
    keymap, problems = checked_keymap({"pause": "f5", "cansel": "f6", "retry": " "})
    assert keymap == {"pause": "f5"}
    assert "did you mean cancel?" in problems[0] and "retry" in problems[1]
    assert shown_key(BY_ID["pause"], keymap) == "f5"
    assert shown_key(BY_ID["quit"]) == "^q"
    assert shown_key(BY_ID["filter"]) == "/"


def test_the_check_knows_the_screens() -> None:
    assert set(SCREENS) == set(PLACES.values())


@pytest.mark.parametrize(
    ("wanted", "kept", "told"),
    [
        ({"pause": "Q"}, {}, ["pause = 'Q' is the key of queues too (jobs); pause keeps P"]),
        ({"filter": "nosuchkey"}, {}, ["filter: there is no key 'nosuchkey'"]),
        ({"filter": "slach"}, {}, ["did you mean slash?"]),
        ({"filter": "hyperctrl+a"}, {}, ["there is no key"]),
        ({"pause": "X", "cancel": "P"}, {"pause": "X", "cancel": "P"}, []),
        ({"pause": "X", "cancel": "A"}, {}, ["cancel = 'A' is the key of add", "pause = 'X' is the key of cancel"]),
        ({"pause": "f5", "retry": "f5"}, {}, ["pause = 'f5' is the key of retry", "retry = 'f5' is the key of pause"]),
        ({"filter": "_, section_sign"}, {"filter": "underscore,section_sign"}, []),
        ({"pause": "ctrl+t", "queue_pause": "ctrl+t"}, {"pause": "ctrl+t", "queue_pause": "ctrl+t"}, []),
        ({"faster": "="}, {"faster": "equals_sign"}, []),
    ],
)
def test_keys_that_cannot_work_are_told_and_left(wanted: dict[str, str], kept: dict[str, str], told: list[str]) -> None:
    keymap, problems = checked_keymap(wanted)
    assert keymap == kept and len(problems) == len(told)
    assert all(part in problem for part, problem in zip(told, problems, strict=True))


def test_every_key_of_ours_may_be_named() -> None:
    for action in ACTIONS:
        assert checked_keymap({action.id: action.key}) == ({action.id: action.key}, [])


def test_burst() -> None:
    burst = Burst()
    assert [burst.add(moment, "x") for moment in (0.0, 0.001, 0.002, 0.003, 0.01)] == [False, False, False, True, True]
    assert burst.text == "xxxxx"
    assert not burst.add(0.5, "P")
    assert burst.text == "P"


def test_typing_is_no_burst() -> None:
    burst = Burst()
    assert not any(burst.add(moment, "j") for moment in itertools.takewhile(lambda t: t < 3, itertools.count(0, 0.03)))
