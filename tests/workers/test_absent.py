from __future__ import annotations

import subprocess
import sys

import pytest

from workers.absent import absent


def test_a_module_is_hidden_within_the_block_only() -> None:
    sys.modules.pop("this", None)
    with absent("colorsys_nowhere", "wave"):
        loaded = "wave" in sys.modules and sys.modules["wave"] is not None
        if not loaded:
            with pytest.raises(ImportError):
                __import__("wave")
    assert __import__("wave").__name__ == "wave"
    assert "colorsys_nowhere" not in sys.modules


def test_a_module_that_is_loaded_stays() -> None:
    import json

    with absent("json"):
        assert sys.modules["json"] is json
    assert sys.modules["json"] is json


def test_an_error_in_the_block_restores_too() -> None:
    with pytest.raises(ZeroDivisionError), absent("nowhere_at_all"):
        raise ZeroDivisionError
    assert "nowhere_at_all" not in sys.modules


def test_the_front_door_is_light() -> None:
    heavy = ("textual", "yt_dlp", "av", "PIL", "numpy", "psycopg", "asyncpg", "huey", "aiosqlite", "psutil")
    code = f"import sys, workers.client; print([name for name in {heavy!r} if sys.modules.get(name)])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
