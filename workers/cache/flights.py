"""Who makes what at this moment, so that two that ask the same thing make it once. Not for several threads at once."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum


class Need(Enum):
    """What one who asks has to do."""

    MAKE = "make"  # it is a miss: make it, and put it or give it up
    WAIT = "wait"  # another owner is making it: ask again


class Flights:
    """Keys in the making, by owner."""

    def __init__(self) -> None:
        self._makers: dict[bytes, tuple[int, bytes]] = {}
        self._keys: dict[int, set[bytes]] = {}

    def __len__(self) -> int:
        return len(self._makers)

    def waits(self, owner: int, key: bytes, stamp: bytes) -> bool:
        """Whether another owner is making this for the same stamp."""
        maker = self._makers.get(key)
        return maker is not None and maker[0] != owner and maker[1] == stamp

    def begin(self, owner: int, key: bytes, stamp: bytes) -> bool:
        """`owner` makes this from now on; False when it was doing so already."""
        maker = self._makers.get(key)
        if maker == (owner, stamp):
            return False
        if maker is not None:
            self._keys[maker[0]].discard(key)  # for a file as it is no more
        self._makers[key] = (owner, stamp)
        self._keys.setdefault(owner, set()).add(key)
        return True

    def end(self, owner: int, keys: Iterable[bytes]) -> None:
        """These are made or given up, as far as `owner` made them."""
        own = self._keys.get(owner)
        if own is None:
            return
        for key in keys:
            if key in own:
                own.discard(key)
                del self._makers[key]
        if not own:
            del self._keys[owner]

    def release(self, owner: int) -> None:
        """The owner has left."""
        for key in self._keys.pop(owner, ()):
            del self._makers[key]
