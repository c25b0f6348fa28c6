"""High dynamic range brought to the ordinary one."""

from __future__ import annotations

from typing import Literal

import numpy
import pytest

from workers.media.tone import tone_mapped


def grey(signal: float, kind: Literal["PQ", "HLG"]) -> int:
    pixels = numpy.full((2, 2, 3), round(signal * 65535), dtype=numpy.uint16)
    mapped = tone_mapped(pixels, kind)
    assert mapped.shape == (2, 2, 3)
    assert numpy.ptp(mapped) <= 1  # grey stays grey
    return int(mapped[0, 0, 1])


def test_known_brightnesses_of_pq() -> None:
    assert grey(0.0, "PQ") == 0
    assert 225 <= grey(0.5807, "PQ") <= 238  # 203 cd/m2: the white of paper
    assert 250 <= grey(0.7518, "PQ") <= 255  # 1,000 cd/m2
    assert grey(1.0, "PQ") == 255
    assert 134 <= grey(0.4404, "PQ") <= 138  # 50 cd/m2: 0.246 of white, 136 in sRGB


def test_known_brightnesses_of_hlg() -> None:
    assert grey(0.0, "HLG") == 0
    assert 220 <= grey(0.75, "HLG") <= 240  # its own white
    assert grey(1.0, "HLG") >= 253


@pytest.mark.parametrize("kind", ["PQ", "HLG"])
def test_brighter_is_never_darker(kind: Literal["PQ", "HLG"]) -> None:
    steps = [grey(number / 64, kind) for number in range(65)]
    assert steps == sorted(steps)


def test_a_wide_red_stays_red_and_is_brought_in() -> None:
    pixels = numpy.zeros((1, 1, 3), dtype=numpy.uint16)
    pixels[..., 0] = round(0.5807 * 65535)
    red, green, blue = tone_mapped(pixels, "PQ")[0, 0]
    assert red > 230
    assert green == blue == 0
    narrow = tone_mapped(pixels, "PQ", wide=False)[0, 0]
    assert red >= narrow[0]
