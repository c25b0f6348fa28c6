"""What real films, sounds and pictures tell, through the operation."""

from __future__ import annotations

import json
import os
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from tests.support import pictures
from tests.support.context import PlainContext, files_under
from tests.support.media import AAC, CONCAT_TEXT, H264, HLS_TEXT, HOSTILE_NAMES, Media, cut, ffmpeg, film_source
from tests.support.tiff import deep_tiff
from workers.errors import ErrorClass, InvalidParams, JobFailed
from workers.operations.probe import OPERATION

DEPTHS = ("headers", "decoded")


def probed(ctx: PlainContext, inputs: list[Path], **values: Any) -> dict[str, Any]:
    """Facts, or the class of the error, of all inputs by file name."""
    params = OPERATION.validate({"inputs": [os.fspath(path) for path in inputs], **values})
    assert OPERATION.items is not None
    assert OPERATION.process is not None
    outcomes: dict[str, Any] = {}
    for key in OPERATION.items(params):
        try:
            outcomes[os.path.basename(key)] = OPERATION.process(params, key, ctx).detail
        except JobFailed as error:
            outcomes[os.path.basename(key)] = error.failure.error_class
    return outcomes


def one(ctx: PlainContext, source: Path, **values: Any) -> dict[str, Any]:
    (facts,) = probed(ctx, [source], **values).values()
    assert not isinstance(facts, ErrorClass), facts
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts
    return dict(facts)


@pytest.mark.parametrize("depth", DEPTHS)
def test_a_film(ctx: PlainContext, media: Media, depth: str) -> None:
    facts = one(ctx, media.clip, depth=depth)
    assert (facts["kind"], facts["depth"], facts["format"], facts["duration_s"]) == ("video", depth, "mp4", 4.0)
    assert facts["tags"]["title"] == "Clip"
    assert facts["size"] == media.clip.stat().st_size
    video, audio = facts["streams"]
    expected = {"codec": "h264", "profile": "Constrained Baseline", "width": 320, "height": 180, "fps": 25.0,
                "pix_fmt": "yuv420p", "bit_depth": 8, "level": 12}  # fmt: skip
    assert {name: video[name] for name in expected} == expected
    assert (audio["codec"], audio["profile"], audio["sample_rate"], audio["channels"]) == ("aac", "LC", 44100, 1)
    assert [stream.get("decoded") for stream in facts["streams"]] == (
        [True, True] if depth == "decoded" else [None] * 2
    )


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize(
    ("name", "codecs"),
    [
        ("multi", ["h264", "aac", "aac", "subrip"]),
        ("vp9", ["vp9", "opus"]),
        ("transport", ["h264", "aac"]),
        ("song", ["mp3", "mjpeg"]),
    ],
)
def test_containers(ctx: PlainContext, media: Media, name: str, codecs: list[str], depth: str) -> None:
    facts = one(ctx, getattr(media, name), depth=depth)
    assert [stream["codec"] for stream in facts["streams"]] == codecs
    assert facts["duration_s"] > 1.5


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize(
    ("extension", "codec", "depth_of_sound"),
    [("flac", "flac", 16), ("ogg", "vorbis", None), ("m4a", "aac", None), ("wav", "pcm_s16le", 16)],
)
def test_sounds(
    ctx: PlainContext, tmp_path: Path, extension: str, codec: str, depth_of_sound: int | None, depth: str
) -> None:
    path = tmp_path / f"tone.{extension}"
    encoder = {"ogg": "libvorbis", "wav": "pcm_s16le", "m4a": "aac", "flac": "flac"}[extension]
    tone = ("-f", "lavfi", "-i", "sine=duration=2:sample_rate=48000")
    ffmpeg(*tone, "-c:a", encoder, path)
    facts = one(ctx, path, depth=depth)
    (sound,) = facts["streams"]
    assert facts["kind"] == "audio"
    assert facts["duration_s"] == pytest.approx(2, abs=0.1)
    assert (sound["codec"], sound["sample_rate"], sound.get("bit_depth")) == (codec, 48000, depth_of_sound)


