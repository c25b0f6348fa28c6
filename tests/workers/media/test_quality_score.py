"""Rules of the score, at their bounds and beyond."""

from __future__ import annotations

from dataclasses import replace

import pytest

from workers.media.quality_score import WEIGHTS, Measured, issues, parts, total

FINE = Measured(
    width=1920,
    height=1080,
    codec="h264",
    bits_per_pixel=0.2,
    blur=5.0,
    blocks=1.5,
    black=0.0,
    frozen=0.0,
    interlaced=0.0,
    shown=1.0,
    irregular=0.0,
    silent=0.0,
    loudness=-23.0,
    true_peak_db=-3.0,
    offset_s=0.0,
    why={},
)


def score(measured: Measured, name: str) -> float | None:
    return next(part.score for part in parts(measured) if part.name == name)


def test_all_is_well() -> None:
    assert total(parts(FINE)) == (100.0, 100)
    assert issues(FINE) == []
    assert sum(WEIGHTS.values()) == 100


@pytest.mark.parametrize(
    ("change", "name", "wanted"),
    [
        ({"width": 160, "height": 90}, "resolution", 0),
        ({"width": 3840, "height": 2160}, "resolution", 100),
        ({"blur": 11.5}, "blur", 50),
        ({"blur": 99.0}, "blur", 0),
        ({"blocks": 24.0}, "blocks", 0),
        ({"blocks": 0.0}, "blocks", 100),
        ({"black": 0.26}, "black", 50),
        ({"frozen": 0.25}, "freeze", 50),
        ({"interlaced": 1.0}, "interlace", 50),
        ({"shown": 0.75}, "crop", 50),
        ({"irregular": 0.5}, "frame_rate", 0),
        ({"silent": 1.0}, "silence", 0),
        ({"loudness": -34.5}, "loudness", 50),
        ({"loudness": -5.5}, "loudness", 50),
        ({"offset_s": -0.5}, "sync", 0),
        ({"offset_s": 0.04}, "sync", 100),
        ({"codec": "ffv1", "bits_per_pixel": 0.001}, "bit_rate", 100),
        ({"codec": "unheard"}, "bit_rate", None),
        ({"blur": None}, "blur", None),
    ],
)
def test_rules(change: dict[str, float | str | None], name: str, wanted: float | None) -> None:
    found = score(replace(FINE, **change), name)  # type: ignore[arg-type]
    assert found == (wanted if wanted is None else pytest.approx(wanted, abs=0.5))


def test_half_the_good_bit_rate_is_half_the_score() -> None:
    at_720p = replace(FINE, width=1280, height=720, bits_per_pixel=0.04)
    assert score(at_720p, "bit_rate") == pytest.approx(50)
    assert score(replace(at_720p, codec="av1"), "bit_rate") == 100
    assert [issue.name for issue in issues(replace(at_720p, bits_per_pixel=0.039))] == ["low_bit_rate"]


def test_what_was_not_measured_counts_for_nothing() -> None:
    without = replace(FINE, silent=None, loudness=None, offset_s=None, why={"silence": "it has no sound"})
    assert total(parts(without)) == (100.0, 90)
    told = next(part for part in parts(without) if part.name == "silence").told()
    assert told == {"value": None, "unit": "share of time", "score": None, "weight": 4, "rule": "it has no sound"}


def test_issues_name_value_and_bound() -> None:
    (issue,) = issues(replace(FINE, true_peak_db=0.4))
    assert issue.told() == {
        "name": "clipping",
        "value": 0.4,
        "threshold": -1,
        "text": "true peaks are above -1 dBTP",
    }
