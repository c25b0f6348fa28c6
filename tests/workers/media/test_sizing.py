from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from workers.errors import ErrorClass, JobFailed
from workers.media import sizing
from workers.media.av import Facts, StreamFacts
from workers.media.encode import Plan, Wishes, plan
from workers.media.hardware import Encoder
from workers.media.presets import PRESETS

FILM = StreamFacts(0, "video", "mpeg4", duration_s=100.0, width=1280, height=720, pix_fmt="yuv420p", fps=25.0)
SOUND = StreamFacts(1, "audio", "dts", duration_s=100.0, sample_rate=48000, channels=2)
FACTS = Facts(Path("/in/a.mkv"), "matroska", 1000, 100.0, 800, (FILM, SOUND))
X264 = Encoder("libx264", {"crf": 23, "preset": "medium"})


def made(preset: str = "web", encoder: Encoder = X264, facts: Facts = FACTS) -> Plan:
    return plan(facts, PRESETS[preset], Wishes(), encoder)


def test_the_film_gets_what_the_sound_leaves() -> None:
    found = sizing.budget(made(), FACTS, 20_000_000, 1_000_000, 0)
    assert found.rest_bytes == 1_000_000 + 160 * 125 * 100  # 80 kbit/s a channel
    assert found.film_kbit == int((20_000_000 * 0.985 - found.rest_bytes) * 8 / 1000 / 100)


def test_too_little_is_refused_with_the_least() -> None:
    with pytest.raises(JobFailed, match=r"([\d.]+) MiB is the least") as caught:
        sizing.budget(made(), FACTS, 2_500_000, 0, 0)
    assert caught.value.failure.error_class is ErrorClass.UNSUPPORTED
    least = float(caught.value.failure.message.split(" MiB is the least")[0].rsplit(" ", 1)[1])
    assert sizing.budget(made(), FACTS, round(least * (1 << 20)), 0, 0).film_kbit > 0
    assert sizing.budget(made(), FACTS, 2_500_000, 0, 240).film_kbit > 0, "a smaller picture needs less"


def test_what_cannot_be_told_is_refused() -> None:
    with pytest.raises(JobFailed, match="duration is unknown"):
        sizing.budget(made(), replace(FACTS, duration_s=None), 1 << 30, 0, 0)
    raw = replace(FACTS, streams=(FILM, replace(SOUND, codec="pcm_s16le")))
    with pytest.raises(JobFailed, match="lossless"):
        sizing.budget(made("archive", Encoder("libx265", {"crf": 19}), raw), raw, 1 << 30, 0, 0)


def test_a_rate_takes_the_place_of_every_quality() -> None:
    assert sizing.with_rate(X264, 900).options == {"preset": "medium", "b:v": "900k"}
    svt = sizing.with_rate(Encoder("libsvtav1", {"crf": 30, "svtav1-params": "lp=2"}), 900)
    assert svt.options == {"svtav1-params": "lp=2:rc=1", "b:v": "900k"}


def test_the_first_pass_keeps_the_place_of_the_film() -> None:
    cover = StreamFacts(0, "video", "mjpeg", cover=True)
    streams = tuple(replace(s, index=n) for n, s in enumerate((cover, SOUND, FILM)))
    facts = replace(FACTS, streams=streams)
    whole = made(facts=facts)
    first = sizing.first_pass(whole, X264, Path("/w/passes"))
    assert [(t.index, t.action) for t in first.tracks] == [(0, "copy"), (1, "copy"), (2, "encode")]
    assert first.preset.container.muxer == "null"
    assert first.tracks[2].options["pass"] == 1
    second = sizing.second_pass(whole, X264, Path("/w/passes"))
    assert second.film is not None and second.film.options["pass"] == 2
    assert [t.index for t in second.tracks] == [0, 1, 2]


def test_passes_of_x265_are_parameters() -> None:
    x265 = Encoder("libx265", {"x265-params": "log-level=error"})
    assert sizing.pass_options(x265, 2, Path("/w/p")) == {"x265-params": "log-level=error:pass=2:stats=/w/p"}
    odd = sizing.pass_options(x265, 1, Path("/Bob's: a\\b"))
    assert odd == {"x265-params": "log-level=error:pass=1:stats=/Bob\\'s\\: a\\\\b"}
    assert sizing.two_passes(x265) and not sizing.two_passes(Encoder("libsvtav1"))


@pytest.mark.parametrize(("size", "better"), [(1000, None), (970, None), (1100, 88), (500, 150), (10**9, 1)])
def test_corrections(size: int, better: int | None) -> None:
    assert sizing.corrected(100, size, 1000, 0) == (better if better != 88 else 90)
