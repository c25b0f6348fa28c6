"""Pictures of 16 bits a channel, read and written."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support import pictures
from workers.media import deep, pngs, tiffs
from workers.media.blocks import Blocks

HUNG = Blocks(pictures.exif(place=True).tobytes()[6:], pictures.srgb(), b"<x/>", b"", (300.0, 300.0))


def values(channels: int, height: int = 37, width: int = 53) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 65535, (height, width, channels), dtype=np.uint16)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("height", [1, 37, 4000])  # of one strip and of many
def test_every_value_comes_back(channels: int, height: int) -> None:
    wanted = values(channels, height)
    picture = deep.of_array(wanted)
    for data, format in (
        (pngs.encoded_deep(picture, HUNG, level=0), "PNG"),
        (tiffs.encoded_deep(picture, HUNG), "TIFF"),
    ):
        if (channels, format) == (2, "TIFF"):
            continue  # becomes RGB with alpha
        found = deep.read(data, format)
        assert found is not None
        assert np.array_equal(found.array(), wanted)
        with Image.open(io.BytesIO(data)) as image:
            exif = image.getexif()
            assert exif[0x010F] == "Maker"
            assert exif.get_ifd(0x8769)[0x9003] == "2024:05:06 07:08:09"
            assert exif.get_ifd(0x8825)[1] == "S"
            assert image.info["icc_profile"] == pictures.srgb()
            assert round(image.info["dpi"][0]) == 300


def test_grey_with_alpha_in_tiff() -> None:
    wanted = values(2)
    found = deep.read(tiffs.encoded_deep(deep.of_array(wanted), Blocks()), "TIFF")
    assert found is not None
    assert np.array_equal(found.array()[:, :, [0, 3]], wanted)


def test_scaled_and_not_clipped() -> None:
    plane = deep.of_array(np.array([[[0], [128], [257], [32768], [65535]]], dtype=np.uint16)).planes[0]
    assert list(np.asarray(deep.to_8_bits(plane))[0]) == [0, 0, 1, 128, 255]


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate"])
def test_directories_behind_a_packed_tiff(tmp_path: Path, compression: str) -> None:
    out = io.BytesIO()
    tiffs.save(pictures.halves(), out, HUNG, compression=compression)
    (tmp_path / "a.tif").write_bytes(tiffs.with_directories(out.getvalue(), HUNG.exif))
    with Image.open(tmp_path / "a.tif") as image:
        assert image.tobytes() == pictures_bytes(out)
        assert image.getexif().get_ifd(0x8769)[0x829D] == 2.8
        assert image.getexif().get_ifd(0x8825)[4] == (151.0, 12.0, 30.0)


def pictures_bytes(out: io.BytesIO) -> bytes:
    with Image.open(io.BytesIO(out.getvalue())) as image:
        return image.tobytes()


def test_chunks_are_checked() -> None:
    data = pngs.encoded(pictures.halves(), Blocks(), level=0)
    assert next(name for name, _ in pngs.chunks(data)) == b"IHDR"
    for broken in (data[:-5], data[:60] + b"\x01\x02" + data[62:], b"x" + data):
        with pytest.raises(ValueError, match=r"chunk|PNG"):
            list(pngs.chunks(broken))