@pytest.mark.parametrize("depth", DEPTHS)
def test_rotation_and_cover(ctx: PlainContext, media: Media, depth: str) -> None:
    assert one(ctx, media.rotated, depth=depth)["streams"][0]["rotation"] == 90
    cover = next(s for s in one(ctx, media.covered, depth=depth)["streams"] if s.get("cover"))
    assert (cover["codec"], cover["width"], cover["height"]) == ("mjpeg", 400, 200)
    assert cover["bytes"] == media.picture.stat().st_size


def test_chapters(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    words, path = tmp_path / "chapters.txt", tmp_path / "chapters.mkv"
    words.write_text(
        ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1500\ntitle=One\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=1500\nEND=4000\ntitle=Two\n"
    )
    ffmpeg("-i", media.clip, "-i", words, "-map", "0", "-map_chapters", "1", "-c", "copy", path)
    assert one(ctx, path)["chapters"] == (
        [{"start_s": 0.0, "end_s": 1.5, "title": "One"}, {"start_s": 1.5, "end_s": 4.0, "title": "Two"}]
    )


@pytest.mark.parametrize("depth", DEPTHS)
def test_high_dynamic_range_is_told_by_the_stream_alone(ctx: PlainContext, tmp_path: Path, depth: str) -> None:
    path = tmp_path / "hdr.mp4"
    colours = "log-level=none:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"
    source = ("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=1")
    ffmpeg(*source, "-c:v", "libx265", "-pix_fmt", "yuv420p10le", "-x265-params", colours, path)
    (video,) = one(ctx, path, depth=depth)["streams"]
    expected = {"profile": "Main 10", "pix_fmt": "yuv420p10le", "bit_depth": 10, "hdr": "PQ", "primaries": "bt2020",
                "transfer": "smpte2084", "matrix": "bt2020nc"}  # fmt: skip
    assert {name: video.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("encoder", "pix_fmt"),
    [("libx264", "yuv422p10le"), ("libx264", "yuv444p"), ("libx265", "yuv422p10le"), ("libsvtav1", "yuv420p10le")],
)
def test_the_headers_agree_with_a_frame(ctx: PlainContext, tmp_path: Path, encoder: str, pix_fmt: str) -> None:
    path = tmp_path / "film.mp4"
    source = ("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=0.4")
    ffmpeg(
        *source, "-c:v", encoder, "-preset", "12" if encoder == "libsvtav1" else "ultrafast", "-pix_fmt", pix_fmt, path
    )
    told, seen = (one(ctx, path, depth=depth)["streams"][0] for depth in DEPTHS)
    assert told["pix_fmt"] == seen["pix_fmt"] == pix_fmt
    assert told["bit_depth"] == seen["bit_depth"]


def camera_picture(path: Path) -> Path:
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Maker\x1b[31m", 6
    exif.get_ifd(0x8769).update({0x9003: "2024:05:06 07:08:09", 0x829A: IFDRational(1, 200), 0x927C: b"\0" * 5000})
    exif.get_ifd(0x8825).update({1: "S", 2: (33.0, 51.0, 24.0), 3: "E", 4: (151.0, 12.0, 30.0), 5: b"\x01", 6: 12.5})
    xmp = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        b'xmp:Rating="4"><dc:subject><rdf:Bag><rdf:li>sea</rdf:li><rdf:li>sun</rdf:li></rdf:Bag></dc:subject>'
        b"</rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.new("RGB", (64, 32), "green").save(path, exif=exif, xmp=xmp, icc_profile=profile)
    return path


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("extension", ["jpg", "webp", "png", "avif"])
def test_pictures(ctx: PlainContext, tmp_path: Path, extension: str, depth: str) -> None:
    facts = one(ctx, camera_picture(tmp_path / f"a.{extension}"), depth=depth)
    assert (facts["kind"], facts["depth"], facts["width"], facts["height"]) == ("image", depth, 64, 32)
    assert facts["exif"]["Make"] == "Maker\\x1b[31m"
    assert facts["exif"]["DateTimeOriginal"] == "2024:05:06 07:08:09"
    assert facts["exif"]["ExposureTime"] == 0.005
    assert "MakerNote" not in facts["exif"]
    assert facts["gps"] == {"latitude": -33.8566667, "longitude": 151.2083333, "altitude_m": -12.5}
    if extension != "png":  # Pillow writes none there
        assert (facts["xmp"]["Rating"], facts["xmp"]["subject"]) == ("4", ["sea", "sun"])
    assert facts["icc"] == {"space": "RGB", "name": "sRGB built-in"}
    assert facts.get("decoded") == (True if depth == "decoded" else None)
    if extension == "jpg":
        assert facts["orientation"] == 6


def test_iptc_and_a_depth_of_16_bits(ctx: PlainContext, tmp_path: Path) -> None:
    path, deep = tmp_path / "a.jpg", tmp_path / "deep.png"
    Image.new("RGB", (8, 8)).save(path)
    entries = b"".join(
        b"\x1c\x02" + bytes([kind]) + len(value).to_bytes(2, "big") + value
        for kind, value in ((90, "Köln".encode()), (25, b"one"), (25, b"two"))
    )
    block = (
        b"Photoshop 3.0\x008BIM\x04\x04\0\0" + len(entries).to_bytes(4, "big") + entries + b"\0" * (len(entries) % 2)
    )
    data = path.read_bytes()
    path.write_bytes(data[:2] + b"\xff\xed" + (len(block) + 2).to_bytes(2, "big") + block + data[2:])
    assert one(ctx, path)["iptc"] == {"city": "Köln", "keywords": ["one", "two"]}
    ffmpeg("-f", "lavfi", "-i", "testsrc=size=16x16", "-frames:v", "1", "-pix_fmt", "rgb48be", deep)
    assert one(ctx, deep)["bit_depth"] == 16


def test_bits_and_pictures_of_a_file(ctx: PlainContext, tmp_path: Path) -> None:
    few = Image.new("P", (16, 4))
    for bits in (1, 2, 4, 8):
        path = tmp_path / f"{bits}.png"
        few.putpalette([level % 256 for level in range(3 * 2**bits)])
        few.putdata([number % 2**bits for number in range(64)])
        few.save(path, bits=bits)
        assert one(ctx, path)["bit_depth"] == path.read_bytes()[24] == bits
    assert one(ctx, deep_tiff(tmp_path / "a.tif", np.zeros((4, 5, 3), int), planes=True))["bit_depth"] == 16
    assert one(ctx, pictures.one_frame(tmp_path / "a.jp2", "jpeg2000", "rgb48le"))["bit_depth"] == 16
    assert one(ctx, pictures.one_frame(tmp_path / "a.avif", "libsvtav1", "yuv420p10le"))["bit_depth"] == 10
    pictures.animation(tmp_path / "a.gif")
    assert one(ctx, tmp_path / "a.gif", depth="decoded")["frames"] == 4
    assert "frames" not in one(ctx, tmp_path / "a.gif")


def test_xmp_with_entities_is_not_read(ctx: PlainContext, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.new("RGB", (8, 8)).save(path, xmp=b'<!DOCTYPE a [<!ENTITY b "bbbb">]><a>&b;</a>')
    facts = one(ctx, path)
    assert facts["damaged"] == ["xmp"]
    assert "xmp" not in facts


def test_a_flood_of_tags_is_cut(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    words, path = tmp_path / "tags.txt", tmp_path / "tags.mkv"
    words.write_text(";FFMETADATA1\n" + "".join(f"key{n}={chr(0x1F600) * 3000}\n" for n in range(400)))
    ffmpeg("-i", media.clip, "-i", words, "-map", "0", "-map_metadata", "1", "-c", "copy", path)
    facts = one(ctx, path)
    assert facts["cut"] is True
    assert len(json.dumps(facts)) < 1 << 20


@pytest.mark.parametrize("depth", DEPTHS)
def test_broken_files_fail_alone(ctx: PlainContext, media: Media, tmp_path: Path, depth: str) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "empty.mp4").touch()
    (folder / "zero.mkv").write_bytes(bytes(4000))
    (folder / "random.jpg").write_bytes(b"\x01" + random.Random(1).randbytes(4000))
    (folder / "list.mp4").write_text(HLS_TEXT.format(secret=media.clip))
    (folder / "script.mp4").write_text(CONCAT_TEXT.format(secret=media.clip))
    (folder / "head.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    (folder / "head.mp4").write_bytes(media.clip.read_bytes()[:40] + random.Random(2).randbytes(4000))
    shutil.copy(media.picture, folder / "picture.mp4")
    outcomes = probed(ctx, [folder, folder / "missing.jpg"], depth=depth)
    assert outcomes.pop("picture.mp4")["format"] == "JPEG"
    bad, unknown = ErrorClass.BAD_INPUT, ErrorClass.UNSUPPORTED
    assert outcomes == {"empty.mp4": bad, "zero.mkv": unknown, "random.jpg": unknown, "list.mp4": unknown,
                        "script.mp4": unknown, "head.png": bad, "head.mp4": bad, "missing.jpg": bad}  # fmt: skip


def test_what_only_decoding_finds(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    film, picture = cut(media.clip, tmp_path / "cut.mp4", 0.02), cut(media.picture, tmp_path / "cut.jpg")
    assert one(ctx, film)["duration_s"] == 4.0
    assert one(ctx, picture)["width"] == 400
    assert probed(ctx, [film, picture], depth="decoded") == dict.fromkeys(("cut.mp4", "cut.jpg"), ErrorClass.BAD_INPUT)


@pytest.mark.parametrize("depth", DEPTHS)
def test_flipped_bytes_end_with_an_outcome(ctx: PlainContext, media: Media, tmp_path: Path, depth: str) -> None:
    chance = random.Random(7)
    sources = [media.clip, media.multi, media.vp9, media.song, camera_picture(tmp_path / "camera.jpg")]
    for number in range(100):
        source = sources[number % len(sources)]
        data = bytearray(source.read_bytes())
        for _ in range(30):
            data[chance.randrange(min(len(data), 6000))] = chance.randrange(256)
        path = tmp_path / f"{number}{source.suffix}"
        path.write_bytes(data)
        (outcome,) = probed(ctx, [path], depth=depth).values()
        assert isinstance(outcome, dict) or outcome in (ErrorClass.BAD_INPUT, ErrorClass.UNSUPPORTED)


@pytest.mark.parametrize("raw", HOSTILE_NAMES)
def test_hostile_names(ctx: PlainContext, media: Media, tmp_path: Path, raw: bytes) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for source, extension in ((media.picture, b".jpg"), (media.clip, b".mp4")):
        os.link(source, os.fsencode(folder) + b"/" + raw + extension)
    kinds = [facts["kind"] for facts in probed(ctx, [folder]).values()]
    assert sorted(kinds) == ["image", "video"]


def test_nothing_is_written(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    ffmpeg(*film_source(1), *H264, *AAC, folder / "a.mov")
    (folder / "notes.txt").write_text("no medium")
    assert list(probed(ctx, [folder], depth="decoded")) == ["a.mov"]
    assert files_under(folder) == ["a.mov", "notes.txt"]
    assert ctx.staged == []


@pytest.mark.parametrize("values", [{"depth": "deep"}, {"inputs": []}, {"output": "x"}])
def test_wrong_options(values: dict[str, Any]) -> None:
    with pytest.raises(InvalidParams):
        OPERATION.validate({"inputs": ["/a"], **values})


def test_a_duration_from_a_bit_rate_is_told_as_a_guess(ctx: PlainContext, tmp_path: Path) -> None:
    tone = ("-f", "lavfi", "-i", "sine=frequency=440:duration=2")
    ffmpeg(*tone, *AAC, tmp_path / "bare.aac")
    ffmpeg(*tone, *AAC, tmp_path / "boxed.m4a")
    ffmpeg(*tone, "-c:a", "libmp3lame", tmp_path / "table.mp3")
    for depth in DEPTHS:
        found = probed(ctx, [tmp_path / name for name in ("bare.aac", "boxed.m4a", "table.mp3")], depth=depth)
        assert [found[name].get("duration_guessed") for name in sorted(found)] == [True, None, None]
