"""From measurements of a film to parts of a score, each by a rule that its reason tells. Pure.

A part goes in a straight line from 100 at its good value to 0 at its bad one, and stays there beyond. What could not
be measured has no score, and its weight counts for nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# Bits a pixel of one frame from which a codec leaves little to be seen, at 1280x720.
GOOD_BITS = {
    "av1": 0.04,
    "hevc": 0.05,
    "vp9": 0.055,
    "h264": 0.08,
    "vp8": 0.10,
    "wmv3": 0.11,
    "vc1": 0.11,
    "mpeg4": 0.14,
    "theora": 0.14,
    "h263": 0.16,
    "mpeg2video": 0.20,
    "mpeg1video": 0.25,
    "mjpeg": 1.0,
    "prores": 1.2,
    "dnxhd": 1.2,
    "dvvideo": 2.0,
}
_LOSSLESS = frozenset({"ffv1", "huffyuv", "ffvhuff", "utvideo", "rawvideo", "v210", "qtrle", "png"})
WEIGHTS = {
    "resolution": 15,
    "bit_rate": 20,
    "blur": 15,
    "blocks": 10,
    "freeze": 8,
    "interlace": 7,
    "black": 5,
    "crop": 5,
    "frame_rate": 5,
    "silence": 4,
    "loudness": 4,
    "sync": 2,
}


@dataclass(frozen=True, slots=True)
class Measured:
    """What is known of one film; None is what could not be measured, and `why` says why, by the name of the part."""

    width: int
    height: int
    codec: str
    bits_per_pixel: float | None
    blur: float | None
    blocks: float | None
    black: float | None
    frozen: float | None
    interlaced: float | None
    shown: float | None
    irregular: float | None
    silent: float | None
    loudness: float | None
    true_peak_db: float | None
    offset_s: float | None
    why: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the score: what was measured, 0 to 100 for it, and by what rule."""

    name: str
    value: float | None
    unit: str
    score: float | None
    rule: str
    weight: int

    def told(self) -> dict[str, Any]:
        """The part as JSON."""
        value = round(self.value, 4) if self.value is not None else None
        score = round(self.score, 1) if self.score is not None else None
        return {"value": value, "unit": self.unit, "score": score, "weight": self.weight, "rule": self.rule}


@dataclass(frozen=True, slots=True)
class Issue:
    """Something that a person should know: the value, the bound it passed, and a sentence."""

    name: str
    value: float
    threshold: float
    text: str

    def told(self) -> dict[str, Any]:
        """The issue as JSON."""
        return {
            "name": self.name,
            "value": round(self.value, 4),
            "threshold": round(self.threshold, 4),
            "text": self.text,
        }


def parts(measured: Measured) -> list[Part]:
    """Every part of the score, the measured ones with theirs."""
    m = measured
    octaves, rule = _octaves_of_bits(m)
    pixels = m.width * m.height
    lines = math.log2(pixels / 14_400) / math.log2(144) if pixels else None
    beyond = None if m.loudness is None else max(-27 - m.loudness, m.loudness + 13, 0.0)
    rules: list[tuple[str, float | None, str, float | None, str]] = [
        ("resolution", pixels or None, "pixels", _share(lines, 1, 0), "by doublings: 0 at 160x90, 100 from 1920x1080"),
        ("bit_rate", m.bits_per_pixel, "bits a pixel", _share(octaves, 0, -2), rule),
        ("blur", m.blur, "pixels an edge is wide", _share(m.blur, 7, 16), "100 up to 7, 0 from 16"),
        ("blocks", m.blocks, "step at the grid of 8", _share(_log2(m.blocks), _log2(3), _log2(24)), _BLOCK_RULE),
        ("freeze", m.frozen, "share of time", _share(m.frozen, 0, 0.5), "100 without, 0 from half of the time"),
        ("interlace", m.interlaced, "share of frames", _share(m.interlaced, 0, 2), "100 without, 50 when all are"),
        ("black", m.black, "share of time", _share(m.black, 0.02, 0.5), "100 up to 2 %, 0 from half of the time"),
        ("crop", m.shown, "share that is not bars", _share(m.shown, 1, 0.5), "100 without bars, 0 when they are half"),
        ("frame_rate", m.irregular, "share of odd intervals", _share(m.irregular, 0, 0.5), "100 without, 0 from half"),
        ("silence", m.silent, "share of time", _share(m.silent, 0.1, 1), "100 up to a tenth, 0 without any sound"),
        ("loudness", m.loudness, "LUFS", _share(beyond, 0, 15), "100 from -27 to -13, 0 at 15 LU beyond"),
        ("sync", m.offset_s, "seconds", _share(_size(m.offset_s), 0.045, 0.5), "100 up to 45 ms, 0 from 500 ms"),
    ]
    return [
        Part(name, value, unit, score, rule if score is not None else m.why.get(name, "not measured"), WEIGHTS[name])
        for name, value, unit, score, rule in rules
    ]


