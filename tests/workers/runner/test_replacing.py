"""Replacing through the runner's context: the worker is asked first, and what it refuses changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.killing import killed_at
from tests.support.matrix import stride
from tests.support.publishing import Granting, context, recorded, staged
from workers import linux
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


def _killed(number: int, home: Path, film: Path, target: Path) -> bool:
    """A replacement in a child that is killed at the `number`-th call of C; False when it ended before that."""
    ctx, _ = context(home, item=str(film))
    path = staged(ctx, film.parent, "new")
    before = trash.look(film)
    return killed_at(number, lambda: trash.replace(ctx, path, before, target))


def _texts(folder: Path) -> list[str]:
    return sorted(path.read_text() for path in folder.rglob("*") if path.is_file())


@pytest.mark.fault(
    "39", "kill -9 at each call of a replacement, all in 5 rounds: the original is in place or in the trash"
)
@pytest.mark.parametrize("extension", ["mkv", "mp4"])
@pytest.mark.parametrize("exchange", [True, False], ids=["exchange", "renames"])
def test_kill_9_at_every_call_of_a_replacement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, extension: str, exchange: bool
) -> None:
    if not exchange:
        monkeypatch.setattr(linux, "exchange", lambda *args: False)
    first, step = stride(23)
    number, killed, replaced_before_death = first - step, True, 0
    while killed:
        number += step
        home = tmp_path / str(number)
        film = home / "films" / "film.mkv"
        film.parent.mkdir(parents=True)
        film.write_text("old")
        target = film.with_suffix(f".{extension}")
        killed = _killed(number, home, film, target)
        assert "old" in _texts(film.parent), f"the original is lost when killed at call {number}"
        following, _ = context(home, item=str(film))
        if trash.settle(following, film) is None:  # what the next attempt does
            assert film.read_text() == "old"
            trash.replace(following, staged(following, film.parent, "new"), trash.look(film), target)
        else:
            replaced_before_death += 1
        assert target.read_text() == "new"
        (entry,) = [entry for entry in entries(film.parent / FOLDER) if entry.done]
        assert entry.kept.read_text() == "old"
    assert number > 500 and replaced_before_death > 1
