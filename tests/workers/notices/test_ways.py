from __future__ import annotations

import json
from pathlib import Path

from workers.config import load_settings
from workers.notices.ways import Way, ways_of


def _ways(home: Path, urls: list[str], command: list[str] | None = None) -> tuple[Way, ...]:
    home.mkdir(exist_ok=True)
    text = f"[notify]\nurls = {json.dumps(urls)}\ncommand = {json.dumps(command or [])}\n"
    (home / "config.toml").write_text(text)
    return ways_of(load_settings({"SPOOL_HOME": str(home)}))


def test_ways_are_told_apart_and_show_no_url(tmp_path: Path) -> None:
    ways = _ways(tmp_path, ["json://a/1", "json://a/2", "tgram://1:x/2"], ["bin/hook", "--fast"])
    assert [way.name for way in ways[:3]] == ["json://a/…", "json://a/… #2", "tgram://…"]
    assert ways[3].command == (str(tmp_path / "bin" / "hook"), "--fast") and ways[3].kind == "command"
    assert "/1" not in repr(ways[0]) and ways[0].kind == "url"


def test_a_bare_name_of_a_program_is_left_to_the_path(tmp_path: Path) -> None:
    (way,) = _ways(tmp_path, [], ["notify-send"])
    assert way.command == ("notify-send",)
    (way,) = _ways(tmp_path, [], ["~/hook"])
    assert way.command == (str(Path.home() / "hook"),)
