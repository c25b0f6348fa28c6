"""Folders held open: reached over no link that came meanwhile, in one step of the kernel or in many."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from workers import folders, linux
from workers.folders import Spot, opened, opened_in


@pytest.fixture(params=["one step", "many"])
def _way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "many":
        monkeypatch.setattr(linux, "open_without_links", lambda path, flags: None)


@pytest.mark.usefixtures("_way")
def test_a_persons_own_links_lead_where_they_lead_now(tmp_path: Path) -> None:
    (tmp_path / "disk" / "films").mkdir(parents=True)
    (tmp_path / "media").symlink_to(tmp_path / "disk")
    (tmp_path / "last").symlink_to("media/films")
    for path in (tmp_path / "disk" / "films", tmp_path / "media" / "films", tmp_path / "last"):
        with opened(path) as fd:
            assert os.path.samestat(os.fstat(fd), (tmp_path / "disk" / "films").stat())
    with opened(Path("/")) as fd:
        assert os.path.samestat(os.fstat(fd), os.stat("/"))


@pytest.mark.usefixtures("_way")
def test_a_link_that_comes_between_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "films").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "films")
    real = os.path.realpath

    def then_it_moves(path: str, *, strict: bool) -> str:
        found = str(real(path, strict=strict))
        (tmp_path / "films").rename(tmp_path / "moved")
        (tmp_path / "films").symlink_to(tmp_path / "outside")
        return found

    monkeypatch.setattr(os.path, "realpath", then_it_moves)
    with pytest.raises(OSError) as caught, opened(tmp_path / "link"):
        pass
    assert caught.value.errno in (errno.ELOOP, errno.ENOTDIR)


@pytest.mark.usefixtures("_way")
def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    for name in ("file", "loop", "none", "none/inner", "file/inner"):
        with pytest.raises(OSError), opened(tmp_path / name):
            pass


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    before = set(os.listdir("/proc/self/fd"))
    os.close(folders._step_by_step(str(tmp_path / "a" / "b")))
    with pytest.raises(OSError):
        folders._step_by_step(str(tmp_path / "a" / "none" / "c"))
    assert set(os.listdir("/proc/self/fd")) == before


def test_a_folder_inside_is_no_link(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "link").symlink_to("inner")
    with opened(tmp_path) as above:
        with opened_in(above, "inner") as fd:
            assert Spot(fd, "none").identity is None
        with pytest.raises(OSError), opened_in(above, "link"):
            pass
