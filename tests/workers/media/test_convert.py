"""Pictures from each format into each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from tests.support import pictures
from tests.support.pictures import one_frame
from tests.support.tiff import CMYK, deep_tiff
from workers.errors import ErrorClass, JobFailed
from workers.media import deep, motion, phash, pngs, tiffs, written
from workers.media.analysis import analyse
from workers.media.blocks import Blocks, take
from workers.media.convert import convert
from workers.media.pictures import thumbnail
from workers.media.shapes import Shape
from workers.media.sniff import sniff
from workers.media.wish import EXTENSIONS, Wish

FORMATS = tuple(EXTENSIONS)


def converted(source: Path, format: Any, **values: Any) -> tuple[Path, dict[str, Any]]:
    target = source.parent / f"made.{EXTENSIONS[format]}"
    return target, convert(source, target, Wish(format, **values), format=sniff(source).format)


def colours(path: Path) -> np.ndarray[Any, Any]:
    with Image.open(path) as image:
        shown = deep.to_8_bits(image) if image.mode == "I;16" else image
        return np.asarray(shown.convert("RGB")).astype(int)


@pytest.mark.parametrize("format", FORMATS)
def test_a_photograph_is_upright_with_all_that_hangs_on_it(tmp_path: Path, format: str) -> None:
    source = pictures.full_jpeg(tmp_path / "a.jpg")
    target, facts = converted(source, format)
    assert (facts["width"], facts["height"], facts["date"]) == (60, 120, "2024-05-06")
    assert colours(target)[:40, :, 0].mean() > 100 > colours(target)[80:, :, 0].mean()  # what was left is on top
    with Image.open(target) as image:
        hung, found, xmp = take(image), image.getexif(), image.info.get("xmp")
    if format == "gif":
        assert set(facts["notes"]) == {
            "Exif and XMP are left out: a GIF cannot hold them",
            "colours are converted to sRGB through the profile",
        }
        return
    assert facts["notes"] == []
    assert hung.icc == pictures.srgb()
    assert found.get(0x0112, 1) == 1
    assert found[0x010F] == "Maker"
    assert found.get_ifd(0x8769)[0x927C] == b"notes" * 20
    assert found.get_ifd(0x8825)[1] == "S"
    assert b'tiff:Orientation="1"' in (hung.xmp or xmp or b"")


@pytest.mark.parametrize("format", ["jpeg", "png", "webp"])
def test_an_exif_block_that_needs_no_turn_stays_byte_for_byte(tmp_path: Path, format: str) -> None:
    source = pictures.full_jpeg(tmp_path / "a.jpg", turn=0)
    target, _ = converted(source, format)
    with Image.open(source) as before, Image.open(target) as after:
        assert take(before).exif == take(after).exif != b""


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "avif", "tiff"])
def test_stripped_and_without_place(tmp_path: Path, format: str) -> None:
    source = pictures.full_jpeg(tmp_path / "a.jpg")
    target, _ = converted(source, format, metadata="strip")
    with Image.open(target) as image:
        assert image.size == (60, 120)
        assert not image.getexif().get_ifd(0x8769)
        assert 0x010F not in image.getexif()
        assert "comment" not in image.info
        assert "xmp" not in image.info
        assert image.info["icc_profile"] == pictures.srgb()
    target, _ = converted(source, format, metadata="no-place", drop_profile=True)
    with Image.open(target) as image:
        assert not image.getexif().get_ifd(0x8825)
        assert image.getexif()[0x010F] == "Maker"
        assert not image.info.get("icc_profile")


PLACES = {
    "city": """<rdf:Description xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" photoshop:City="Nairobi"/>""",
    "shown": """<rdf:Description xmlns:e="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"><e:City>Nairobi</e:City></rdf:Description>""",
    "satellite": """<rdf:Description xmlns:exif="http://ns.adobe.com/exif/1.0/" exif:GPSMapDatum="Nairobi"/>""",
}


