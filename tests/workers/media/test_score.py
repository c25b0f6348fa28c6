from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.media import Media, ffmpeg
from workers.errors import ErrorClass, JobFailed
from workers.media.ffmpeg import locate
from workers.media.score import Metric, Side, measure, need


@pytest.mark.parametrize(("metric", "same"), [("vmaf", 95.0), ("xpsnr", 100.0)])
def test_a_coarser_encode_scores_less(media: Media, tmp_path: Path, metric: Metric, same: float) -> None:
    folder = tmp_path / "it's [odd]:,;\\"
    folder.mkdir()
    scores = []
    for crf in (20, 45):
        made = tmp_path / f"{crf}.mkv"
        ffmpeg("-i", media.clip, "-t", "1", "-an", "-c:v", "libx264", "-preset", "ultrafast", "-crf", str(crf), made)
        scores.append(measure(metric, Side(made, "matroska"), Side(media.clip, "mp4"), folder / "log", ffmpeg=locate()))
    fine, coarse = scores
    assert fine.mean > coarse.mean > 0 and coarse.worst <= coarse.mean
    assert fine.frames >= 25
    itself = measure(metric, Side(media.clip, "mp4"), Side(media.clip, "mp4"), folder / "log", ffmpeg=locate())
    assert itself.mean >= same
    assert itself.as_json()["metric"] == metric


def test_a_build_that_cannot_measure_is_told() -> None:
    need("vmaf", {"libvmaf"}, "/bin/ffmpeg")
    with pytest.raises(JobFailed, match="built without xpsnr, which measures XPSNR") as caught:
        need("xpsnr", {"libvmaf"}, "/bin/ffmpeg")
    assert caught.value.failure.error_class is ErrorClass.UNSUPPORTED
