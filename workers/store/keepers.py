"""Who keeps a job from going on: a person who paused it, and the queue, site or batch that it was paused with.

A job goes on only when nobody keeps it any more. The column `wish_by` holds all of them as text:
`ann; bob (with the queue video); cem (with the batch films)`. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from workers.jobs import Scope, State, Wish

_WITH = " (with the "
_SCOPES = "|".join(scope.value for scope in Scope)
_BEGINS = rf"[^;]*?{re.escape(_WITH)}(?:{_SCOPES}) "
_NEXT = re.compile(rf"; (?={_BEGINS})")  # a name may hold brackets and semicolons of its own
_MARK = re.compile(rf"(?P<by>[^;]*?){re.escape(_WITH)}(?P<scope>{_SCOPES}) (?P<name>.*)\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class With:
    """A queue, site or batch whose running jobs somebody paused too."""

    by: str
    scope: Scope
    name: str

    def __str__(self) -> str:
        return f"{_plain(self.by)}{_WITH}{self.scope.value} {self.name})"


@dataclass(frozen=True, slots=True)
class Keepers:
    """All who keep one job from going on."""

    person: str = ""  # who paused or held this job alone; of several the last one
    scopes: tuple[With, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.person or self.scopes)

    def __str__(self) -> str:
        return "; ".join(filter(None, (_plain(self.person), *map(str, self.scopes))))

    def taken_over(self, by: str) -> Keepers:
        """A person keeps it, in place of any other person."""
        return replace(self, person=by)

    def joined(self, by: str, scope: Scope, name: str) -> Keepers:
        """It is kept with all of `scope`, too."""
        return replace(self, scopes=(*self.without(scope, name).scopes, With(by, scope, name)))

    def without(self, scope: Scope, name: str) -> Keepers:
        """Nobody keeps it with all of `scope` any more."""
        return replace(self, scopes=tuple(one for one in self.scopes if (one.scope, one.name) != (scope, name)))

    def kept_with(self, scope: Scope, name: str) -> bool:
        """Whether it is kept with all of `scope`."""
        return any((one.scope, one.name) == (scope, name) for one in self.scopes)


def _plain(by: str) -> str:
    """A user's name without what parts the keepers in the text."""
    return by.replace(";", ",").replace(_WITH.strip(), "(")


def read(text: str) -> Keepers:
    """The keepers that a text holds."""
    person, scopes = "", []
    for part in _NEXT.split(text):
        mark = _MARK.fullmatch(part)
        if mark is None:
            person = part
        else:
            scopes.append(With(mark["by"], Scope(mark["scope"]), mark["name"]))
    return Keepers(person, tuple(scopes))


def keepers(state: State, hold: bool, wish: Wish, text: str) -> Keepers:
    """Who keeps a job now. The text of a job that may go on is about an earlier time, and tells nobody."""
    kept = {
        State.QUEUED: hold,
        State.RUNNING: wish in (Wish.PAUSE, Wish.HOLD),
        State.PAUSED: wish not in (Wish.RESUME, Wish.CANCEL),
    }
    return read(text) if kept.get(state, False) else Keepers()
