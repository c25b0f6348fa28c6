"""Encoding a film to a wanted size: never over it, and as close to it as a few tries come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workers.errors import ErrorClass, JobFailed
from workers.media import encode, sizing
from workers.media.av import Facts
from workers.media.hardware import Encoder

if TYPE_CHECKING:
    from workers.operations.encoding import Making

_TRIES = 3  # at a wanted size
_MOST_TRIES = 5  # while all were too large


@dataclass(frozen=True, slots=True)
class _Fitting:
    """A result that is not larger than it should be."""

    plan: encode.Plan
    kbit: int
    size: int


def fitted(making: Making, wishes: encode.Wishes) -> tuple[encode.Plan, Facts]:
    """Encode to the wanted size, never over it: two passes where the encoder can, and again where it is off."""
    wanted, plain = round(making.params.size_mib * (1 << 20)), making.encoder(wishes)
    plan, fitting = encode.plan(making.found, making.preset, wishes, plain), making.staged.with_name("fitting")
    copied = sizing.copied_bytes(
        making.found, frozenset(t.index for t in plan.tracks if t.action == "copy"), making.ctx.alive
    )
    side = wishes.max_side or (making.preset.video.max_side if making.preset.video else 0)
    room = sizing.budget(plan, making.found, wanted, copied, side)
    kbit, fits = room.film_kbit, None
    for number in range(_MOST_TRIES):
        plan = _at_rate(making, wishes, sizing.with_rate(plain, kbit), first=number == 0)
        size = making.staged.stat().st_size
        better = sizing.corrected(kbit, size, wanted, room.rest_bytes)
        if size <= wanted and (fits is None or size > fits.size):
            making.staged.replace(fitting)
            fits = _Fitting(plan, kbit, size)
        if better is None or (fits is not None and number + 1 >= _TRIES):
            break
        making.ctx.log(f"{size:,} bytes at {kbit} kbit/s; again at {better} kbit/s")
        kbit = better
    if fits is None:
        message = f"the smallest result has {size:,} bytes, and not {wanted:,}: ask for more, or a smaller --height"
        raise JobFailed(ErrorClass.UNSUPPORTED, message, input=making.key)
    fitting.replace(making.staged)
    off, passed = round((fits.size / wanted - 1) * 100, 2), sizing.two_passes(plain)
    making.told["sizing"] = {"wanted": wanted, "kbit": fits.kbit, "off_percent": off, "two_passes": passed}
    return fits.plan, making.verified(fits.plan)


def _at_rate(making: Making, wishes: encode.Wishes, encoder: Encoder, *, first: bool) -> encode.Plan:
    """Encode with that encoder's bit rate; the plan. The `first` time the film is looked at before."""
    plan, log = encode.plan(making.found, making.preset, wishes, encoder), making.staged.with_name("passes")
    if not sizing.two_passes(encoder):
        making.encoded(plan)
        return plan
    if first:
        making.span = (0.0, 0.4)
        making.encoded(sizing.first_pass(plan, encoder, log), "looking at the film")
    making.span = (0.4, 1.0)
    making.encoded(sizing.second_pass(plan, encoder, log))
    return plan
