"""How yt-dlp is run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from workers.errors import ErrorClass, JobFailed
from workers.media import sandbox
from workers.media.ytdlp import download, leashed
from workers.media.ytdlp_order import Order, options
from workers.media.ytdlp_relay import Listeners, Relay

ORDER = Order("https://example.org/film", Path("/work/7"), "/opt/ffmpeg")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ytsearch:cats", "/etc/passwd", "ftp://h/x", "-exec"])
def test_only_web_addresses(tmp_path: Path, url: str) -> None:
    with pytest.raises(JobFailed) as caught:
        download(replace(ORDER, url=url, work_dir=tmp_path), Listeners(deliver=lambda one: None))
    assert caught.value.failure.error_class is ErrorClass.BAD_INPUT
    assert not list(tmp_path.iterdir())


def test_no_plugins_are_loaded(tmp_path: Path) -> None:
    import yt_dlp.globals  # type: ignore[import-untyped]

    from workers.media.reach import reach_of
    from workers.media.ytdlp import _session

    with reach_of(ORDER.url) as guard:
        order = replace(ORDER, work_dir=tmp_path)
        _session(options(order), Relay(order, Listeners(deliver=lambda one: None), guard, RuntimeError)).close()
    assert yt_dlp.globals.plugin_dirs.value == []
    assert yt_dlp.globals.plugin_ies.value == {}
    assert yt_dlp.globals.plugin_pps.value == {}


def test_missing_cookies_are_told(tmp_path: Path) -> None:
    order = replace(ORDER, work_dir=tmp_path, cookies=str(tmp_path / "none.txt"))
    with pytest.raises(JobFailed, match="cookies") as caught:
        download(order, Listeners(deliver=lambda one: None))
    assert caught.value.failure.error_class is ErrorClass.AUTH


def test_programs_of_yt_dlp_get_what_they_need(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Program:
        """Stands for yt-dlp's way of starting programs, and tells what it was asked."""

        def __init__(self, args: list[str], **options: Any) -> None:
            self.args, self.env = args, options["env"]

    monkeypatch.setattr(sandbox, "_mine", sandbox.Sandbox("/usr/bin/bwrap"))
    monkeypatch.setenv("https_proxy", "http://me:word@proxy")
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    words = ["/usr/bin/ffmpeg", "-i", f"file:{tmp_path}/a.mp4", f"file:{tmp_path}/b.mp4"]
    on_files, from_net = leashed(Program, tmp_path)(words), leashed(Program, None)(words)
    assert on_files.args[0] == "/usr/bin/bwrap" and on_files.args[-4:] == words
    assert on_files.args[on_files.args.index("--bind") + 1] == str(tmp_path)
    assert from_net.args == words  # it would reach nobody from inside
    assert "https_proxy" in from_net.env and "https_proxy" not in on_files.env
    assert "GITHUB_TOKEN" not in from_net.env and "GITHUB_TOKEN" not in on_files.env
    assert leashed(Program, tmp_path)(["/usr/bin/ffmpeg", "-bsfs"]).args[0] == "/usr/bin/ffmpeg"
