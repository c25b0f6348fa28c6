"""Runs of zeros in coded pictures, and flat pictures that are coded so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from workers.media.damage import examine
from workers.media.jpegs import has_hole


@pytest.fixture(params=[{}, {"progressive": True}, {"optimize": True}, {"subsampling": 0, "restart_marker_rows": 1}])
def noisy(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    image = Image.effect_noise((640, 480), 80).convert("RGB")
    image.save(tmp_path / "noise.jpg", quality=90, **request.param)
    return tmp_path / "noise.jpg"


def test_a_hole_is_found(noisy: Path) -> None:
    data = noisy.read_bytes()
    assert not has_hole(data)
    assert not examine(noisy, "full").findings
    at = len(data) // 2
    noisy.write_bytes(data[:at] + bytes(2000) + data[at + 2000 :])
    assert has_hole(noisy.read_bytes())
    assert [finding.name for finding in examine(noisy, "full").findings] == ["hole"]


@pytest.mark.parametrize("words", [{}, {"progressive": True}, {"optimize": True}, {"quality": 1, "optimize": True}])
@pytest.mark.parametrize("colour", ["white", "black", "#123456"])
def test_flat_pictures_raise_no_alarm(tmp_path: Path, words: dict[str, Any], colour: str) -> None:
    path = tmp_path / "flat.jpg"
    Image.new("RGB", (1600, 1200), colour).save(path, **words)
    assert not examine(path, "full").findings


def test_zeros_behind_the_picture_and_in_its_header(noisy: Path) -> None:
    noisy.write_bytes(noisy.read_bytes() + bytes(5000))
    assert not has_hole(noisy.read_bytes())
    data = noisy.read_bytes()
    noisy.write_bytes(data[:2] + b"\xff\xe5\x08\x02" + bytes(2048) + data[2:])
    assert not has_hole(noisy.read_bytes())
    assert not examine(noisy, "full").findings


@pytest.mark.parametrize("data", [b"", b"\xff\xd8", b"\xff\xd8\xff\xda", b"\xff\xd8\xff\xc4\x00\x03", bytes(5000)])
def test_scraps(data: bytes) -> None:
    assert not has_hole(data)
