"""A person's own keys, checked: what names no action or no key, or is another action's key, is told and left out."""

from __future__ import annotations

import difflib
import string
import unicodedata
from collections.abc import Iterator, Mapping

from textual.keys import KEY_NAME_REPLACEMENTS, Keys

from console.keys import BY_ID, actions_for

SCREENS: tuple[tuple[str, ...], ...] = (
    ("jobs",),
    ("job", "lines"),
    ("health",),
    ("events", "lines"),
    ("batches", "lines"),
)
"""The places whose actions work on one screen, each time besides those that work everywhere."""

_MODIFIERS = frozenset({"ctrl", "shift", "alt", "super", "hyper", "meta"})


def _named(character: str) -> str:
    """The name of the key of a character, such as slash; a letter or a number is its own."""
    if character.isalnum():
        return character
    name = unicodedata.name(character, character).lower().replace("-", "_").replace(" ", "_")
    return KEY_NAME_REPLACEMENTS.get(name, name)


_NAMES = frozenset(key.value for key in Keys if key.value.isalnum()) | {_named(sign) for sign in string.punctuation}


def _known(key: str) -> bool:
    *modifiers, last = key.split("+")
    if not _MODIFIERS.issuperset(modifiers):
        return False
    return last in _NAMES or (len(last) == 1 and last.isalnum()) or _is_sign(last)


def _is_sign(name: str) -> bool:
    """Whether it is the name of a character as Unicode has it: section_sign."""
    for words in (name.replace("_", " "), name.replace("_", "-")):
        try:
            return not unicodedata.lookup(words).isalnum()
        except KeyError:
            continue
    return False


def checked_keymap(wanted: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The person's keys by id, as far as they work, and a sentence for each that cannot: that action keeps its own.

    A sign may be written as itself (`/`) or by its name (`slash`).
    """
    keymap: dict[str, str] = {}
    problems = []
    for name, text in wanted.items():
        keys = [_named(key) if len(key) == 1 else key for part in text.split(",") if (key := part.strip())]
        if problem := _problem(name, keys):
            problems.append(f"console.keys: {problem}")
        else:
            keymap[name] = ",".join(keys)
    while clashes := list(_clashes(keymap)):
        for mine, other, key, where in clashes:
            if keymap.pop(mine, None) is not None:
                keeps = f"{mine} keeps {BY_ID[mine].key}"
                problems.append(f"console.keys: {mine} = {key!r} is the key of {other} too ({where}); {keeps}")
    return keymap, problems


def _problem(name: str, keys: list[str]) -> str:
    if name not in BY_ID:
        near = difflib.get_close_matches(name, BY_ID, n=1)
        return f"no action is called {name!r}{f'; did you mean {near[0]}?' if near else ''}"
    if not keys:
        return f"{name}: no key given"
    strange = next((key for key in keys if not _known(key)), None)
    if strange is None:
        return ""
    near = difflib.get_close_matches(strange, _NAMES, n=1)
    hint = f"did you mean {near[0]}?" if near else "write it as f5, ctrl+t, T or slash"
    return f"{name}: there is no key {strange!r}; {hint}"


def _clashes(keymap: Mapping[str, str]) -> Iterator[tuple[str, str, str, str]]:
    """Each action with a new key that another one has on the same screen: both ids, the key and where."""
    for places in SCREENS:
        actions = {action.id: action for place in (*places, "everywhere") for action in actions_for(place)}
        taken: dict[str, list[str]] = {}
        for name, action in actions.items():
            for key in keymap.get(name, action.key).split(","):
                taken.setdefault(key.strip(), []).append(name)
        for key, names in taken.items():
            for mine in names:
                other = next((one for one in names if one != mine), None)
                if mine in keymap and other is not None and key not in BY_ID[mine].key.split(","):
                    yield mine, other, key, places[0]
