"""What enhancing does to pictures whose trouble is known, and what it leaves as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFilter

from tests.support import pictures
from tests.support.drawn import drawn, mapped, noisy, textured
from workers.errors import ErrorClass, JobFailed
from workers.media import analysis, enhance, jpegpack
from workers.media.judgement import judge


def issues(image: Image.Image) -> set[str]:
    return {issue.name for issue in judge(analysis.of_image(image).measures)}


def improved(image: Image.Image, **wishes: Any) -> tuple[Image.Image, list[str]]:
    found = analysis.of_image(image).measures
    steps = enhance.plan(found, wishes)
    return enhance.applied(image, steps, found.noise_floor), [step.name for step in steps]


def test_a_good_picture_needs_nothing() -> None:
    assert improved(textured(1))[1] == []
    assert improved(Image.new("RGB", (300, 300), "navy"), levels="high")[1] == []


def test_low_contrast_is_raised() -> None:
    dull = mapped(textured(1), lambda level: 90 + level * 0.3)
    better, steps = improved(dull)
    assert "levels" in steps
    assert "low_contrast" in issues(dull) - issues(better)


def test_a_cast_is_taken_away() -> None:
    grey = textured(1).convert("L").convert("RGB")
    tinted = mapped(grey, lambda x: min(30 + 0.8 * x, 240), lambda x: 30 + 0.65 * x, lambda x: 20 + 0.45 * x)
    better, steps = improved(tinted)
    assert steps[0] == "white_balance"
    assert analysis.of_image(better).measures.cast < 0.4 * analysis.of_image(tinted).measures.cast


def test_noise_goes_and_edges_stay() -> None:
    clean = drawn(1, (800, 600))
    grainy = noisy(clean, 14)
    better, steps = improved(grainy)
    assert "denoise" in steps
    assert "sharpen" not in steps
    wanted = np.asarray(clean, np.float64)

    def error(image: Image.Image) -> float:
        return float(np.sqrt(((np.asarray(image, np.float64) - wanted) ** 2).mean()))

    assert error(better) < 0.6 * error(grainy)


def test_a_blurred_picture_gains_detail() -> None:
    soft = textured(1).filter(ImageFilter.GaussianBlur(4))
    better, steps = improved(soft, levels="off")
    assert steps == ["sharpen"]
    assert analysis.of_image(better).measures.detail > 1.3 * analysis.of_image(soft).measures.detail


def test_wishes_win_over_measures() -> None:
    dull = mapped(textured(1), lambda level: 90 + level * 0.3)
    assert improved(dull, levels="off", sharpen="off", white_balance="off", denoise="off")[1] == []
    low, high = (improved(dull, levels=word)[0] for word in ("low", "high"))
    spans = [analysis.of_image(image).measures for image in (dull, low, high)]
    assert [one.white - one.black for one in spans] == sorted(one.white - one.black for one in spans)


def test_strips_leave_no_seams() -> None:
    image = noisy(drawn(3, (300, 700)), 10)
    whole = enhance._calmed(image.convert("L"), 10)
    turned = enhance._calmed(image.convert("L").transpose(Image.Transpose.ROTATE_90), 10)
    assert np.array_equal(np.asarray(whole), np.asarray(turned.transpose(Image.Transpose.ROTATE_270)))


def exif() -> Image.Exif:
    made = Image.Exif()
    made[0x0112], made[0x010F] = 6, "Maker"
    return made


@pytest.mark.parametrize(("name", "format"), [("a.jpg", "JPEG"), ("a.png", "PNG"), ("a.webp", "WEBP")])
def test_everything_that_hangs_on_it_stays(tmp_path: Path, name: str, format: str) -> None:
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    dull = mapped(drawn(1), lambda level: 90 + level * 0.3)
    words: dict[str, Any] = {"lossless": True} if format == "WEBP" else {"quality": 90} if format == "JPEG" else {}
    if format != "JPEG":
        dull.putalpha(Image.linear_gradient("L").resize(dull.size))
    dull.save(tmp_path / name, exif=exif(), icc_profile=profile, xmp=b"<x:xmpmeta/>", **words)
    before = enhance.look(tmp_path / name, format)
    steps = enhance.plan(before.measures, {"levels": "high"})
    target = tmp_path / f"made-{name}"
    facts = enhance.enhance(tmp_path / name, target, format, steps, before.measures.noise_floor)
    assert facts["measures"]["white"] >= before.measures.white
    with Image.open(tmp_path / name) as one, Image.open(target) as other:
        assert (other.format, other.size, other.mode) == (one.format, one.size, one.mode)
        assert other.info["icc_profile"] == profile
        assert (other.getexif()[0x0112], other.getexif()[0x010F]) == (6, "Maker")
        if format == "JPEG":
            assert other.quantization == one.quantization  # type: ignore[attr-defined]
        else:
            assert np.array_equal(np.asarray(one.getchannel("A")), np.asarray(other.getchannel("A")))


def test_every_segment_of_a_jpeg_stays(tmp_path: Path) -> None:
    source = pictures.with_iptc(pictures.full_jpeg(tmp_path / "a.jpg"), caption=b"seen from here")
    before = source.read_bytes()
    steps = enhance.plan(enhance.look(source, "JPEG").measures, {"sharpen": "low"})
    enhance.enhance(source, tmp_path / "b.jpg", "JPEG", steps, 0.0)
    made = (tmp_path / "b.jpg").read_bytes()
    assert jpegpack.attached(made) == jpegpack.attached(before)
    assert b"seen from here" in made


def test_what_could_not_be_written_as_it_came_is_refused(tmp_path: Path) -> None:
    image = drawn(1, (64, 48))
    wide = image.convert("L").convert("I").point(lambda value: value * 257 + 0).convert("I;16")
    image.save(tmp_path / "a.gif")
    image.convert("CMYK").save(tmp_path / "c.jpg")
    wide.save(tmp_path / "w.png")
    image.save(tmp_path / "m.webp", save_all=True, append_images=[drawn(2, (64, 48))])
    Image.new("1", (20_000, 20_000)).save(tmp_path / "bomb.png")
    expected = {
        "a.gif": ("GIF", "can be enhanced"),
        "c.jpg": ("JPEG", "CMYK"),
        "w.png": ("PNG", "16 bits"),
        "m.webp": ("WEBP", "animation"),
        "bomb.png": ("PNG", "million pixels"),
    }
    for name, (format, words) in expected.items():
        with pytest.raises(JobFailed, match=words) as caught:
            enhance.look(tmp_path / name, format)
        assert caught.value.failure.error_class is ErrorClass.UNSUPPORTED


def test_a_comparison_has_both(tmp_path: Path) -> None:
    Image.new("RGB", (400, 200), "red").save(tmp_path / "a.png")
    Image.new("RGB", (400, 200), "blue").save(tmp_path / "b.png")
    enhance.compare(tmp_path / "a.png", tmp_path / "b.png", tmp_path / "c.jpg", "PNG")
    with Image.open(tmp_path / "c.jpg") as image:
        assert image.size == (808, 200)
        left: Any = image.getpixel((200, 100))
        right: Any = image.getpixel((600, 100))
        assert left[0] > 200 > 60 > left[2]
        assert right[2] > 200 > 60 > right[0]
