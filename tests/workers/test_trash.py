from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.context import PlainContext, files_under
from workers import trash
from workers.errors import ErrorClass, JobFailed
from workers.operations import trash as replacing
from workers.trash import FOLDER, Entry, NotPutBack

_DAY_MS = 86_400_000


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "job" / "state"


def replaced(tmp_path: Path, extension: str = "mp4", name: str = "film.avi") -> Entry:
    """A file that was replaced by one of that extension; its entry."""
    source = tmp_path / "films" / name
    source.parent.mkdir(exist_ok=True)
    source.write_bytes(b"old")
    staged = tmp_path / "staged"
    staged.write_bytes(b"the new one")
    original = replacing.look(source)
    told = replacing.replace(PlainContext(tmp_path / "job"), staged, original, source.with_suffix(f".{extension}"))
    return next(entry for entry in trash.entries(source.parent / FOLDER) if entry.id == told["trash_id"])


def test_back_beside_its_successor(tmp_path: Path, state: Path) -> None:
    entry = replaced(tmp_path)
    assert files_under(tmp_path / "films") == [f"{FOLDER}/{entry.id}.json", f"{FOLDER}/{entry.id}.kept", "film.mp4"]
    assert trash.restore(entry, state, keep_days=1).read_bytes() == b"old"
    assert files_under(tmp_path / "films") == ["film.avi", "film.mp4"]


def test_back_in_the_place_of_its_successor_and_forth(tmp_path: Path, state: Path) -> None:
    entry = replaced(tmp_path, "avi")
    path = trash.restore(entry, state, keep_days=1)
    assert path.read_bytes() == b"old"
    (turned,) = trash.all_entries(state)
    assert turned.done and turned.kept.read_bytes() == b"the new one"
    assert trash.restore(turned, state, keep_days=1).read_bytes() == b"the new one"
    (again,) = trash.all_entries(state)
    assert again.kept.read_bytes() == b"old"


def test_never_over_another_file(tmp_path: Path, state: Path) -> None:
    entry = replaced(tmp_path)
    Path(entry.original).write_bytes(b"somebody's")
    with pytest.raises(NotPutBack, match="another file has its name"):
        trash.restore(entry, state, keep_days=1)
    assert Path(entry.original).read_bytes() == b"somebody's" and entry.kept.read_bytes() == b"old"


def test_a_file_that_is_gone(tmp_path: Path, state: Path) -> None:
    entry = replaced(tmp_path)
    entry.kept.unlink()
    with pytest.raises(NotPutBack, match="no longer in the trash"):
        trash.restore(entry, state, keep_days=1)


def test_what_had_its_time_goes(tmp_path: Path, state: Path) -> None:
    old, new = replaced(tmp_path), replaced(tmp_path, name="other.avi")
    trash.write(replace(old, until_ms=5 * _DAY_MS), state)
    assert trash.expire(state, 5 * _DAY_MS - 1) == 0
    assert trash.expire(state, 5 * _DAY_MS) == 1
    assert [entry.id for entry in trash.all_entries(state)] == [new.id]
    assert not old.kept.exists() and new.kept.exists()


def test_an_interrupted_move_is_undone_by_the_worker(tmp_path: Path, state: Path) -> None:
    entry = replaced(tmp_path, "avi")
    trash.write(replace(entry, done=False), state)
    Path(entry.replacement).unlink()  # as between the two steps where there is no single one
    assert trash.expire(state, entry.at_ms + 1000) == 0
    assert not Path(entry.original).exists(), "too young: its job may be at it"
    trash.expire(state, entry.at_ms + 4_000_000)
    assert Path(entry.original).read_bytes() == b"old"
    assert files_under(tmp_path / "films") == ["film.avi"]


def test_empty_folders_are_forgotten_but_not_absent_disks(tmp_path: Path, state: Path) -> None:
    entry = replaced(tmp_path)
    absent = tmp_path / "disk" / "films" / FOLDER
    with open(state / "trash-folders", "a") as file:
        file.write(json.dumps(str(absent)) + "\n{torn")
    assert trash.remove(entry) == 3
    assert not (tmp_path / "films" / FOLDER).exists()
    trash.expire(state, 0)
    assert trash.known(state) == [absent]


def test_records_of_others_are_not_believed(tmp_path: Path) -> None:
    entry = replaced(tmp_path)
    folder = entry.folder
    for name, text in (
        ("torn.json", "{"),
        ("odd.json", "[]"),
        ("far.json", json.dumps({"id": "far"})),
        ("copy.json", (folder / f"{entry.id}.json").read_text()),
    ):
        (folder / name).write_text(text)
    assert [found.id for found in trash.entries(folder)] == [entry.id]


def test_a_folder_that_others_write_is_no_trash(tmp_path: Path) -> None:
    entry = replaced(tmp_path)
    entry.folder.chmod(0o777)
    assert trash.entries(entry.folder) == []
    with pytest.raises(JobFailed, match="belongs to somebody else") as caught:
        replaced(tmp_path, name="other.avi")
    assert caught.value.failure.error_class is ErrorClass.AUTH
    assert (tmp_path / "films" / "other.avi").read_bytes() == b"old"
    entry.folder.chmod(0o700)
    assert [found.id for found in trash.entries(entry.folder)] == [entry.id]


def test_a_link_is_no_trash(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / FOLDER).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(JobFailed):
        replaced(tmp_path)
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("name", ["film.avi", "film.mkv"])
def test_an_empty_file_that_somebody_has_just_begun_is_not_removed(tmp_path: Path, state: Path, name: str) -> None:
    entry = replaced(tmp_path, "mkv")
    trash.restore(entry, state, keep_days=1, successor=True)
    source = Path(entry.original)
    (tmp_path / "staged").write_bytes(b"new")
    unfinished = trash.new_entry(source, source.with_suffix(".mkv"), tmp_path / "staged", job_id=1, keep_days=1)
    trash.write(unfinished, state)  # and here its job died
    if name == "film.avi":
        source.unlink()
    with open(source.with_name(name), "wb") as theirs:
        trash.settle(unfinished)
        theirs.write(b"somebody's")
    assert source.with_name(name).read_bytes() == b"somebody's"
