"""What is remarkable about the measures of a picture: each issue with its value, its limit and a sentence. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workers.media.analysis import Measures


@dataclass(frozen=True, slots=True)
class Limits:
    """Beyond which values a picture is remarkable. In the units of `Measures`."""

    dark: float = 50.0  # brightness below it
    bright: float = 205.0  # brightness above it
    shadows: float = 0.2  # share of clipped dark pixels above it
    highlights: float = 0.1  # share of clipped light pixels above it
    span: float = 150.0  # from black to white, below it
    cast: float = 10.0  # distance of the mean colour from grey, above it, and
    cast_ratio: float = 1.2  # its ratio to the spread of the colours, above it
    detail: float = 60.0  # of the sharpest tile, below it
    noise: float = 5.0  # of the calmest tile, above it


@dataclass(frozen=True, slots=True)
class Issue:
    """One remarkable thing: its name, the measure it was judged by, its value, the limit, and a sentence."""

    name: str
    measure: str
    value: float
    limit: float
    text: str

    def facts(self) -> dict[str, Any]:
        """As JSON."""
        known = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**known, "value": round(self.value, 4)}


def judge(found: Measures, limits: Limits | None = None) -> tuple[Issue, ...]:
    """What of `found` lies beyond `limits`. A picture of one colour is only called flat: its measures say no more."""
    limits = limits or Limits()
    if found.white - found.black < 2:
        return (Issue("flat", "span", found.white - found.black, 2.0, "it has nearly one brightness all over"),)
    return tuple(_beyond(found, limits))


def _beyond(found: Measures, limits: Limits) -> list[Issue]:
    span = found.white - found.black
    away = f"its mean colour is {found.cast:.1f} from grey towards {found.cast_towards}"
    rules = (
        (found.brightness < limits.dark,
         Issue("dark", "brightness", found.brightness, limits.dark,
               f"its mean level is {found.brightness:.0f} of 255")),
        (found.brightness > limits.bright,
         Issue("bright", "brightness", found.brightness, limits.bright,
               f"its mean level is {found.brightness:.0f} of 255")),
        (found.shadows > limits.shadows,
         Issue("shadows_clipped", "shadows", found.shadows, limits.shadows,
               f"{found.shadows:.0%} of it are black without detail")),
        (found.highlights > limits.highlights,
         Issue("highlights_clipped", "highlights", found.highlights, limits.highlights,
               f"{found.highlights:.0%} of it are white without detail")),
        (span < limits.span,
         Issue("low_contrast", "span", span, limits.span,
               f"its levels span only {found.black:.0f} to {found.white:.0f}")),
        (found.cast > limits.cast and found.cast_ratio > limits.cast_ratio,
         Issue("colour_cast", "cast", found.cast, limits.cast,
               f"{away}, {found.cast_ratio:.1f} times the spread of its colours")),
        (found.detail < limits.detail,
         Issue("blurred", "detail", found.detail, limits.detail,
               f"even its sharpest part has a Laplacian variance of {found.detail:.0f} only")),
        (found.noise_floor > limits.noise,
         Issue("noisy", "noise_floor", found.noise_floor, limits.noise,
               f"even its calmest part has noise of {found.noise_floor:.1f} levels")),
    )  # fmt: skip
    return [issue for beyond, issue in rules if beyond]


def by_name(issues: tuple[Issue, ...]) -> Mapping[str, Issue]:
    """The issues by their names."""
    return {issue.name: issue for issue in issues}
