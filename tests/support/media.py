"""Small real films, sounds and pictures for tests, made once per session by the ffmpeg of the wheel and by Pillow."""

from __future__ import annotations

import subprocess
from functools import cached_property
from pathlib import Path

import pytest

from workers.media.ffmpeg import locate


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Media:
    """The media of this session."""
    return Media(tmp_path_factory.mktemp("media"))


def ffmpeg(*words: str | Path) -> None:
    """Run ffmpeg with plain words; an AssertionError shows what it said."""
    command = [locate(), "-nostdin", "-hide_banner", "-loglevel", "error", "-y", *map(str, words)]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")


def film_source(seconds: float, size: str = "320x180") -> tuple[str, ...]:
    """Inputs: a moving test picture at 25 a second and a tone."""
    return (
        *("-f", "lavfi", "-i", f"testsrc2=size={size}:rate=25:duration={seconds}"),
        *("-f", "lavfi", "-i", f"sine=frequency=440:duration={seconds}"),
    )


H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-pix_fmt", "yuv420p")
AAC = ("-c:a", "aac", "-b:a", "64k")


class Media:
    """The media of one test session; each is made when first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def _made(self, name: str, *words: str | Path) -> Path:
        path = self.folder / name
        ffmpeg(*words, path)
        return path

    @cached_property
    def clip(self) -> Path:
        """4 s of H.264 and AAC in MP4, 320x180, a key frame each second, index in front."""
        return self._made(
            "clip.mp4", *film_source(4), *H264, *AAC, "-movflags", "+faststart", "-metadata", "title=Clip"
        )

    @cached_property
    def big(self) -> Path:
        """8 s of noise in H.264 and AAC: some megabytes, for downloads that take a while."""
        noise = "nullsrc=size=320x180:rate=25:duration=8,geq=random(1)*255:128:128"
        return self._made(
            "big.mp4",
            *("-f", "lavfi", "-i", noise, "-f", "lavfi", "-i", "sine=frequency=440:duration=8"),
            *("-c:v", "libx264", "-preset", "ultrafast", "-crf", "30", "-pix_fmt", "yuv420p", *AAC),
            *("-movflags", "+faststart"),
        )

    @cached_property
    def rotated(self) -> Path:
        """The clip with a matrix that asks for a turn by 90 degrees."""
        return self._made("rotated.mp4", "-display_rotation", "90", "-i", self.clip, "-c", "copy")

    @cached_property
    def covered(self) -> Path:
        """The clip with a cover attached."""
        return self._made(
            "covered.mp4",
            *("-i", self.picture, "-i", self.clip, "-map", "0", "-map", "1", "-c", "copy"),
            *("-disposition:v:0", "attached_pic"),
        )

    @cached_property
    def multi(self) -> Path:
        """Matroska with H.264, two AAC sounds (one German), and subtitles."""
        words = self.folder / "words.srt"
        words.write_text("1\n00:00:00,500 --> 00:00:02,000\nHello\n")
        return self._made(
            "multi.mkv",
            *("-i", self.clip, "-i", words, "-map", "0", "-map", "0:a", "-map", "1", "-c", "copy"),
            *("-metadata:s:a:1", "language=deu"),
        )

    @cached_property
    def vp9(self) -> Path:
        """2 s of VP9 and Opus in WebM."""
        return self._made("vp9.webm", *film_source(2), "-c:v", "libvpx-vp9", "-cpu-used", "8", "-c:a", "libopus")

    @cached_property
    def transport(self) -> Path:
        """The clip as an MPEG transport stream, which starts at 1.4 s."""
        return self._made("clip.ts", "-i", self.clip, "-c", "copy")

    @cached_property
    def late_picture(self) -> Path:
        """3 s of black, then 3 s of test picture; a key frame each second."""
        joined = (
            "color=black:size=320x180:rate=25:duration=3[b];testsrc2=size=320x180:rate=25:duration=3[t];[b][t]concat"
        )
        return self._made("late.mp4", "-f", "lavfi", "-i", joined, *H264)

    @cached_property
    def one_key_frame(self) -> Path:
        """As `late_picture`, with one key frame only: the black one."""
        return self._made("onekey.mp4", "-i", self.late_picture, *H264, "-g", "10000", "-sc_threshold", "0")

    @cached_property
    def song(self) -> Path:
        """3 s of MP3 with a cover."""
        plain = self._made("plain.mp3", "-f", "lavfi", "-i", "sine=frequency=330:duration=3", "-c:a", "libmp3lame")
        return self._made("song.mp3", "-i", plain, "-i", self.picture, "-map", "0", "-map", "1", "-c", "copy")

    @cached_property
    def picture(self) -> Path:
        """A JPEG of 400x200 pixels: red left half, blue right half."""
        from PIL import Image

        image = Image.new("RGB", (400, 200), "red")
        image.paste(Image.new("RGB", (200, 200), "blue"), (200, 0))
        path = self.folder / "picture.jpg"
        image.save(path, quality=95)
        return path

    @cached_property
    def turned_picture(self) -> Path:
        """The picture as a camera held upright would save it: to be turned by 90 degrees clockwise (orientation 6)."""
        from PIL import Image

        path = self.folder / "turned.jpg"
        with Image.open(self.picture) as image:
            exif = image.getexif()
            exif[0x0112] = 6
            image.save(path, exif=exif, quality=95)
        return path

    @cached_property
    def hls(self) -> Path:
        """A folder with index.m3u8 and its segments (1 s each), of `clip`."""
        folder = self.folder / "hls"
        folder.mkdir(exist_ok=True)
        segments = ("-f", "hls", "-hls_time", "1", "-hls_playlist_type", "vod")
        ffmpeg(
            "-i",
            self.clip,
            "-c",
            "copy",
            *segments,
            "-hls_segment_filename",
            folder / "seg%03d.ts",
            folder / "index.m3u8",
        )
        return folder

    @cached_property
    def dash(self) -> Path:
        """A folder with manifest.mpd and its segments: picture in two heights, and sound, all apart."""
        folder = self.folder / "dash"
        folder.mkdir(exist_ok=True)
        ffmpeg(
            *("-i", self.clip, "-map", "0:v", "-map", "0:v", "-map", "0:a", *H264, *AAC),
            *("-filter:v:1", "scale=160:90", "-f", "dash", "-seg_duration", "1"),
            *("-adaptation_sets", "id=0,streams=v id=1,streams=a", folder / "manifest.mpd"),
        )
        return folder


def cut(path: Path, target: Path, share: float = 0.4) -> Path:
    """A copy of the first part of a file."""
    data = path.read_bytes()
    target.write_bytes(data[: int(len(data) * share)])
    return target


HLS_TEXT = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{secret}\n#EXT-X-ENDLIST\n"
CONCAT_TEXT = "ffconcat version 1.0\nfile '{secret}'\n"
SVG_TEXT = '<svg xmlns="http://www.w3.org/2000/svg"><image href="file://{secret}"/></svg>\n'

HOSTILE_NAMES: tuple[bytes, ...] = (
    b"-rf",
    b"-y",
    b"--help",
    b"x%d",
    b"%s%n%05d",
    b"new\nline",
    b"esc\x1b]52;c;aGk=\x07",
    b"bell\x07",
    "rlo\u202egpj".encode(),
    b"inv\xff\xfealid",
    b"concat:a|b",
    b"a:b",
    b"quote'\"`$(id);&",
    b"back\\slash",
    b"CON",
    b" lead and trail ",
    b"dots...",
    "combining e\u0301".encode(),
    "emoji \U0001f600".encode(),
    b"[markup=red]x[b]",
    b"l" * 240,
)
