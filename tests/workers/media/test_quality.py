"""Films made with one fault each, and what the report says of them."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from tests.support.media import AAC, H264, Media, cut, ffmpeg, film_source
from workers.errors import ErrorClass, JobFailed
from workers.media.quality import Depth, measure
from workers.media.sniff import sniff

SHARP = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "16", "-pix_fmt", "yuv420p")


def report(path: Path, depth: Depth = "sample") -> dict[str, Any]:
    made = measure(path, sniff(path).format, depth=depth)
    assert json.loads(json.dumps(made)) == made
    return made


def names(made: dict[str, Any]) -> set[str]:
    return {issue["name"] for issue in made["issues"]}


def mandelbrot(seconds: float, rate: int = 25) -> tuple[str, ...]:
    return "-f", "lavfi", "-i", f"mandelbrot=size=640x360:rate={rate}", "-t", str(seconds)


class Films:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def made(self, name: str, *words: str | Path) -> Path:
        ffmpeg(*words, self.folder / name)
        return self.folder / name

    @cached_property
    def good(self) -> Path:
        return self.made("good.mp4", *mandelbrot(3), *SHARP)


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Films:
    return Films(tmp_path_factory.mktemp("films"))


def test_a_good_film_without_sound(films: Films) -> None:
    made = report(films.good)
    assert names(made) == {"small_picture"}
    assert {name for name, why in made["not_measured"].items() if why == "it has no sound"} == (
        {"silence", "loudness", "sync"}
    )
    left_out = sum(made["parts"][name]["weight"] for name in made["not_measured"])
    assert made["weight_of_all"] == 100
    assert made["weight_measured"] == 100 - left_out <= 90
    assert made["sound"] is None
    assert made["looked_at"] == {"all": True, "seconds": 3.0, "frames": 75}
    assert made["damage"] == {"picture_errors": 0, "sound_errors": 0, "damaged_frames": 0}
    parts = made["parts"]
    counted = [part for part in parts.values() if part["score"] is not None]
    mean = sum(part["score"] * part["weight"] for part in counted) / sum(part["weight"] for part in counted)
    assert made["score"] == pytest.approx(mean, abs=0.1)
    assert made["picture"]["bit_rate"] * 3 / 8 == pytest.approx(films.good.stat().st_size, rel=0.05)


def test_blur_lowers_its_part(films: Films) -> None:
    blurred = report(films.made("blurred.mp4", "-i", films.good, "-vf", "gblur=sigma=6", *SHARP))
    assert "blurred" in names(blurred)
    assert blurred["parts"]["blur"]["value"] > 1.5 * report(films.good)["parts"]["blur"]["value"]
    assert blurred["score"] < report(films.good)["score"]


def test_blocks_and_few_bits(films: Films) -> None:
    made = report(films.made("blocky.avi", "-i", films.good, "-c:v", "mpeg4", "-q:v", "31"))
    assert {"blocky", "low_bit_rate"} <= names(made)
    assert made["parts"]["blocks"]["score"] == 0


def test_woven_fields(films: Films) -> None:
    words = ("-vf", "tinterlace=interleave_top", *SHARP, "-flags", "+ilme+ildct")
    made = report(films.made("woven.mp4", *mandelbrot(2, 50), *words))
    assert "interlaced" in names(made)
    assert made["parts"]["interlace"] == made["parts"]["interlace"] | {"value": 1.0, "score": 50.0}
    assert made["picture"]["fields"]["tff"] > 30


def test_black_and_frozen_moments(films: Films) -> None:
    joined = (
        "color=black:size=320x180:rate=25:duration=1[b];testsrc2=size=320x180:rate=25:duration=2[t];"
        "color=gray:size=320x180:rate=25:duration=1[g];[b][t][g]concat=n=3"
    )
    made = report(films.made("moments.mp4", "-f", "lavfi", "-i", joined, *H264))
    assert {"black", "frozen"} <= names(made)
    assert made["picture"]["black"]["first"] == [[0.0, 1.0]]
    assert made["parts"]["black"]["value"] == pytest.approx(0.25, abs=0.01)
    assert made["parts"]["freeze"]["value"] == pytest.approx(0.25, abs=0.02)
    assert made["picture"]["frozen"]["first"][-1] == pytest.approx([3.0, 4.0], abs=0.1)


def test_bars_to_the_pixel(films: Films) -> None:
    made = report(films.made("bars.mp4", "-i", films.good, "-vf", "pad=640:480:0:60", *SHARP))
    bars = made["picture"]["bars"]
    assert (bars["top"], bars["bottom"], bars["left"], bars["right"]) == (60, 60, 0, 0)
    assert made["parts"]["crop"]["value"] == 0.75
    assert "bars" in names(made)


def test_odd_intervals(films: Films) -> None:
    words = ("-vf", "select='not(mod(n,7))+not(mod(n,5))'", "-fps_mode", "vfr", *SHARP)
    made = report(films.made("vfr.mkv", "-i", films.good, *words))
    assert "variable_frame_rate" in names(made)
    assert made["picture"]["timing"]["longest_s"] > made["picture"]["timing"]["shortest_s"]
    assert report(films.good)["parts"]["frame_rate"]["value"] == 0


@pytest.mark.parametrize(("gain_db", "issue"), [(-30, "quiet"), (20, "loud")])
def test_loudness_follows_the_gain(media: Media, films: Films, gain_db: int, issue: str) -> None:
    before = report(media.clip)["sound"]["loudness"]
    words = ("-i", media.clip, "-c:v", "copy", "-af", f"volume={gain_db}dB", "-c:a", "flac")
    made = report(films.made(f"gain{gain_db}.mkv", *words))
    assert issue in names(made)
    if gain_db < 0:
        assert made["sound"]["loudness"] == pytest.approx(before + gain_db, abs=0.3)
        assert made["parts"]["loudness"]["score"] < 100
    else:
        assert "clipping" in names(made)


def test_silence_and_an_offset(media: Media, films: Films) -> None:
    late = ("-i", media.clip, "-itsoffset", "0.4", "-f", "lavfi", "-i", "anullsrc=d=3", "-map", "0:v", "-map", "1:a")
    made = report(films.made("silent.mkv", *late, "-c:v", "copy", "-c:a", "flac"))
    assert {"silent", "out_of_sync"} <= names(made)
    assert made["parts"]["silence"]["score"] == 0
    assert made["parts"]["sync"]["value"] == pytest.approx(0.4, abs=0.03)
    assert made["parts"]["loudness"]["score"] is None
    assert made["not_measured"] == {"loudness": "nothing is loud enough"}


def test_long_films_are_sampled(tmp_path: Path) -> None:
    film = tmp_path / "long.mp4"
    ffmpeg(*film_source(60, "160x90"), *H264, *AAC, film)
    told: list[float] = []
    made = measure(film, "mp4", depth="sample", pulse=lambda share, phase: told.append(share))
    assert made["looked_at"]["all"] is False
    assert made["looked_at"]["seconds"] == pytest.approx(30, abs=2)
    assert made["sound"]["seconds"] == pytest.approx(60, abs=0.1)
    assert told == sorted(told)
    assert report(film, "whole")["looked_at"] == {"all": True, "seconds": 60.0, "frames": 1500}


def test_one_key_frame_is_not_looked_at_ten_times(tmp_path: Path) -> None:
    film = tmp_path / "one.mp4"
    ffmpeg(*film_source(40, "160x90"), *H264, "-g", "10000", "-sc_threshold", "0", film)
    assert report(film)["looked_at"]["seconds"] == pytest.approx(3, abs=0.2)


@pytest.mark.parametrize("name", ["multi", "vp9", "transport", "rotated", "covered", "late_picture"])
@pytest.mark.parametrize("depth", ["sample", "whole"])
def test_real_films_of_all_kinds(media: Media, name: str, depth: Depth) -> None:
    made = report(getattr(media, name), depth)
    assert 0 < made["score"] <= 100
    assert made["damage"]["picture_errors"] == 0


def test_very_short(films: Films) -> None:
    made = report(films.made("short.mp4", *mandelbrot(0.04), *SHARP))
    assert made["looked_at"]["frames"] == 1
    assert {"frame_rate", "interlace"} <= set(made["not_measured"])


def test_a_torn_film_is_measured_as_far_as_it_goes(media: Media, tmp_path: Path) -> None:
    made = report(cut(media.clip, tmp_path / "cut.mp4", 0.6))
    assert 0 < made["looked_at"]["seconds"] < 4


def test_sound_alone_is_unsupported(media: Media) -> None:
    with pytest.raises(JobFailed) as failed:
        report(media.song)
    assert failed.value.failure.error_class is ErrorClass.UNSUPPORTED


def test_pictures_that_cannot_be_decoded_are_bad_input(media: Media, tmp_path: Path) -> None:
    data = bytearray(media.late_picture.read_bytes())
    at, end = data.index(b"mdat") + 4, data.index(b"moov") - 4
    data[at:end] = bytes(end - at)
    (tmp_path / "hole.mp4").write_bytes(data)
    with pytest.raises(JobFailed) as failed:
        report(tmp_path / "hole.mp4")
    assert failed.value.failure.error_class is ErrorClass.BAD_INPUT
