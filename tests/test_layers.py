"""The second proof of who may load what: a fresh interpreter imports a room, and its modules are looked at.

The first proof is `lint-imports`, which reads the code; this one also sees what libraries bring along.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {"textual", "yt_dlp", "av", "PIL", "numpy", "ffmpeg", "imageio_ffmpeg"}
DRIVERS = {"psycopg", "psycopg2", "asyncpg"}


def loaded_by(code: str) -> set[str]:
    """Top names of everything that is loaded after `code` has run in an interpreter of its own."""
    tail = "\nimport sys, json\nprint(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    ran = subprocess.run([sys.executable, "-c", code + tail], capture_output=True, text=True, timeout=60, check=True)
    return set(json.loads(ran.stdout))


@pytest.mark.parametrize(
    ("module", "without"),
    [
        ("workers.errors", HEAVY | DRIVERS | {"pydantic", "peewee", "huey", "click"}),
        ("workers.jobs", HEAVY | DRIVERS | {"pydantic", "peewee", "huey", "click"}),
        ("workers.text", HEAVY | DRIVERS | {"pydantic", "peewee", "huey", "click"}),
        ("workers.settings", HEAVY | DRIVERS | {"peewee", "huey", "click"}),
        ("workers.config", HEAVY | DRIVERS | {"peewee", "huey", "click"}),
        ("workers.client", HEAVY | DRIVERS | {"huey", "click", "console", "apprise"}),
        ("workers.operations.registry", HEAVY | DRIVERS | {"huey", "peewee", "click", "console"}),
        ("workers.daemon", HEAVY | DRIVERS | {"click", "console", "apprise"}),
        ("workers.notices.courier", HEAVY | DRIVERS | {"pydantic", "peewee", "huey", "click", "console", "apprise"}),
        ("workers.demo", HEAVY | DRIVERS | {"peewee", "huey", "click", "console"}),
        ("workers.doctor", HEAVY | DRIVERS | {"huey", "click", "console"}),
        ("console.__main__", HEAVY | DRIVERS | {"click", "pydantic", "peewee", "huey", "workers"}),
        ("console.cli.root", HEAVY | DRIVERS | {"pydantic", "peewee", "huey"}),
    ],
)
def test_a_room_loads_only_its_own(module: str, without: set[str]) -> None:
    loaded = loaded_by(f"import {module}")
    assert module.partition(".")[0] in loaded
    assert loaded.isdisjoint(without), loaded & without


def test_the_look_sees_what_is_there() -> None:
    assert {"PIL", "textual"} <= loaded_by("import PIL, textual")
