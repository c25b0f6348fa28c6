"""TIFFs of 16 bits a channel in layouts that no writer at hand makes."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np

RGB, CMYK = 2, 5  # what the channels mean
_SHORT, _LONG = 3, 4


def deep_tiff(
    path: Path, pixels: np.ndarray[Any, Any], *, meaning: int = RGB, planes: bool = False, extra: int | None = None,
    order: str = "<",
) -> Path:  # fmt: skip
    """Write `pixels` (height x width x channels, 0 to 65535) uncompressed; `planes` one behind the other.

    `extra` says what the last channel is: 0 nothing known, 1 alpha that is multiplied in, 2 alpha.
    """
    height, width, channels = pixels.shape
    words = pixels.astype(f"{order}u2")
    data = np.moveaxis(words, 2, 0).tobytes() if planes else words.tobytes()
    parts = channels if planes else 1
    entries = [
        (256, _LONG, [width]), (257, _LONG, [height]), (258, _SHORT, [16] * channels), (259, _SHORT, [1]),
        (262, _SHORT, [meaning]), (273, _LONG, [0] * parts), (277, _SHORT, [channels]), (278, _LONG, [height]),
        (279, _LONG, [len(data) // parts] * parts), (284, _SHORT, [2 if planes else 1]),
    ]  # fmt: skip
    if extra is not None:
        entries.append((338, _SHORT, [extra]))
    behind = 8 + 2 + 12 * len(entries) + 4
    size = {_SHORT: 2, _LONG: 4}
    start = behind + sum(size[kind] * len(values) for _, kind, values in entries if size[kind] * len(values) > 4)
    table, more = b"", b""
    for tag, kind, values in entries:
        if tag == 273:
            values = [start + number * (len(data) // parts) for number in range(parts)]
        packed = struct.pack(f"{order}{len(values)}{'H' if kind == _SHORT else 'I'}", *values)
        table += struct.pack(f"{order}HHI", tag, kind, len(values))
        if len(packed) > 4:
            table += struct.pack(f"{order}I", behind + len(more))
            more += packed
        else:
            table += packed.ljust(4, b"\0")
    head = b"II*\0" if order == "<" else b"MM\0*"
    count = struct.pack(f"{order}IH", 8, len(entries))
    path.write_bytes(head + count + table + bytes(4) + more + data)
    return path
