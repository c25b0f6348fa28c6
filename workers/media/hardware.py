"""Hardware encoders of ffmpeg. One counts only when it has encoded a test frame: builds list many that cannot work."""

from __future__ import annotations

import functools
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field

from workers.errors import JobFailed
from workers.media import environment, sandbox
from workers.media.ffmpeg import Ffmpeg, leash

KINDS = ("nvenc", "qsv", "vaapi", "videotoolbox")
CODECS = ("h264", "hevc", "av1", "vp9")
_VAAPI_DEVICE = "/dev/dri/renderD128"
_TEST_TIMEOUT_S = 20


@dataclass(frozen=True, slots=True)
class Encoder:
    """How one encoder is used: its name, options of the output stream, what stands before the input, last filters."""

    name: str
    options: Mapping[str, str | int] = field(default_factory=dict)
    before: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    pix_fmt: str = ""


def encoder(kind: str, codec: str, quality: int, *, deep: bool = False) -> Encoder:
    """The encoder of hardware `kind` for `codec` (h264, hevc, av1, vp9); `quality` as CRF: lower is better. Pure.

    With `deep` the picture keeps 10 bits.
    """
    name, pixels = f"{codec}_{kind}", "p010le" if deep else "nv12"
    if kind == "nvenc":
        options: dict[str, str | int] = {"preset": "p5", "rc": "vbr", "cq": quality, "b:v": 0}
        return Encoder(name, options, pix_fmt=pixels if deep else "yuv420p")
    if kind == "qsv":
        return Encoder(name, {"global_quality": quality}, pix_fmt=pixels)
    if kind == "vaapi":
        return Encoder(name, {"qp": quality}, ("-vaapi_device", _VAAPI_DEVICE), (f"format={pixels}", "hwupload"))
    return Encoder(name, {"q:v": max(1, 100 - 2 * quality)}, pix_fmt=pixels if deep else "yuv420p")


def working(ffmpeg: Ffmpeg, codec: str, *, deep: bool = False) -> tuple[str, ...]:
    """The kinds of hardware that encode `codec` (with `deep`, in 10 bits) on this machine, best first.

    Tested once per program and process.
    """
    listed = [kind for kind in KINDS if f"{codec}_{kind}" in ffmpeg.encoders]
    changed = os.stat(ffmpeg.path).st_mtime_ns
    return tuple(kind for kind in listed if _encodes(ffmpeg.path, changed, kind, codec, deep))


def all_working(ffmpeg: Ffmpeg) -> dict[str, tuple[str, ...]]:
    """For each kind of hardware that encodes anything on this machine, the codecs that it does."""
    can = {codec: working(ffmpeg, codec) for codec in CODECS}
    found = {kind: tuple(codec for codec in CODECS if kind in can[codec]) for kind in KINDS}
    return {kind: codecs for kind, codecs in found.items() if codecs}


@functools.lru_cache(maxsize=64)
def _encodes(path: str, mtime_ns: int, kind: str, codec: str, deep: bool) -> bool:
    how = encoder(kind, codec, 28, deep=deep)
    options = [word for name, value in how.options.items() for word in (f"-{name}", str(value))]
    filters = ["-vf", ",".join(how.filters)] if how.filters else ["-pix_fmt", how.pix_fmt]
    source = ["-f", "lavfi", "-i", "color=gray:size=640x360:rate=25:duration=0.2"]
    command = [path, "-nostdin", "-hide_banner", "-loglevel", "error", *how.before, *source, *filters]
    command += ["-c:v", how.name, *options, "-frames:v", "2", "-f", "null", "-"]
    try:
        done = subprocess.run(
            sandbox.around(command),
            stdin=subprocess.DEVNULL,
            env=environment.for_tools(os.environ),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=_TEST_TIMEOUT_S,
            check=False,
            preexec_fn=leash(),
        )
    except (OSError, subprocess.TimeoutExpired, JobFailed):
        return False
    return done.returncode == 0 and b"rror" not in done.stderr
