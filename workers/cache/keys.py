"""Names of kept results: what was asked, by which function, and what the file was like. Cheap, for every input."""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Mapping
from typing import Any

SIZE = 16  # bytes of a key, and of a stamp

_FACTS = struct.Struct("<QqQQ")
_BY_FACTS, _BY_CONTENT = b"\1", b"\2"  # the first byte of a stamp tells how it was taken
_PIECE = 1 << 20


def stamp_of(path: str | os.PathLike[str]) -> bytes:
    """What a file is like by its size, time, inode and device, in 16 bytes. OSError as `os.stat` raises it."""
    info = os.stat(path)
    facts = _FACTS.pack(info.st_size, info.st_mtime_ns, info.st_ino, info.st_dev)
    return _BY_FACTS + hashlib.blake2b(facts, digest_size=SIZE - 1).digest()


def content_stamp(path: str | os.PathLike[str]) -> bytes:
    """What a file is like by all of its bytes, in 16 bytes. OSError when it cannot be read."""
    from blake3 import blake3

    state = blake3()
    piece = bytearray(_PIECE)
    view = memoryview(piece)
    with open(path, "rb", buffering=0) as file:
        while count := file.readinto(piece):
            state.update(view[:count])
    return _BY_CONTENT + state.digest(length=SIZE - 1)


def stamp_again(path: str | os.PathLike[str], stamp: bytes) -> bytes:
    """The stamp of a file as it is now, taken in the way that `stamp` was. OSError when it cannot be read.

    A stamp that was taken in no way we know is given back.
    """
    if stamp[:1] == _BY_FACTS:
        return stamp_of(path)
    return content_stamp(path) if stamp[:1] == _BY_CONTENT else stamp


class Keys:
    """The keys of what one version of a function gives with certain options.

    `options` may hold whatever JSON can; of other values their text counts, so they must have one that tells them
    apart and does not name an address in memory.
    """

    def __init__(self, function: str, version: int, options: Mapping[str, Any]) -> None:
        text = json.dumps([function, version, options], sort_keys=True, separators=(",", ":"), default=str)
        # JSON has no NUL in it, so that no end of one prefix and start of one input can look like another pair.
        self._prefix = hashlib.blake2b(text.encode() + b"\0", digest_size=SIZE)

    def of(self, key: str) -> bytes:
        """The key of the result for one input, in 16 bytes."""
        state = self._prefix.copy()
        state.update(key.encode("utf-8", "surrogatepass"))
        return state.digest()
