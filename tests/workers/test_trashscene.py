"""Moves between open folders: nothing is clobbered, and another file than was meant goes back."""

from __future__ import annotations

from pathlib import Path

import pytest

from workers import linux
from workers.folders import Spot
from workers.trashentry import FOLDER, Entry, new_entry
from workers.trashscene import Scene, made_in, opened_scene, own_trash, record_in


@pytest.fixture
def entry(tmp_path: Path) -> Entry:
    """The record of a film that is about to be replaced, in a trash that has no record yet."""
    (tmp_path / "film.avi").write_bytes(b"old")
    (tmp_path / "staged").write_bytes(b"the new one")
    (tmp_path / FOLDER).mkdir(mode=0o700)
    return new_entry(tmp_path / "film.avi", tmp_path / "film.mkv", tmp_path / "staged", job_id=1, keep_days=1)


def test_the_trash_is_forgotten_when_it_is_empty(tmp_path: Path, entry: Entry) -> None:
    with opened_scene(entry) as scene:
        record_in(scene.trash, entry)
        assert [path.name for path in entry.folder.iterdir()] == [f"{entry.id}.json"]
        scene.forget()
        assert not entry.folder.exists()
        assert made_in(scene.above) and not made_in(scene.above)


def test_a_name_that_is_taken_is_not_clobbered(tmp_path: Path, entry: Entry) -> None:
    entry.kept.write_bytes(b"somebody's")
    with opened_scene(entry) as scene, pytest.raises(FileExistsError):
        scene.move(scene.original, scene.kept)
    assert (tmp_path / "film.avi").read_bytes() == b"old" and entry.kept.read_bytes() == b"somebody's"


def test_another_file_than_was_meant_goes_back(tmp_path: Path, entry: Entry, monkeypatch: pytest.MonkeyPatch) -> None:
    real = linux.rename_no_replace

    def exchanged(*arguments: int | str) -> bool:
        monkeypatch.setattr(linux, "rename_no_replace", real)
        (tmp_path / "other").write_bytes(b"made in this moment")
        (tmp_path / "other").replace(tmp_path / "film.avi")
        return bool(real(*arguments))  # type: ignore[arg-type]

    monkeypatch.setattr(linux, "rename_no_replace", exchanged)
    with opened_scene(entry) as scene, pytest.raises(OSError, match="changed at this moment"):
        scene.move(scene.original, scene.kept)
    assert (tmp_path / "film.avi").read_bytes() == b"made in this moment" and not entry.kept.exists()


@pytest.mark.parametrize("mode", [0o777, 0o720])
def test_a_trash_that_others_may_write_is_not_entered(tmp_path: Path, entry: Entry, mode: int) -> None:
    entry.folder.chmod(mode)
    with pytest.raises(PermissionError), opened_scene(entry):
        pass


def test_a_link_is_no_trash(tmp_path: Path, entry: Entry) -> None:
    entry.folder.rename(tmp_path / "elsewhere")
    entry.folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError), opened_scene(entry):
        pass


def test_the_places_of_an_entry(tmp_path: Path, entry: Entry) -> None:
    with opened_scene(entry) as scene, own_trash(scene.above) as again:
        assert scene.original == Spot(scene.above, "film.avi") and scene.original.identity == entry.identity
        assert scene.replacement.identity is None and not scene.is_new(scene.replacement)
        assert scene.is_new(Spot(scene.above, "staged"))
        assert scene.of(entry) == scene == Scene(entry, scene.above, scene.trash) and again != scene.trash
