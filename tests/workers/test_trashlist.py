"""The list of trash folders, and those who change it at once."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from workers import trash, trashlist


def test_a_folder_that_is_noted_while_the_list_is_made_shorter_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, gone, films = tmp_path / "state", tmp_path / "gone", tmp_path / "films" / trash.FOLDER
    gone.mkdir()
    films.mkdir(parents=True)
    trashlist.remember(state, gone / trash.FOLDER)  # its folder is no more
    began = threading.Event()
    write = Path.write_text

    def note() -> None:
        began.set()
        trashlist.remember(state, films)

    job = threading.Thread(target=note)

    def slow(self: Path, text: str, encoding: str) -> int:
        job.start()
        began.wait()
        job.join(0.2)  # it has to wait; where it need not, it is done by now
        return write(self, text, encoding=encoding)

    monkeypatch.setattr(Path, "write_text", slow)
    trashlist.drop_gone(state)
    monkeypatch.undo()
    job.join()
    assert trashlist.known(state) == [films]


def test_each_folder_is_noted_once_and_a_torn_line_costs_no_other(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    trashlist.remember(tmp_path / "state", first)
    with open(tmp_path / "state" / "trash-folders", "a") as file:
        file.write('"/torn')
    for _ in range(2):
        trashlist.remember(tmp_path / "state", second)
    assert trashlist.known(tmp_path / "state") == [first, second]


def test_one_that_was_dropped_and_is_made_anew_is_noted_again(tmp_path: Path) -> None:
    state, folder = tmp_path / "state", tmp_path / "films" / trash.FOLDER
    folder.parent.mkdir()
    trashlist.remember(state, folder)
    trashlist.drop_gone(state)
    assert trashlist.known(state) == []
    folder.mkdir()
    trashlist.remember(state, folder)
    assert trashlist.known(state) == [folder]


def test_without_a_list_nothing_is_made(tmp_path: Path) -> None:
    trashlist.drop_gone(tmp_path)
    assert trashlist.known(tmp_path) == [] and not list(tmp_path.iterdir())
