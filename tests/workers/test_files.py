from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from workers import files
from workers.errors import ConfigError
from workers.files import made_beside, open_private, own_folder, private_folder, remove_staging


@pytest.fixture(autouse=True)
def _common_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_folders_are_private_with_all_their_new_parents(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    folder = private_folder(tmp_path / "a" / "b" / "c")
    assert [_mode(path) for path in (folder, folder.parent, folder.parent.parent)] == [0o700] * 3
    assert _mode(tmp_path) == 0o755  # it was there before


def test_a_folder_that_others_could_enter_is_closed(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o755)
    assert _mode(private_folder(tmp_path / "open")) == 0o700


def test_what_cannot_be_a_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "below", tmp_path / ("x" * 300), Path("/proc/nowhere")):
        with pytest.raises(ConfigError) as refused:
            private_folder(path)
        assert str(path) in str(refused.value)
    with pytest.raises(ConfigError):
        private_folder(Path("/tmp/a\0b"))


def test_files_are_private_and_links_are_not_followed(tmp_path: Path) -> None:
    os.close(open_private(tmp_path / "new", os.O_CREAT | os.O_WRONLY))
    assert _mode(tmp_path / "new") == 0o600
    (tmp_path / "link").symlink_to(tmp_path / "new")
    with pytest.raises(OSError, match="symbolic"):
        open_private(tmp_path / "link", os.O_RDONLY)
    descriptor = open_private(tmp_path / "new", os.O_RDONLY)
    assert not os.get_inheritable(descriptor)
    os.close(descriptor)


def test_beside_strangers_only_a_folder_of_ours_will_do(tmp_path: Path) -> None:
    assert _mode(own_folder(tmp_path / "ours")) == 0o700
    own_folder(tmp_path / "ours")
    victim = tmp_path / "victim"
    victim.mkdir(mode=0o755)
    (tmp_path / "trap").symlink_to(victim)
    with pytest.raises(ConfigError, match="not a folder of yours"):
        own_folder(tmp_path / "trap")
    assert _mode(victim) == 0o755
    if os.getuid() == 0:
        (tmp_path / "theirs").mkdir()
        os.chown(tmp_path / "theirs", 12345, 12345)
        with pytest.raises(ConfigError, match="not a folder of yours"):
            own_folder(tmp_path / "theirs")


def test_staging_folders_of_ours_are_removed_and_nothing_else(tmp_path: Path) -> None:
    ours = tmp_path / ".spool-1-1-abcd"
    (ours / "1").mkdir(parents=True)
    (ours / "1" / "half").write_text("half")
    assert remove_staging(ours) is True
    assert not ours.exists()
    assert remove_staging(ours) is False
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "film").write_text("film")
    assert remove_staging(precious) is False
    link = tmp_path / ".spool-1-1-link"
    link.symlink_to(precious)
    assert remove_staging(link) is False
    file = tmp_path / ".spool-1-1-file"
    file.write_text("")
    assert remove_staging(file) is False
    assert (precious / "film").read_text() == "film"


def test_a_disk_that_does_not_answer_tells_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (files.free_bytes(tmp_path / "not" / "yet") or 0) > 0

    def stale(path: Path) -> None:
        raise OSError(errno.ESTALE, "Stale file handle", str(path))

    monkeypatch.setattr(shutil, "disk_usage", stale)
    assert files.free_bytes(tmp_path) is None


def test_a_file_made_beside_is_named_whole_and_private(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with made_beside(path) as made:
        assert made.parent == tmp_path and _mode(made) == 0o600
        made.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole" and _mode(path) == 0o600
    assert os.listdir(tmp_path) == ["store.db"]


@pytest.mark.parametrize("links", [True, False])
def test_whoever_is_quicker_keeps_the_name_where_links_can_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    def refused(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    if not links:
        monkeypatch.setattr(os, "link", refused)
    path = tmp_path / "store.db"
    with made_beside(path) as made:
        made.write_text("ours")
        path.write_text("theirs")
    assert path.read_text() == ("theirs" if links else "ours")
    assert os.listdir(tmp_path) == ["store.db"]


def test_nothing_is_left_of_a_file_that_could_not_be_made(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), made_beside(tmp_path / "store.db"):
        raise ZeroDivisionError
    assert os.listdir(tmp_path) == []