@pytest.mark.parametrize("kind", PLACES)
@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "avif", "tiff"])
def test_no_way_of_xmp_to_name_a_place_stays(tmp_path: Path, kind: str, format: str) -> None:
    xmp = f'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">{PLACES[kind]}</rdf:RDF>'
    packet = f'<x:xmpmeta xmlns:x="adobe:ns:meta/">{xmp}</x:xmpmeta>'.encode()
    pictures.halves().save(tmp_path / "a.jpg", xmp=packet)
    target, facts = converted(tmp_path / "a.jpg", format)
    assert b"Nairobi" in target.read_bytes()  # kept where nobody asked otherwise
    target, facts = converted(tmp_path / "a.jpg", format, metadata="no-place")
    assert b"Nairobi" not in target.read_bytes()
    assert facts["notes"] == ["XMP is left out: it may say where the picture was taken"]


@pytest.mark.parametrize("format", ["jpeg", "webp", "tiff", "avif", "gif"])
def test_16_bits_are_scaled_where_they_cannot_stay(tmp_path: Path, format: str) -> None:
    ramp = np.linspace(0, 65535, 64 * 64).astype(np.uint16).reshape(64, 64, 1)
    for channels in (1, 3):
        source = tmp_path / "deep.png"
        picture = deep.of_array(np.repeat(ramp, channels, axis=2))
        source.write_bytes(pngs.encoded_deep(picture, Blocks(), level=0))
        target, facts = converted(source, format)
        if format == "tiff":
            assert facts["notes"] == []
            assert tiff_words(target).max() == 65535
            continue
        assert facts["notes"] == ["16 bits a channel become 8"]
        shades = colours(target)[..., 0]
        assert shades[0].mean() < 12
        assert abs(shades[32].mean() - 130) < 12
        assert shades[-1].mean() > 243


def tiff_words(path: Path) -> np.ndarray[Any, Any]:
    with Image.open(path) as image:
        if image.mode == "I;16":
            return np.asarray(image)
    found = deep.read(path.read_bytes(), "TIFF")
    assert found is not None
    return found.array()


def _gradient(channels: int) -> np.ndarray[Any, Any]:
    rows, columns = np.mgrid[0:24, 0:32]
    return np.stack([(rows * 900 + columns * 1000 + n * 9000) % 65536 for n in range(channels)], axis=2)


