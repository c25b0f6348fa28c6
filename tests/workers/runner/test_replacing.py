"""Replacing through the runner's context: the worker is asked first, and what it refuses changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workers.runner.test_publishing import Granting, context, recorded, staged
from workers.errors import LeaseLost
from workers.operations import trash
from workers.runner.wire import Publishing, Staging
from workers.trash import FOLDER, entries


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "films" / "film.mkv"
    path.parent.mkdir()
    path.write_text("old")
    return path


@pytest.mark.parametrize("extension", ["mkv", "mp4"])
def test_the_worker_knows_of_it_before(tmp_path: Path, film: Path, extension: str) -> None:
    ctx, folders = context(tmp_path, item=str(film))
    target = film.with_suffix(f".{extension}")
    trash.replace(ctx, staged(ctx, film.parent, "new"), trash.look(film), target)
    folders.remove()
    assert target.read_text() == "new"
    (entry,) = entries(film.parent / FOLDER)
    assert entry.kept.read_text() == "old"
    (told,) = recorded(tmp_path / "records")
    facts = target.stat()
    assert (told.item, told.path, told.inode, told.size) == (str(film), str(target), facts.st_ino, facts.st_size)
    following, _ = context(tmp_path, item=str(film))
    assert following.published() == (target,), "the next attempt finds it"
    assert trash.settle(following, film) == target


@pytest.mark.parametrize("extension", ["mkv", "mp4"])
def test_a_refusal_changes_nothing(tmp_path: Path, film: Path, extension: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ctx, folders = context(tmp_path)
    path = staged(ctx, film.parent, "new")

    def refuse(channel: Granting, question: Staging | Publishing) -> None:
        raise LeaseLost("another attempt has the job")

    monkeypatch.setattr(Granting, "ask", refuse)
    with pytest.raises(LeaseLost):
        trash.replace(ctx, path, trash.look(film), film.with_suffix(f".{extension}"))
    folders.remove()
    assert [path.name for path in film.parent.iterdir()] == ["film.mkv"]
    assert film.read_text() == "old"
