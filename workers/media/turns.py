"""How a film asks to be shown: its display matrix as one of the eight orientations of Exif. Pure but for the frame."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Any

_ROTATIONS = {3: 180, 4: 180, 5: 270, 6: 270, 7: 90, 8: 90}
_MIRRORED = frozenset({2, 4, 5, 7})
_NEAR_DEGREES = 1.0


def orientation_of(frame: Any) -> int:
    """The orientation (Exif: 1 to 8) that a decoded frame of PyAV asks for; 1 where it asks for none, or a slant."""
    data = next((entry for entry in frame.side_data if entry.type.name == "DISPLAYMATRIX"), None)
    if data is None:
        return 1
    raw = bytes(data)
    return of_matrix(struct.unpack("=9i", raw[:36])) if len(raw) >= 36 else 1


def of_matrix(matrix: Sequence[int]) -> int:
    """The orientation that stands for a display matrix of nine numbers, row by row, as ffmpeg turns films. Pure.

    A mirror is seen only in the signs of the matrix: by its angle alone, a film mirrored left to right stands on its
    head.
    """
    a, b, c, d = matrix[0], matrix[1], matrix[3], matrix[4]
    wide, high = math.hypot(a, c), math.hypot(b, d)
    if not wide or not high:
        return 1
    clockwise = math.degrees(math.atan2(b / high, a / wide)) % 360
    quarter = round(clockwise / 90) % 4
    if abs(clockwise - round(clockwise / 90) * 90) > _NEAR_DEGREES:
        return 1
    if quarter == 1:
        return 5 if c > 0 else 6
    if quarter == 2:
        return 3 if d < 0 else 2
    if quarter == 3:
        return 7 if c < 0 else 8
    return 4 if d < 0 else 1


def rotation_of(orientation: int) -> int:
    """The degrees (0, 90, 180, 270) counter-clockwise by which a picture is turned, before it is mirrored. Pure."""
    return _ROTATIONS.get(orientation, 0)


def mirrored(orientation: int) -> bool:
    """Whether left and right are exchanged after the turn. Pure."""
    return orientation in _MIRRORED
