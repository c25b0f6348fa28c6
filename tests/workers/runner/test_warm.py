"""What the forkserver has loaded before it forks. In a process of its own: it stays loaded."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]

LOADED = """
import json, os, sys, time
from workers.runner import warm
missing = warm.load()
operations = sorted(warm.operations_of("tests.support.operations"))
before = set(sys.modules)
for step in warm.later():
    pass
import yt_dlp.extractor
from yt_dlp.extractor import gen_extractor_classes
started = time.process_time()
matching = [e.__name__ for e in gen_extractor_classes() if e.suitable("http://127.0.0.1:9/clip.mp4")]
print(json.dumps({
    "missing": missing,
    "operations": operations,
    "threads": len(os.listdir("/proc/self/task")),
    "matching": matching,
    "matching_s": time.process_time() - started,
    "modules": sorted(name for name in (
        "yt_dlp", "av", "PIL.Image", "PIL.JpegImagePlugin", "numpy", "workers.media.pictures",
        "textual", "huey", "peewee",
    ) if name in sys.modules),
    "no_plugins": os.environ["YTDLP_NO_PLUGINS"],
}))
"""


def loaded() -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-c", LOADED], cwd=ROOT, capture_output=True, text=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_it_is_warm_single_threaded_and_knows_neither_console_nor_database() -> None:
    told = loaded()
    assert told["missing"] == []
    assert "noop" in told["operations"]
    assert told["threads"] == 1
    assert told["modules"] == ["PIL.Image", "PIL.JpegImagePlugin", "av", "numpy", "workers.media.pictures", "yt_dlp"]
    assert told["no_plugins"] == "1"
    assert told["matching"] == ["GenericIE"]
    assert told["matching_s"] < 0.1  # a quarter of a second where the patterns are not compiled yet
