"""How large a small picture becomes, and which part of a picture is kept when it is cut to a box. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Focus = Literal["centre", "entropy"]
Box = tuple[int, int, int, int]  # left, top, right, bottom in pixels

_BOX = re.compile(r"([1-9]\d{0,4})[x×]([1-9]\d{0,4})", re.IGNORECASE)
_STEPS = 16  # places that the box is tried at to find the one with most in it


@dataclass(frozen=True, slots=True)
class Shape:
    """A box in pixels that a picture is brought into: within it, never enlarged; or filling it, and cut."""

    width: int
    height: int
    fill: bool = False
    focus: Focus = "centre"

    @classmethod
    def within(cls, size: int) -> Shape:
        """At most `size` pixels on the longer side."""
        return cls(size, size)

    def turned(self) -> Shape:
        """The shape for a picture that will be turned by a quarter."""
        return Shape(self.height, self.width, self.fill, self.focus)

    def scaled(self, width: float, height: float) -> tuple[int, int]:
        """What a picture of `width` by `height` is scaled to, before it is cut. Only filling may enlarge."""
        ratios = self.width / width, self.height / height
        scale = max(ratios) if self.fill else min(*ratios, 1.0)
        wide, high = max(round(width * scale), 1), max(round(height * scale), 1)
        return (max(wide, self.width), max(high, self.height)) if self.fill else (wide, high)

    def part(self, width: int, height: int, told: Callable[[Box], float]) -> Box:
        """The part of an unscaled picture that fills this box: what `window` keeps, without scaling the rest."""
        scale = max(self.width / width, self.height / height)
        wide = min(max(round(self.width / scale), 1), width)
        high = min(max(round(self.height / scale), 1), height)
        return Shape(wide, high, self.fill, self.focus).window(width, height, told)

    def window(self, width: int, height: int, told: Callable[[Box], float]) -> Box:
        """The part that is kept of a scaled picture. `told` says how much there is to see in a part of it."""
        spare = max(width - self.width, 0), max(height - self.height, 0)
        if not self.fill:
            return 0, 0, width, height
        middle = spare[0] // 2, spare[1] // 2
        if self.focus == "centre" or not any(spare):
            return self._at(*middle)
        places = {middle} | {(spare[0] * n // _STEPS, spare[1] * n // _STEPS) for n in range(_STEPS + 1)}
        # Of equal places the one nearest to the middle.
        near = sorted(places, key=lambda place: abs(place[0] - middle[0]) + abs(place[1] - middle[1]))
        return self._at(*max(near, key=lambda place: told(self._at(*place))))

    def _at(self, left: int, top: int) -> Box:
        return left, top, left + self.width, top + self.height


PRESETS: dict[str, Shape] = {
    "small": Shape.within(150),
    "medium": Shape.within(300),
    "large": Shape.within(600),
    "preview": Shape(1200, 800),
    "square": Shape(400, 400, fill=True),
    "banner": Shape(1200, 300, fill=True),
}


def two_numbers(text: str, least: int, most: int) -> tuple[int, int]:
    """The numbers of "WIDTHxHEIGHT" or "COLUMNSxROWS". ValueError when it is none, or one is out of bounds."""
    match = _BOX.fullmatch(text.strip())
    if match is None:
        raise ValueError("write two numbers with an x between them, as in 4x3")
    first, second = int(match[1]), int(match[2])
    if not (least <= first <= most and least <= second <= most):
        raise ValueError(f"both numbers must be from {least} to {most}")
    return first, second
