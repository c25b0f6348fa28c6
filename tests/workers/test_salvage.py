"""What can still be used of a wrong configuration, and where it is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from workers.config import settings_at_hand
from workers.salvage import line_of, take_out

_TEXT = """# jobs = 1
output_dir = "/srv"
jobs.attempts = 2

[notify]
urls = ["foo"]
[ console.keys ] # keys
"quit" = "q"
"""


@pytest.mark.parametrize(
    ("location", "line"),
    [
        (("output_dir",), 2),
        (("jobs", "attempts"), 3),
        (("notify", "urls", 0), 6),
        (("notify",), 5),
        (("notify", "nothing"), 5),
        (("console", "keys", "quit"), 8),
        (("console", "keys"), 7),
        (("nowhere",), None),
    ],
)
def test_lines(location: tuple[object, ...], line: int | None) -> None:
    assert line_of(_TEXT, location) == line


def test_only_what_is_wrong_is_taken_out() -> None:
    values: dict[str, Any] = {"a": {"b": [1, 2], "c": 3}, "d": 4}
    take_out(values, ("a", "b", 1))
    take_out(values, ("d", "e"))
    assert values == {"a": {"c": 3}}
    take_out(values, ("nowhere",))
    assert values == {}


def test_the_rest_of_the_file_holds(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(
        'read_only = true\nodd = 1\n[jobs]\nattempts = 7\nper_site = "x"\n[download]\ncookies = "a\\u0000"\n'
    )
    settings, wrong = settings_at_hand({"SPOOL_HOME": str(tmp_path), "SPOOL_LOG_LEVEL": "loud"})
    assert settings.jobs.attempts == 7 and settings.jobs.per_site == 2 and settings.read_only
    assert settings.paths.state == tmp_path / "state" and settings.download.cookies == ""
    assert str(path) not in wrong or wrong.endswith("(line 2, 5, 7)")
    assert "\n" not in wrong and "download.cookies" in wrong


def test_nothing_is_told_of_a_file_that_is_right(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[jobs]\nattempts = 7\n")
    settings, wrong = settings_at_hand({"SPOOL_HOME": str(tmp_path)})
    assert (settings.jobs.attempts, wrong) == (7, "")


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "config.toml").mkdir()
    settings, wrong = settings_at_hand({"SPOOL_HOME": str(tmp_path)})
    assert "cannot be read" in wrong and settings.paths.state == tmp_path / "state"
