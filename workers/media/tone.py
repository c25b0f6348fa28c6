"""Frames of high dynamic range (PQ, HLG) brought to what an ordinary screen shows. Pure, on arrays.

White of diffuse things, 203 candela per square metre by ITU-R BT.2408, becomes nearly white; bright tones are rolled
off by a curve that leaves darker ones as they are, so that lamps and clouds keep their colour.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy

Array: TypeAlias = "numpy.ndarray[Any, numpy.dtype[numpy.float32]]"
Bytes: TypeAlias = "numpy.ndarray[Any, numpy.dtype[numpy.uint8]]"

WHITE = 203.0  # candela per square metre
_PEAK = 1000.0 / WHITE  # what is shown as the brightest, in whites
_KNEE = 0.6  # in whites: darker tones stay as they are
# BT.2020 to BT.709 primaries, in linear light.
_TO_709 = ((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187))


def tone_mapped(pixels: Any, kind: Literal["PQ", "HLG"], *, wide: bool = True) -> Bytes:
    """`pixels`, 16-bit RGB of shape (height, width, 3), as 8-bit sRGB. `wide`: their primaries are those of BT.2020."""
    signal = pixels.astype(numpy.float32) / 65535.0
    light = _from_pq(signal) if kind == "PQ" else _from_hlg(signal)
    brightest = numpy.maximum(light.max(axis=2, keepdims=True), 1e-6)
    light = light * (_rolled_off(brightest) / brightest)  # one factor for all three, which keeps the hue
    if wide:
        light = light @ numpy.array(_TO_709, dtype=numpy.float32).T
    return _to_srgb(numpy.clip(light, 0.0, 1.0))


def _from_pq(signal: Array) -> Array:
    """Linear light in whites, by SMPTE ST 2084."""
    power = signal ** (1 / 78.84375)
    above = numpy.maximum(power - 0.8359375, 0.0)
    light: Array = (above / (18.8515625 - 18.6875 * power)) ** (1 / 0.1593017578125) * (10_000 / WHITE)
    return light


def _from_hlg(signal: Array) -> Array:
    """Linear light in whites on a screen of 1,000 candela per square metre, by ITU-R BT.2100."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = numpy.where(signal <= 0.5, signal**2 / 3, (numpy.exp((signal - c) / a) + b) / 12)
    bright = scene @ numpy.array([0.2627, 0.6780, 0.0593], dtype=numpy.float32)
    light: Array = scene * numpy.maximum(bright, 1e-6)[..., None] ** 0.2 * _PEAK
    return light


def _rolled_off(light: Array) -> Array:
    """Brightness in whites brought to at most 1: straight up to the knee, then by Reinhard's curve to the peak."""
    room = 1.0 - _KNEE
    over = numpy.clip(light - _KNEE, 0.0, _PEAK - _KNEE) / room
    curve = room * over * (1.0 + over / ((_PEAK - _KNEE) / room) ** 2) / (1.0 + over)
    rolled: Array = numpy.where(light <= _KNEE, light, _KNEE + curve)
    return rolled


def _to_srgb(light: Array) -> Bytes:
    curve = numpy.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    done: Bytes = numpy.round(curve * 255.0).astype(numpy.uint8)
    return done