LAYOUTS: dict[str, dict[str, Any]] = {
    "cmyk": {"meaning": CMYK},
    "planes": {"planes": True},
    "planes, big end": {"planes": True, "order": ">"},
    "alpha multiplied in": {"extra": 1},
    "unknown fourth": {"extra": 0},
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("format", ["png", "tiff", "webp", "jpeg"])
def test_bits_that_are_lost_are_named(tmp_path: Path, format: str, layout: str) -> None:
    channels = 3 if "planes" in layout else 4
    pixels = _gradient(channels)
    if layout == "alpha multiplied in":
        pixels[:, :, 3] = 65535
    source = deep_tiff(tmp_path / "a.tif", pixels, **LAYOUTS[layout])
    target, facts = converted(source, format)
    assert "16 bits a channel become 8" in facts["notes"]
    assert any("neither colour nor alpha" in note for note in facts["notes"]) == (layout == "unknown fourth")
    if layout != "cmyk" and format in ("png", "tiff"):
        assert np.abs(colours(target) - pixels[:, :, :3] / 257).max() <= 1.01


def test_the_planes_of_a_tiff_are_seen_as_they_are(tmp_path: Path) -> None:
    wide = np.repeat(np.repeat(_gradient(3), 8, axis=0), 8, axis=1)
    source = deep_tiff(tmp_path / "a.tif", wide, planes=True)
    Image.fromarray((wide // 257).astype(np.uint8)).save(tmp_path / "a.png")
    assert phash.distance(phash.fingerprint(source).phash, phash.fingerprint(tmp_path / "a.png").phash) <= 2
    one, other = (analyse(tmp_path / name).measures for name in ("a.tif", "a.png"))
    assert abs(one.brightness - other.brightness) < 1
    small = np.asarray(thumbnail(source, Shape.within(64))).astype(int)
    assert np.abs(small - np.asarray(thumbnail(tmp_path / "a.png", Shape.within(64)))).mean() < 3


def test_deep_pictures_of_modern_formats_tell_what_is_lost(tmp_path: Path) -> None:
    for encoder, pixels, name, bits in (
        ("jpeg2000", "rgb48le", "a.jp2", 16),
        ("libsvtav1", "yuv420p10le", "a.avif", 10),
    ):
        one_frame(tmp_path / name, encoder, pixels)
        assert f"{bits} bits a channel become 8" in converted(tmp_path / name, "png")[1]["notes"]
        with pytest.raises(JobFailed, match=f"{bits} bits a channel, of which WebP holds 8") as caught:
            converted(tmp_path / name, "webp", lossless=True)
        assert caught.value.failure.error_class is ErrorClass.UNSUPPORTED
    pictures.halves().save(tmp_path / "b.jp2")
    pictures.halves().save(tmp_path / "b.avif")
    for name in ("b.jp2", "b.avif"):
        assert converted(tmp_path / name, "webp", lossless=True)[1]["notes"] == []


@pytest.mark.parametrize(("format", "side"), [("webp", 16_384), ("jpeg", 65_501), ("gif", 65_536), ("avif", 32_769)])
def test_more_pixels_than_a_format_holds_are_no_damage(tmp_path: Path, format: str, side: int) -> None:
    Image.new("RGB", (3, side), "red").save(tmp_path / "long.png")
    with pytest.raises(JobFailed, match=rf"{side:,} pixels.* at most {side - 1:,}: size {side - 1} ") as caught:
        converted(tmp_path / "long.png", format)
    assert caught.value.failure.error_class is ErrorClass.UNSUPPORTED
    _, facts = converted(tmp_path / "long.png", format, size=side - 1)
    assert facts["height"] == side - 1


def test_what_is_too_long_for_a_segment_is_left_out_with_a_note(tmp_path: Path) -> None:
    comment, exif = b"c" * 65_534, pictures.exif()
    exif[0x010E] = "d" * 70_000
    pictures.halves().save(tmp_path / "a.webp", exif=exif, xmp=b"x" * 100_000)
    target, facts = converted(tmp_path / "a.webp", "jpeg")
    with Image.open(target) as image:
        assert not take(image).exif and not take(image).xmp
    assert [note.split(":")[0] for note in facts["notes"]] == ["Exif is left out", "XMP is left out"]
    pictures.halves().save(tmp_path / "b.gif", comment=comment)
    target, facts = converted(tmp_path / "b.gif", "jpeg")
    assert facts["notes"] == [
        "the comment is left out: a JPEG holds at most 65,533 bytes of it, and there are 65,534",
    ]
    assert b"cccc" not in target.read_bytes()


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(("first", "second"), [("png", "tiff"), ("tiff", "png")])
def test_16_bits_stay_between_png_and_tiff(tmp_path: Path, channels: int, first: str, second: str) -> None:
    values = np.random.default_rng(2).integers(0, 65535, (40, 30, channels), dtype=np.uint16)
    source, picture = tmp_path / f"deep.{first}", deep.of_array(values)
    hung = Blocks(exif=pictures.exif(turn=3).tobytes()[6:])
    data = pngs.encoded_deep(picture, hung, level=0) if first == "png" else tiffs.encoded_deep(picture, Blocks())
    source.write_bytes(data)
    target, _ = converted(source, second)
    found = deep.read(target.read_bytes(), second.upper())
    assert found is not None
    assert np.array_equal(found.array(), values[::-1, ::-1] if first == "png" else values)
    small, facts = converted(source, second, size=20)
    assert max(facts["width"], facts["height"]) == 20
    found = deep.read(small.read_bytes(), second.upper())
    assert found is not None
    assert found.size == (15, 20)


@pytest.mark.parametrize("format", FORMATS)
def test_cmyk(tmp_path: Path, format: str) -> None:
    source = tmp_path / "a.jpg"
    Image.new("CMYK", (40, 30), (0, 255, 255, 0)).save(source, quality=95)
    target, facts = converted(source, format)
    with Image.open(target) as image:
        assert (image.mode == "CMYK") == (format == "tiff")
    red, green, blue = colours(target)[15, 20]
    assert red > 230 > 60 > max(green, blue)
    assert bool(facts["notes"]) == (format != "tiff")


def test_colours_go_through_the_profile(tmp_path: Path) -> None:
    source = tmp_path / "a.tif"
    lab = ImageCms.profileToProfile(
        Image.new("RGB", (20, 20), (200, 40, 40)),
        ImageCms.createProfile("sRGB"),
        ImageCms.createProfile("LAB"),
        outputMode="LAB",
    )
    assert lab is not None
    lab.save(source)
    target, facts = converted(source, "png")
    assert np.abs(colours(target)[5, 5] - [200, 40, 40]).max() < 8
    assert facts["notes"] == ["colours are converted to sRGB through the profile"]


def test_a_profile_of_another_space_is_left_out(tmp_path: Path) -> None:
    source = tmp_path / "a.jpg"
    Image.new("L", (20, 20), 90).save(source, icc_profile=pictures.srgb())
    target, facts = converted(source, "png")
    assert facts["notes"] == ["the colour profile did not belong to these pixels and is left out"]
    with Image.open(target) as image:
        assert "icc_profile" not in image.info


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I", "F"])
@pytest.mark.parametrize("format", FORMATS)
def test_every_mode_into_every_format(tmp_path: Path, mode: str, format: str) -> None:
    source = tmp_path / "a.tif"
    grey = Image.linear_gradient("L").resize((40, 40))
    made = Image.fromarray(np.asarray(grey).astype(np.float32) * 37 - 5) if mode == "F" else grey.convert(mode)
    made.save(source)
    target, facts = converted(source, format)
    assert facts["frames"] == 1
    shades = colours(target)[..., 0] if not (mode in "IF" and format == "tiff") else None
    if shades is not None and mode != "P":
        assert shades[0].mean() < 40
        assert shades[-1].mean() > 215


def test_transparency(tmp_path: Path) -> None:
    source = tmp_path / "a.png"
    palette = Image.new("P", (20, 20), 1)
    palette.putpalette([0, 0, 0, 255, 0, 0])
    palette.paste(0, (0, 0, 10, 20))
    palette.save(source, transparency=0)
    for format in ("png", "webp", "avif", "tiff", "gif"):
        target, facts = converted(source, format)
        with Image.open(target) as image:
            alpha = image.convert("RGBA").getchannel("A")
        assert (alpha.getpixel((3, 3)), alpha.getpixel((15, 15))) == (0, 255)
        assert facts["notes"] == []
    target, facts = converted(source, "jpeg", background="#0000ff", quality=95)
    assert facts["notes"] == ["transparency is laid on #0000ff"]
    assert colours(target)[10, 3].argmax() == 2
    Image.new("RGBA", (20, 20), (9, 9, 9, 128)).save(source)
    assert converted(source, "gif")[1]["notes"] == ["half-transparent pixels become opaque or clear"]


@pytest.mark.parametrize("first", ["gif", "webp", "png", "avif"])
@pytest.mark.parametrize("second", ["gif", "webp", "png", "avif"])
def test_animations_keep_frames_and_times(tmp_path: Path, first: str, second: str) -> None:
    source = pictures.animation(tmp_path / f"a.{first}")
    target, facts = converted(source, second, size=20)
    assert facts["frames"] == 4
    with Image.open(target) as image:
        assert motion.times_of(image) == [40, 50, 60, 700]
        assert image.size == (20, 15)
        image.seek(3)
        last = image.convert("RGBA")
    assert last.getpixel((2, 5))[3] < 60  # type: ignore[index]  # where the square was before is clear again
    red, green, _, alpha = last.getpixel((11, 5))  # type: ignore[misc]
    assert green > 180 > red
    assert alpha > 200


def test_how_often_it_runs(tmp_path: Path) -> None:
    source = pictures.animation(tmp_path / "a.webp", loop=3)
    target, _ = converted(source, "gif")
    with Image.open(target) as image:
        assert image.info["loop"] == 2  # a GIF counts what follows the first
    back, _ = converted(target, "png")
    with Image.open(back) as image:
        assert image.info["loop"] == 3


@pytest.mark.parametrize(
    ("name", "format"), [("a.gif", "jpeg"), ("a.png", "tiff"), ("a.tif", "png"), ("a.tif", "tiff")]
)
def test_what_cannot_hold_it_refuses_unless_the_first_will_do(tmp_path: Path, name: str, format: str) -> None:
    source = pictures.animation(tmp_path / name, mode="RGB")
    with pytest.raises(JobFailed, match="first_frame takes the first") as caught:
        converted(source, format)
    assert caught.value.failure.error_class is ErrorClass.UNSUPPORTED
    _, facts = converted(source, format, first_frame=True)
    assert facts["frames"] == 1
    assert facts["notes"][0].startswith("the first of 4 ")


def test_the_hidden_cover_of_a_png_is_no_frame(tmp_path: Path) -> None:
    first, *rest = pictures.moving()
    cover = Image.new("RGBA", (40, 30), "white")
    cover.save(
        tmp_path / "a.png", save_all=True, append_images=[first, *rest], duration=[40, 50, 60, 70], default_image=True
    )
    for format in ("png", "webp"):
        target, facts = converted(tmp_path / "a.png", format)
        assert facts["frames"] == 4
        with Image.open(target) as image:
            assert motion.times_of(image) == [40, 50, 60, 70]


def test_too_many_frames_for_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = pictures.animation(tmp_path / "a.gif")
    monkeypatch.setattr(motion, "MAX_PIXELS", 3 * 40 * 30)
    with pytest.raises(JobFailed, match=r"frames of a\.gif have more than"):
        converted(source, "webp")
    assert converted(source, "webp", size=20)[1]["frames"] == 4


def test_lossless_webp_keeps_every_value(tmp_path: Path) -> None:
    source = tmp_path / "a.png"
    values = np.random.default_rng(3).integers(0, 255, (30, 40, 4), dtype=np.uint8)
    Image.fromarray(values).save(source)
    target, _ = converted(source, "webp", lossless=True)
    with Image.open(target) as image:
        assert np.array_equal(np.asarray(image), values)


def test_a_size_limit_reduces_and_never_enlarges(tmp_path: Path) -> None:
    source = tmp_path / "a.jpg"
    pictures.halves((600, 300)).save(source)
    for size, wanted in ((60, (60, 30)), (599, (599, 300)), (2000, (600, 300))):
        target, facts = converted(source, "png", size=size)
        assert (facts["width"], facts["height"]) == wanted
        assert colours(target)[5, 5].argmax() == 0


def test_a_result_that_differs_is_never_given_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = pictures.full_jpeg(tmp_path / "a.jpg")
    monkeypatch.setattr(pngs, "encoded", lambda image, *a, **k: _png(image.resize((9, 9))))
    with pytest.raises(JobFailed, match="differs from its input in size") as caught:
        converted(source, "png")
    assert caught.value.failure.error_class is ErrorClass.TOOL


def test_what_is_lost_is_named(tmp_path: Path) -> None:
    source = pictures.full_jpeg(tmp_path / "a.jpg")
    block = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0\0\0\0\x0a\x1c\x02\x78\0\x05words"
    data = source.read_bytes()
    source.write_bytes(data[:2] + b"\xff\xed" + (len(block) + 2).to_bytes(2, "big") + block + data[2:])
    assert converted(source, "webp")[1]["notes"] == ["IPTC is left out"]
    assert converted(source, "webp", metadata="strip")[1]["notes"] == []
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Title", "two halves")
    pictures.halves().save(tmp_path / "a.png", pnginfo=texts)
    assert converted(tmp_path / "a.png", "webp")[1]["notes"] == ["texts of the PNG are left out"]


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "avif", "tiff"])
def test_a_result_that_is_cut_short_is_never_given_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: str
) -> None:
    source, write = pictures.full_jpeg(tmp_path / "a.jpg"), written.write

    def half(made: Any, target: Path, wish: Wish) -> None:
        write(made, target, wish)
        target.write_bytes(target.read_bytes()[:-40])

    monkeypatch.setattr(written, "write", half)
    with pytest.raises(JobFailed) as caught:
        converted(source, format)
    assert caught.value.failure.error_class is ErrorClass.TOOL


def _png(image: Image.Image) -> bytes:
    import io

    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
