"""Material for `spool demo`: clips and pictures made on the spot, a server for them on loopback, and what to ask for.

The server is a process of its own (`python -m workers.demo FOLDER`): downloads go on when the terminal is closed.
It ends by itself once nobody has asked for anything for a while.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from workers.errors import SpoolError
from workers.files import private_folder
from workers.jobs import Priority
from workers.settings import Settings

BATCH = "demo"
_BYTES_A_SECOND = 600_000  # slow enough to be watched
_IDLE_S = 180.0
_PICTURES = 120

_CLIPS: Mapping[str, tuple[str, str]] = {
    "test-card": ("testsrc2=size=1280x720:rate=25:duration=12", "sine=frequency=440:duration=12"),
    "game-of-life": (
        "life=size=320x180:rate=25:mold=10:ratio=0.1,scale=1280:720:flags=neighbor",
        "anoisesrc=amplitude=0.02",
    ),
    "mandelbrot": ("mandelbrot=size=640x360:rate=25", "sine=frequency=220:beep_factor=4"),
    "colours-long": ("gradients=size=1280x720:rate=25:speed=0.02", "sine=frequency=330:duration=30"),
}
_SECONDS: Mapping[str, int] = {"test-card": 12, "game-of-life": 10, "mandelbrot": 10, "colours-long": 30}


@dataclass(frozen=True, slots=True)
class Order:
    """One job to submit. `after` are places in the list of orders of jobs that must succeed first."""

    operation: str
    values: Mapping[str, Any]
    priority: Priority = Priority.NORMAL
    after: tuple[int, ...] = ()


def material(settings: Settings, tell: Callable[[str], None]) -> Path:
    """The folder with `clips` and `pictures`, made when they are not there yet. JobFailed when ffmpeg cannot."""
    folder = private_folder(settings.paths.cache) / "demo"
    for name, make in (("clips", partial(_make_clips, settings)), ("pictures", _make_pictures)):
        if (folder / name).is_dir():
            continue
        tell(f"making {name} in {folder}")
        staged = private_folder(folder / f".{name}.{os.getpid()}")
        make(staged)
        staged.replace(folder / name)  # all of them or none, should this be interrupted
    return folder


def _make_clips(settings: Settings, folder: Path) -> None:
    from workers.media import ffmpeg

    tool = ffmpeg.find(settings.tools.ffmpeg)
    for title, (video, audio) in _CLIPS.items():
        seconds = _SECONDS[title]
        target = folder / f"{title}.mp4"
        command = [tool.path, "-f", "lavfi", "-i", video, "-f", "lavfi", "-i", audio, "-t", str(seconds)]
        command += ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "26", "-pix_fmt", "yuv420p", "-c:a", "aac"]
        command += ["-metadata", f"title={title}", "-movflags", "+faststart", str(target)]
        ffmpeg.run(command, duration_s=seconds, source=title)


def _make_pictures(folder: Path) -> None:
    from PIL import Image, ImageDraw

    for number in range(_PICTURES):
        hue = int(number * 255 / _PICTURES)
        image = Image.new("HSV", (960, 640), (hue, 150, 220)).convert("RGB")
        draw = ImageDraw.Draw(image)
        for ring in range(12):
            edge = 20 * ring + number
            draw.ellipse((edge, edge, 960 - edge // 2, 640 - edge // 3), outline=(255, 255, hue), width=3)
        draw.text((40, 580), f"picture {number + 1} of {_PICTURES}", fill="white", font_size=40)
        image.save(folder / f"picture {number + 1:03}.jpg", quality=88)


def orders(url: str, folder: Path, output: Path) -> list[Order]:
    """What the demo asks for: downloads (one of them in vain), encodes, thumbnails, and work that waits for others."""
    clips = sorted(path.name for path in (folder / "clips").iterdir())
    fetched = str(output / "downloads")
    found = [Order("download", {"inputs": [f"{url}/{quote(name)}"], "output": fetched}) for name in clips]
    everything = tuple(range(len(found)))
    missing = Order("download", {"inputs": [f"{url}/missing.mp4"], "output": fetched})
    clip = str(folder / "clips" / clips[0])
    made = str(output / "transcodes")
    return [
        *found,
        missing,
        Order("thumbnail", {"inputs": [str(folder / "pictures")], "output": str(output / "thumbnails")}),
        Order("transcode", {"inputs": [clip], "preset": "small", "output": made}, Priority.HIGH),
        Order("transcode", {"inputs": [clip], "preset": "audio", "output": made}),
        Order(
            "transcode", {"inputs": [fetched], "preset": "mobile", "output": made, "reencode": True}, after=everything
        ),
        Order("thumbnail", {"inputs": [fetched], "format": "webp"}, Priority.LOW, after=everything),
    ]


def start_server(folder: Path) -> str:
    """Serve the clips of `folder` from a detached process; the URL under which they are. SpoolError if it cannot."""
    process = subprocess.Popen(
        [sys.executable, "-m", "workers.demo", str(folder / "clips")],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
        text=True,
    )
    assert process.stdout is not None
    # The server says one line or, when it cannot start, ends: either way this read returns.
    url = process.stdout.readline().strip()
    process.stdout.close()
    if not url:
        raise SpoolError("the server for the demo did not start")
    return url


class _Clips(BaseHTTPRequestHandler):
    """Files of one folder, slowly, with ranges so that downloads can resume."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def do_HEAD(self) -> None:
        """The headers alone."""
        self._answer(body=False)

    def do_GET(self) -> None:
        """A file, or the part of it that is asked for."""
        self._answer(body=True)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: nobody reads it."""

    def _answer(self, *, body: bool) -> None:
        self.server.asked_at = time.monotonic()
        path = self.server.files.get(unquote(self.path.partition("?")[0]).removeprefix("/"))
        if path is None:
            self.send_error(404)
            return
        size = path.stat().st_size
        start, end = range_of(self.headers.get("Range", ""), size)
        self.send_response(206 if "Range" in self.headers else 200)
        self.send_header("Content-Type", "video/mp4")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(end - start))
        if "Range" in self.headers:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{size}")
        self.end_headers()
        if body:
            for part in _slowly(path, start, end):
                self.wfile.write(part)
                self.server.asked_at = time.monotonic()


def range_of(header: str, size: int) -> tuple[int, int]:
    """The first byte and the one after the last that a Range header asks for; the whole file when it makes no sense."""
    found = re.fullmatch(r"bytes=(\d+)-(\d*)", header.strip())
    if not found or int(found[1]) >= size:
        return 0, size
    return int(found[1]), min(int(found[2]) + 1 if found[2] else size, size)


def _slowly(path: Path, start: int, end: int) -> Iterator[bytes]:
    part = _BYTES_A_SECOND // 20
    with path.open("rb") as file:
        file.seek(start)
        while start < end:
            data = file.read(min(part, end - start))
            if not data:
                return
            start += len(data)
            yield data
            time.sleep(len(data) / _BYTES_A_SECOND)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Clips)
        self.files = {path.name: path for path in folder.iterdir() if path.is_file()}
        self.asked_at = time.monotonic()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no trouble of ours."""

    def end_when_idle(self) -> None:
        """Shut down once nothing was asked for a while."""
        while time.monotonic() - self.asked_at < _IDLE_S:
            time.sleep(1)
        self.shutdown()


def main() -> int:
    """Serve the folder that is named on the command line, and tell under which URL."""
    server = _Server(Path(sys.argv[1]))
    threading.Thread(target=server.end_when_idle, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)  # noqa: T201 - the answer to who started us
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
