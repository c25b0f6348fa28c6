"""Pictures packed tighter: pixels, frames and everything attached as before."""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from tests.support import pictures
from tests.support.media import Media, cut
from workers.errors import ErrorClass, JobFailed
from workers.media import deep, jpegpack, motion, pngs
from workers.media.blocks import Blocks, take
from workers.media.optimise import Optimised, optimise
from workers.media.sniff import sniff


def optimised(source: Path, level: str = "normal", quality: int = 0) -> Optimised:
    return optimise(source, format=sniff(source).format, level=level, quality=quality)  # type: ignore[arg-type]


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def test_a_jpeg_keeps_pixels_and_every_segment(tmp_path: Path) -> None:
    source = pictures.full_jpeg(tmp_path / "a.jpg")
    before = source.read_bytes()
    made = optimised(source)
    assert len(made.data) < len(before)
    assert made.way == "mozjpeg"
    assert opened(made.data).tobytes() == opened(before).tobytes()
    assert jpegpack.attached(made.data) == jpegpack.attached(before)
    hung = take(opened(made.data))
    assert hung == take(opened(before))
    assert hung.icc == pictures.srgb()
    assert hung.comment == pictures.COMMENT
    assert hung.xmp == pictures.XMP
    assert opened(made.data).getexif()[0x0112] == 6


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_jpegs_of_other_colours(tmp_path: Path, mode: str) -> None:
    pictures.halves().convert(mode).save(tmp_path / "a.jpg", quality=95)
    made = optimised(tmp_path / "a.jpg")
    with Image.open(tmp_path / "a.jpg") as before:
        assert opened(made.data).tobytes() == before.tobytes()


def test_what_stands_behind_a_jpeg_is_not_thrown_away(tmp_path: Path) -> None:
    source = pictures.full_jpeg(tmp_path / "a.jpg")
    whole = source.read_bytes()
    source.write_bytes(whole + b"\0\0\0ftypmp42" + bytes(100) + b"film")
    for quality in (0, 60):
        made = optimised(source, quality=quality)
        assert not made.data
        assert "more than one picture" in made.why
    source.write_bytes(whole + bytes(64))  # filling says nothing
    assert optimised(source).data
    first, second = pictures.halves(), pictures.halves()
    first.save(source, "MPO", save_all=True, append_images=[second])
    assert "more than one picture" in optimised(source).why


def test_a_film_in_the_end_of_a_progressive_jpeg_is_found() -> None:
    out = io.BytesIO()
    pictures.halves().save(out, "JPEG", progressive=True, exif=pictures.exif())
    assert not jpegpack.has_more(out.getvalue())
    assert jpegpack.has_more(out.getvalue() + b"more")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
@pytest.mark.parametrize("level", ["quick", "normal", "best"])
def test_a_png_keeps_pixels_and_all_that_hangs_on_it(tmp_path: Path, mode: str, level: str) -> None:
    noise = pictures.halves()
    noise.putalpha(Image.linear_gradient("L").resize(noise.size))
    info = PngImagePlugin.PngInfo()
    info.add_text("Title", "two halves")
    info.add_itxt("Author", "Zoë")
    source = tmp_path / "a.png"
    words = {"exif": pictures.exif(turn=6), "icc_profile": pictures.srgb(), "dpi": (200, 200)}
    noise.convert(mode).save(source, compress_level=1, pnginfo=info, **words)  # type: ignore[arg-type]
    made = optimised(source, level)
    before, after = opened(source.read_bytes()), opened(made.data)
    assert len(made.data) < source.stat().st_size
    assert after.convert("RGBA").tobytes() == before.convert("RGBA").tobytes()
    assert take(after) == take(before)
    assert after.text == before.text == {"Title": "two halves", "Author": "Zoë"}  # type: ignore[attr-defined]


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_png_of_16_bits_keeps_every_bit(tmp_path: Path, channels: int) -> None:
    values = np.random.default_rng(4).integers(0, 65535, (40, 30, channels), dtype=np.uint16)
    source = tmp_path / "a.png"
    source.write_bytes(pngs.encoded_deep(deep.of_array(values), Blocks(), level=0))
    found = deep.read(optimised(source).data, "PNG")
    assert found is not None
    assert np.array_equal(found.array(), values)


def test_an_animated_png_keeps_frames_and_times(tmp_path: Path) -> None:
    source = pictures.animation(tmp_path / "a.png")
    after = Image.open(io.BytesIO(optimised(source).data))
    assert motion.times_of(after) == [40, 50, 60, 700]
    with Image.open(source) as before:
        for number in range(4):
            before.seek(number)
            after.seek(number)
            assert after.convert("RGBA").tobytes() == before.convert("RGBA").tobytes()
    assert "without loss only" in optimised(source, quality=50).why