_BLOCK_RULE = "by doublings: 100 up to 3, 0 from 24"


def total(scored: Sequence[Part]) -> tuple[float | None, int]:
    """The mean of the parts that have a score, by weight, and the weight that counted."""
    counted = [(part.score, part.weight) for part in scored if part.score is not None]
    weight = sum(each for _, each in counted)
    return (sum(score * each for score, each in counted) / weight if weight else None), weight


def issues(measured: Measured) -> list[Issue]:
    """What passed a bound, in the order of the parts."""
    m = measured
    octaves, _ = _octaves_of_bits(m)
    bits = None if octaves is None or m.bits_per_pixel is None else m.bits_per_pixel
    good = _good_bits(m)
    bounds: list[tuple[str, float | None, float, bool, str]] = [
        ("small_picture", float(m.height), 480, m.height < 480, "the picture has few lines"),
        ("low_bit_rate", bits, (good or 0) / 2, bool(good and bits and bits < good / 2), "few bits for this codec"),
        ("blurred", m.blur, 10, _over(m.blur, 10), "edges are wide: blurred, or enlarged from a smaller picture"),
        ("blocky", m.blocks, 6, _over(m.blocks, 6), "steps show along the grid of coding blocks"),
        ("frozen", m.frozen, 0.1, _over(m.frozen, 0.1), "the picture stands still for long"),
        ("interlaced", m.interlaced, 0.5, _over(m.interlaced, 0.5), "frames are woven of two fields"),
        ("black", m.black, 0.1, _over(m.black, 0.1), "much of it is black"),
        ("bars", m.shown, 0.95, _under(m.shown, 0.95), "black bars are a part of the picture"),
        ("variable_frame_rate", m.irregular, 0.02, _over(m.irregular, 0.02), "frames come at odd intervals"),
        ("silent", m.silent, 0.5, _over(m.silent, 0.5), "much of the sound is silence"),
        ("quiet", m.loudness, -27, _under(m.loudness, -27), "quieter than is usual (EBU R128 aims at -23 LUFS)"),
        ("loud", m.loudness, -13, _over(m.loudness, -13), "louder than is usual (EBU R128 aims at -23 LUFS)"),
        ("clipping", m.true_peak_db, -1, _over(m.true_peak_db, -1), "true peaks are above -1 dBTP"),
        ("out_of_sync", m.offset_s, 0.045, _over(_size(m.offset_s), 0.045), "picture and sound start apart"),
    ]
    return [
        Issue(name, value, bound, text) for name, value, bound, holds, text in bounds if holds and value is not None
    ]


def _good_bits(m: Measured) -> float | None:
    """Bits a pixel that do for the codec at this size: fewer the larger the picture, for its details are finer."""
    good = GOOD_BITS.get(m.codec)
    pixels = m.width * m.height
    return good * (pixels / 921_600) ** -0.25 if good and pixels else None


def _octaves_of_bits(m: Measured) -> tuple[float | None, str]:
    """How many doublings of the bit rate lie between the good one and this, and the rule in words."""
    if m.codec in _LOSSLESS:
        return 0.0, f"{m.codec} loses nothing"
    good = _good_bits(m)
    if not m.bits_per_pixel or good is None:
        return None, ""
    rule = f"by doublings: 100 from {good:.3f} for {m.codec} at this size, 0 from a quarter of that"
    return math.log2(m.bits_per_pixel / good), rule


def _share(value: float | None, good: float | None, bad: float | None) -> float | None:
    if value is None or good is None or bad is None:
        return None
    return 100 * min(max((value - bad) / (good - bad), 0.0), 1.0)


def _log2(value: float | None) -> float | None:
    return math.log2(max(value, 1e-6)) if value is not None else None


def _size(value: float | None) -> float | None:
    return abs(value) if value is not None else None


def _over(value: float | None, bound: float) -> bool:
    return value is not None and value > bound


def _under(value: float | None, bound: float) -> bool:
    return value is not None and value < bound
