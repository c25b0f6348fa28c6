"""Items that wait, in little memory: the more of them, the tighter they are packed."""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Sequence

_LOOSE = 4  # blocks that are kept as they are


class Backlog:
    """Blocks of keys, first in, first out. A key takes about ten bytes, since paths repeat themselves."""

    def __init__(self) -> None:
        self._loose: deque[Sequence[str]] = deque()
        self._packed: deque[bytes] = deque()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def put(self, keys: Sequence[str]) -> None:
        """Add a block that is not empty; its keys hold no NUL."""
        self._count += len(keys)
        if not self._packed and len(self._loose) < _LOOSE:
            self._loose.append(keys)
        else:
            self._packed.append(zlib.compress("\0".join(keys).encode("utf-8", "surrogatepass"), 1))

    def get(self) -> Sequence[str]:
        """Take out the first block; IndexError when there is none."""
        keys: Sequence[str]
        if self._loose:
            keys = self._loose.popleft()
        else:
            keys = zlib.decompress(self._packed.popleft()).decode("utf-8", "surrogatepass").split("\0")
        self._count -= len(keys)
        return keys