@pytest.mark.parametrize("change", ["pixels", "attached"])
@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
def test_a_tool_that_changes_something_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, change: str
) -> None:
    source, other = tmp_path / name, io.BytesIO()
    image = pictures.halves()
    image.save(source, exif=pictures.exif())
    with Image.open(source) as stored:
        stored.load()
        if change == "pixels":
            stored.paste((255, 255, 255), (0, 0, 16, 16))
            stored.save(other, str(stored.format), exif=pictures.exif())
        else:
            shutil.copy(source, tmp_path / "b")
            other.write(_without_exif(source.read_bytes()))
    monkeypatch.setattr(jpegpack, "packed", lambda data: other.getvalue())
    monkeypatch.setattr("oxipng.optimize_from_memory", lambda data, level: other.getvalue())
    with pytest.raises(
        JobFailed, match=f"left as it is: {'pixels' if change == 'pixels' else 'what is attached'}"
    ) as bad:
        optimised(source)
    assert bad.value.failure.error_class is ErrorClass.TOOL


def _without_exif(data: bytes) -> bytes:
    if data[:2] == b"\xff\xd8":
        for segment in jpegpack.attached(data):
            data = data.replace(segment, b"")
        return data
    kept = [(name, content) for name, content in pngs.chunks(data) if name != b"eXIf"]
    import struct
    import zlib

    return pngs.SIGNATURE + b"".join(
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in kept
    )


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.avif"])
def test_lossy_keeps_what_hangs_on_it_and_alpha(tmp_path: Path, name: str) -> None:
    source = tmp_path / name
    image = pictures.halves((300, 200))
    if name != "a.jpg":
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    words: dict[str, Any] = {"lossless": True} if name == "a.webp" else {"quality": 97}
    if name != "a.png":
        words["xmp"] = pictures.XMP
    image.save(source, exif=pictures.exif(turn=6), icc_profile=pictures.srgb(), dpi=(300, 300), **words)
    made = optimised(source, quality=40)
    assert len(made.data) < source.stat().st_size / 2
    with Image.open(source) as before:
        after = opened(made.data)
        assert take(after) == take(before)
        assert take(after).exif != b"" != take(after).icc
        assert (take(after).xmp == b"") == (name == "a.png")
        assert (take(after).dpi is None) == (name in ("a.webp", "a.avif"))
        assert after.size == before.size
        if name != "a.jpg":
            alpha = np.asarray(after.convert("RGBA").getchannel("A")).astype(int)
            assert alpha[0].mean() < 30 < 220 < alpha[-1].mean()


@pytest.mark.parametrize("size", [20, 60_000])
def test_a_lossy_jpeg_keeps_every_segment(tmp_path: Path, size: int) -> None:
    source = pictures.with_iptc(pictures.full_jpeg(tmp_path / "a.jpg"), caption=b"c" * size)
    before = source.read_bytes()
    made = optimised(source, quality=40)
    assert jpegpack.attached(made.data) == jpegpack.attached(before)
    assert len(jpegpack.attached(before)) >= 6
    after = opened(made.data)
    assert take(after) == take(opened(before))
    assert after.info["photoshop"][0x0404].endswith(b"c" * size)
    assert len(made.data) < len(before)


@pytest.mark.parametrize("name", ["a.webp", "a.avif"])
def test_lossy_animations_keep_their_frames(tmp_path: Path, name: str) -> None:
    source = pictures.animation(tmp_path / name)
    made = optimised(source, quality=30)
    assert motion.times_of(Image.open(io.BytesIO(made.data))) == [40, 50, 60, 700]


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
@pytest.mark.parametrize(
    ("name", "quality"), [("a.jpg", 0), ("a.jpg", 50), ("a.png", 0), ("a.png", 50), ("a.webp", 50)]
)
def test_what_is_cut_short_fails(tmp_path: Path, name: str, share: float, quality: int) -> None:
    pictures.halves().save(tmp_path / f"whole-{name}")
    short = cut(tmp_path / f"whole-{name}", tmp_path / name, share)
    with pytest.raises(JobFailed) as caught:
        optimised(short, quality=quality)
    assert caught.value.failure.error_class is ErrorClass.BAD_INPUT


def test_coefficients_out_of_range_do_not_end_the_process(media: Media, tmp_path: Path) -> None:
    """Bytes of the picture itself changed: whatever mozjpeg makes of it, this process lives and nothing is worse."""
    data = bytearray(media.picture.read_bytes())
    start = data.index(b"\xff\xda") + 14
    for seed in range(12):
        broken, at = bytearray(data), start + seed * 37
        broken[at : at + 6] = bytes((seed * 19 + n * 71) % 254 for n in range(6))
        (tmp_path / "a.jpg").write_bytes(broken)
        try:
            made = optimised(tmp_path / "a.jpg")
        except JobFailed as error:
            assert error.failure.error_class in (ErrorClass.BAD_INPUT, ErrorClass.TOOL)
        else:
            assert opened(made.data).tobytes() == opened(bytes(broken)).tobytes()
