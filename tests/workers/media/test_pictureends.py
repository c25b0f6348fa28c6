"""Pictures that were cut short are known by their structure, and whole ones are left in peace."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.support import pictures
from tests.support.drawn import drawn
from tests.support.tiff import deep_tiff
from workers.media.envelope import check_envelope
from workers.media.sniff import sniff

KINDS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "bmp": ("BMP", "RGB", {}),
    "bmp of a palette": ("BMP", "P", {}),
    "bmp of two colours": ("BMP", "1", {}),
    "tiff": ("TIFF", "RGB", {}),
    "tiff, packed": ("TIFF", "RGB", {"compression": "tiff_lzw"}),
    "tiff, pages": ("TIFF", "RGB", {"save_all": True, "append_images": [drawn(2), drawn(3)]}),
    "big tiff": ("TIFF", "L", {"big_tiff": True}),
    "jpeg 2000": ("JPEG2000", "RGB", {}),
    "gif": ("GIF", "P", {}),
    "gif, moving": ("GIF", "P", {"save_all": True, "append_images": [drawn(2), drawn(3)]}),
}


def found(path: Path, data: bytes) -> list[str]:
    path.write_bytes(data)
    return [finding.name for finding in check_envelope(path, sniff(path).format)]


@pytest.mark.parametrize("kind", KINDS)
def test_whole_pictures_and_those_that_were_cut(tmp_path: Path, kind: str) -> None:
    format, mode, words = KINDS[kind]
    out = io.BytesIO()
    drawn(1).convert(mode).save(out, format, **words)
    whole, path = out.getvalue(), tmp_path / "picture"
    assert found(path, whole) == []
    for share in (0.2, 0.5, 0.8, 0.95, 0.999):
        assert found(path, whole[: int(len(whole) * share)]) in (["cut_short"], ["no_end"]), share
    assert found(path, whole + bytes(200)) == []  # filling


def test_every_cut_of_a_gif_is_found(tmp_path: Path) -> None:
    """The end marker is the semicolon, which is in most pictures too."""
    drawn(1).resize((64, 48)).save(tmp_path / "a.gif")
    whole = (tmp_path / "a.gif").read_bytes()
    assert whole.count(b";") > 3
    for at in range(900, len(whole)):
        assert found(tmp_path / "b.gif", whole[:at]) == ["no_end"], at


def test_a_gif_with_rubbish_between_its_blocks(tmp_path: Path) -> None:
    whole = pictures.animation(tmp_path / "a.gif").read_bytes()
    assert found(tmp_path / "b.gif", whole[:-1] + b"rubbish;") == ["broken_block"]


def test_both_orders_and_planes_of_tiff(tmp_path: Path) -> None:
    pixels = np.zeros((40, 50, 3), np.uint16)
    for order in "<>":
        whole = deep_tiff(tmp_path / "a.tif", pixels, planes=True, order=order).read_bytes()
        assert found(tmp_path / "b.tif", whole) == []
        assert found(tmp_path / "b.tif", whole[:-1]) == ["cut_short"]


def test_a_picture_to_the_end_of_its_file_needs_its_marker(tmp_path: Path) -> None:
    out = io.BytesIO()
    drawn(1).save(out, "JPEG2000")
    data = bytearray(out.getvalue())
    at = data.index(b"jp2c") - 4
    data[at : at + 4] = bytes(4)
    assert found(tmp_path / "a.jp2", bytes(data)) == []
    assert found(tmp_path / "a.jp2", bytes(data[:-200])) == ["no_end"]
    assert found(tmp_path / "a.jp2", bytes(data[:at])) == ["cut_short"]


def test_a_loop_of_directories_ends(tmp_path: Path) -> None:
    out = io.BytesIO()
    Image.new("L", (4, 4)).save(out, "TIFF")
    data = bytearray(out.getvalue())
    first = int.from_bytes(data[4:8], "little")
    count = int.from_bytes(data[first : first + 2], "little")
    data[first + 2 + 12 * count : first + 6 + 12 * count] = data[4:8]
    assert found(tmp_path / "a.tif", bytes(data)) == []
