"""Films encoded to a wanted size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.context import PlainContext, files_under
from tests.support.media import Media, ffmpeg, film_source
from tests.workers.operations.test_encoding import refused
from tests.workers.operations.test_transcode import transcode
from workers.media.av import facts
from workers.operations.encoding import Making


@pytest.fixture
def out(tmp_path: Path) -> str:
    return str(tmp_path / "out")


@pytest.mark.parametrize("preset", ["web", "archive", "small"])
def test_a_size_is_met(ctx: PlainContext, tmp_path: Path, out: str, preset: str) -> None:
    wanted, source = 0.3, tmp_path / "grain.mkv"
    grain = ("-vf", "noise=alls=15:allf=t", "-c:v", "mpeg4", "-q:v", "2", "-c:a", "libopus")
    ffmpeg(*film_source(5), *grain, source)
    result = transcode(ctx, source, output=out, preset=preset, size_mib=wanted)
    told = result.detail["sizing"]
    assert told["two_passes"] is (preset != "small")
    assert -8 < told["off_percent"] <= 0
    size = result.outputs[0].stat().st_size
    assert 0.92 * wanted * (1 << 20) < size <= wanted * (1 << 20)


@pytest.mark.parametrize(
    ("sizes", "chosen"),
    [
        ([0.5, 1.2, 1.1], 0.5),  # what was small enough is taken in the end
        ([0.5, 0.8, 1.1], 0.8),
        ([1.2, 1.2, 1.2, 0.9], 0.9),  # more tries while all are too large
        ([1.2, 1.1, 1.1, 1.1, 1.1], None),
        ([1.2, 0.98], 0.98),
    ],
)
def test_a_size_is_never_exceeded(
    ctx: PlainContext, media: Media, out: str, monkeypatch: pytest.MonkeyPatch, sizes: list[float], chosen: float | None
) -> None:
    wanted, left = 1 << 20, list(sizes)

    def encode(making: Making, plan: Any, phase: str = "encoding") -> None:
        if phase == "encoding":  # an encoder that keeps to no rate
            making.staged.write_bytes(bytes(round(left.pop(0) * wanted)))

    monkeypatch.setattr(Making, "encoded", encode)
    monkeypatch.setattr(Making, "verified", lambda making, plan: facts(media.clip))
    if chosen is None:
        assert "the smallest result has 1,153,434 bytes" in refused(ctx, media.clip, output=out, size_mib=1)
        assert files_under(Path(out)) == []
    else:
        result = transcode(ctx, media.clip, output=out, size_mib=1)
        assert result.outputs[0].stat().st_size == round(chosen * wanted)
        assert result.detail["sizing"]["off_percent"] == pytest.approx((chosen - 1) * 100, abs=0.01)
    assert left == []


def test_a_size_that_cannot_be(ctx: PlainContext, media: Media, out: str) -> None:
    assert "MiB is the least" in refused(ctx, media.big, output=out, size_mib=0.05)
