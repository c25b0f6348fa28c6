from __future__ import annotations

import pytest

from tests.support.findings import named
from workers import filesystems
from workers.checks import folders
from workers.checks.findings import Level
from workers.settings import Settings


@pytest.mark.parametrize(
    ("kind", "level"),
    [("nfs4", Level.FAIL), ("fuse.sshfs", Level.FAIL), ("fuse.mergerfs", Level.WARN), ("ext4", Level.OK)],
)
def test_the_filesystem_of_the_state_is_judged(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, kind: str, level: Level
) -> None:
    monkeypatch.setattr(filesystems, "type_of", lambda path: kind)
    finding = named(folders.folders(settings))["filesystem"]
    assert finding.level is level
    assert kind in finding.detail and bool(finding.todo) == (level is not Level.OK)
    forced = settings.model_copy(update={"state_on_network": True})
    assert named(folders.folders(forced))["filesystem"].level is not Level.FAIL


def test_an_open_state_folder_is_warned_of(settings: Settings) -> None:
    settings.paths.state.mkdir(parents=True)
    settings.paths.state.chmod(0o755)
    finding = named(folders.folders(settings))["state"]
    assert finding.level is Level.WARN
    assert finding.todo == f"chmod 700 {settings.paths.state}"
    settings.paths.state.chmod(0o700)
    assert named(folders.folders(settings))["state"].level is Level.OK


def test_a_file_in_the_way_fails(settings: Settings) -> None:
    settings.paths.state.parent.mkdir(parents=True)
    settings.paths.state.write_text("in the way")
    assert named(folders.folders(settings))["state"].level is Level.FAIL


def test_a_full_disk_fails(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for free, level in ((100 << 20, Level.FAIL), (1 << 30, Level.WARN), (100 << 30, Level.OK)):
        usage = type("Usage", (), {"free": free})()
        monkeypatch.setattr("shutil.disk_usage", lambda path, usage=usage: usage)
        assert named(folders.folders(settings))["free space"].level is level
