"""Encoding to a wanted size: the bit rate that is left for the film, and the two passes that spend it well."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from workers.errors import ErrorClass, JobFailed
from workers.media.av import Facts, open_input, translated
from workers.media.encode import Option, Plan, target_size
from workers.media.hardware import Encoder
from workers.media.names import path_to_key
from workers.media.presets import Container

_MUX_SHARE = 0.985  # of the size; the rest is for the container
_LEAST_BITS_A_PIXEL = 0.006  # below this no encoder makes anything that can be looked at
_LEAST_KBIT = 16
_PULSE_PACKETS = 2000
_PASSES = frozenset({"libx264", "libvpx-vp9", "libaom-av1", "libx265"})
_PASSED = frozenset({"crf", "cq", "qp", "global_quality", "q:v", "b:v"})


@dataclass(frozen=True, slots=True)
class Budget:
    """Kilobits a second for the film, and the bytes that everything else takes."""

    film_kbit: int
    rest_bytes: int


def budget(plan: Plan, facts: Facts, size_bytes: int, copied_bytes: int, side: int) -> Budget:
    """What the film may take of `size_bytes`; `copied_bytes` is what the copied streams have. Pure.

    `side` is the largest shorter side of the result in pixels, 0 for any.

    JobFailed(unsupported) when that is too little to be looked at, or cannot be told; it names the least size.
    """
    key, duration = path_to_key(facts.path), facts.duration_s or 0.0
    if not duration:
        raise JobFailed(ErrorClass.UNSUPPORTED, "its duration is unknown, so no size can be aimed at", input=key)
    sounds = [track for track in plan.tracks if track.kind == "audio" and track.action == "encode"]
    rest = copied_bytes + sum(round(_kbit(track.options, key) * 125 * duration) for track in sounds)
    left = size_bytes * _MUX_SHARE - rest
    kbit = int(left / 125 / duration)
    least = least_kbit(facts, side)
    if kbit < least:
        need = (least * 125 * duration + rest) / _MUX_SHARE
        raise JobFailed(
            ErrorClass.UNSUPPORTED,
            f"{size_bytes / (1 << 20):,.1f} MiB leave {max(kbit, 0):,} kbit/s for {duration:,.0f} s of film, too few "
            f"to look at: {need / (1 << 20) + 0.05:,.1f} MiB is the least, or ask for a smaller --height",
            input=key,
        )
    return Budget(kbit, rest)


def _kbit(options: Mapping[str, Option], key: str) -> int:
    told = str(options.get("b", ""))
    if not told.endswith("k"):
        message = "the sound of this preset is lossless, so no size can be aimed at: take another preset"
        raise JobFailed(ErrorClass.UNSUPPORTED, message, input=key)
    return int(told[:-1])


def least_kbit(facts: Facts, side: int) -> int:
    """The least bit rate at which the film can be looked at in that size, in kilobits a second. Pure."""
    film = facts.video
    if film is None:
        return _LEAST_KBIT
    width, height = target_size(film, facts.rotation, side) or (film.width, film.height)
    return max(int(width * height * min(film.fps or 25.0, 60.0) * _LEAST_BITS_A_PIXEL / 1000), _LEAST_KBIT)


def copied_bytes(facts: Facts, indexes: frozenset[int], pulse: Callable[[], None] = lambda: None) -> int:
    """The bytes that these streams have in the file, by their packets: all of it is read, with `pulse`. JobFailed."""
    if not indexes:
        return 0
    total = 0
    with open_input(facts.path) as container, translated(facts.path):
        wanted = [stream for stream in container.streams if stream.index in indexes]
        for number, packet in enumerate(container.demux(wanted)):
            total += packet.size
            if number % _PULSE_PACKETS == 0:
                pulse()
    return total


def with_rate(encoder: Encoder, kbit: int) -> Encoder:
    """The encoder with a bit rate in place of a quality. Pure."""
    options = {name: value for name, value in encoder.options.items() if name not in _PASSED and name != "rc"}
    if encoder.name == "libsvtav1":
        # Its own rate control by parameters: ffmpeg's maps to constant quality where no mode is named.
        told = str(options.get("svtav1-params", ""))
        options["svtav1-params"] = f"{told}:rc=1" if told else "rc=1"
    return replace(encoder, options={**options, "b:v": f"{kbit}k"})


def two_passes(encoder: Encoder) -> bool:
    """Whether this encoder can look at the film once before it encodes it. Pure."""
    return encoder.name in _PASSES


def first_pass(plan: Plan, encoder: Encoder, log: Path) -> Plan:
    """The plan that only looks at the film. What stands before the film stays: notes are named by its place. Pure."""
    film = plan.film
    tracks = []
    for track in plan.tracks:
        if track is film:
            tracks.append(replace(track, options={**track.options, **pass_options(encoder, 1, log)}))
            break
        tracks.append(replace(track, action="copy", encoder="copy", filters=(), options={}))
    nowhere = replace(plan.preset, container=Container("null", ""))
    return replace(plan, preset=nowhere, tracks=tuple(t for t in tracks if t.kind != "attachment"))


def second_pass(plan: Plan, encoder: Encoder, log: Path) -> Plan:
    """The plan that encodes by the notes of the first pass. Pure."""
    film = plan.film
    noted = pass_options(encoder, 2, log)
    tracks = (replace(t, options={**t.options, **noted}) if t is film else t for t in plan.tracks)
    return replace(plan, tracks=tuple(tracks))


def pass_options(encoder: Encoder, number: int, log: Path) -> dict[str, Option]:
    """The options of the film for pass 1 or 2; the notes lie at `log`. Pure."""
    if encoder.name == "libx265":
        told = str(encoder.options.get("x265-params", ""))
        notes = re.sub(r"([\\':])", r"\\\1", str(log))  # a value among others
        return {"x265-params": f"{told}:pass={number}:stats={notes}".lstrip(":")}
    return {"pass": number, "passlogfile": str(log)}


def corrected(kbit: int, size: int, wanted: int, rest: int) -> int | None:
    """A better bit rate after a result of `size` bytes, or None when that is good: never over, and within 4 % under."""
    if wanted * 0.96 <= size <= wanted:
        return None
    film, room = max(size - rest, 1), max(wanted * _MUX_SHARE - rest, 1)
    return max(round(kbit * min(room / film, 1.5)), 1)
