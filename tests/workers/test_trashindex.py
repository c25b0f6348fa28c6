from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from workers import trashindex
from workers.trashindex import TrashIndex


class Shelf:
    """A folder of records: each is found by the words in it, and every reading is written down."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.index, self.reads = folder, TrashIndex(), list[str]()
        folder.mkdir()

    def put(self, name: str, words: str) -> None:
        (self.folder / name).write_text(words)

    def find(self, word: str) -> list[str]:
        return self.index.find(self.folder, word, self._words)

    def _words(self, name: str) -> list[str]:
        self.reads.append(name)
        return (self.folder / name).read_text().split()


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "trash")


def test_each_record_is_read_once(shelf: Shelf) -> None:
    for number in range(20):
        shelf.put(f"{number}.json", f"a{number} b{number % 2}")
        assert shelf.find(f"a{number}") == [f"{number}.json"]
    assert len(shelf.find("b1")) == 10 and shelf.find("c") == []
    assert len(shelf.reads) == 20


def test_what_goes_is_forgotten_and_what_comes_is_found(shelf: Shelf) -> None:
    shelf.put("1.json", "a")
    shelf.put("2.json", "a")
    assert shelf.find("a") == ["1.json", "2.json"]
    (shelf.folder / "1.json").unlink()
    shelf.put("3.json", "a")
    assert shelf.find("a") == ["2.json", "3.json"]
    shutil.rmtree(shelf.folder)
    assert shelf.find("a") == []
    shelf.folder.mkdir()
    shelf.put("2.json", "b")
    assert shelf.find("a") == [] and shelf.find("b") == ["2.json"]


def test_one_that_cannot_be_read_yet_is_read_again(shelf: Shelf) -> None:
    shelf.put("1.json", "")
    assert shelf.find("a") == []
    shelf.put("1.json", "a")
    assert shelf.find("a") == ["1.json"]


def test_a_folder_that_rests_is_not_listed_again_and_one_that_changed_lately_is(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed: list[Path] = []
    plain = os.listdir

    def noted(path: Path) -> list[str]:
        listed.append(path)
        return plain(path)

    monkeypatch.setattr(os, "listdir", noted)
    shelf.put("1.json", "a")
    shelf.find("a")
    shelf.find("a")
    assert len(listed) == 2  # clocks of filesystems are coarse: another change in the same moment would not be seen
    then = time.time() - 10
    os.utime(shelf.folder, (then, then))
    for _ in range(5):
        assert shelf.find("a") == ["1.json"]
    assert len(listed) == 3


def test_only_some_folders_are_remembered(tmp_path: Path) -> None:
    index = TrashIndex()
    for number in range(200):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "1.json").write_text("")
        assert index.find(folder, "a", lambda name: ["a"]) == ["1.json"]
    assert len(index._folders) == trashindex._MOST_FOLDERS
