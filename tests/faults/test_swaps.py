"""A link takes the place of what is about to be removed, between the check and the removal.

The moments are told by Python's audit events, which are raised just before the system is asked: no race is played.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.context import PlainContext
from workers import linux, trash
from workers.cache.care import clear
from workers.cache.trimming import kept_files
from workers.errors import JobFailed
from workers.files import remove_staging, remove_tree
from workers.operations import trash as replacing
from workers.settings import CACHE_CATEGORIES

_swap: list[tuple[str, Callable[[], object]]] = []


def _hook(event: str, _arguments: tuple[object, ...]) -> None:
    if _swap and event == _swap[0][0]:
        _swap.pop(0)[1]()


@pytest.fixture(scope="module", autouse=True)
def _listen() -> None:
    sys.addaudithook(_hook)


@pytest.fixture(autouse=True)
def _no_swap_is_left() -> Iterator[None]:
    yield
    left, _swap[:] = _swap[:], []
    assert not left, "the moment of the swap never came"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder that nobody may touch, with files of the names that are to be removed."""
    folder = tmp_path / "outside"
    (folder / "inner").mkdir(parents=True)
    for name in ("precious", "inner/file"):
        (folder / name).write_text("precious")
    return folder


def _at(event: str, path: Path, outside: Path) -> None:
    """When `event` comes, `path` becomes a link to `outside`."""

    def swap() -> None:
        path.rename(path.with_name("moved away"))
        path.symlink_to(outside)

    _swap.append((event, swap))


def _untouched(outside: Path, *more: str) -> bool:
    return all((outside / name).read_text() == "precious" for name in ("precious", "inner/file", *more))


def _made(folder: Path) -> Path:
    (folder / "inner").mkdir(parents=True)
    (folder / "precious").write_text("ours")
    (folder / "inner" / "file").write_text("ours")
    return folder


@pytest.mark.fault("49", "a link takes the place of a folder that is being removed")
@pytest.mark.parametrize("remove", [remove_staging, remove_tree])
@pytest.mark.parametrize("event", ["shutil.rmtree", "os.remove", "os.rmdir"])
def test_a_folder_that_becomes_a_link(
    tmp_path: Path, outside: Path, remove: Callable[[Path], bool], event: str
) -> None:
    folder = _made(tmp_path / "library" / ".spool-1")
    _at(event, folder, outside)
    remove(folder)
    assert _untouched(outside)


@pytest.mark.fault("49", "a link takes the place of a folder inside one that is being removed")
def test_an_inner_folder_that_becomes_a_link(tmp_path: Path, outside: Path) -> None:
    folder = _made(tmp_path / "library" / ".spool-1")
    _at("os.remove", folder / "inner", outside)
    remove_staging(folder)
    assert _untouched(outside)


@pytest.mark.fault("49", "a link stands in for what is to be removed")
def test_links_are_not_followed(tmp_path: Path, outside: Path) -> None:
    staging = tmp_path / ".spool-2"
    staging.symlink_to(outside)
    assert not remove_staging(staging) and not remove_tree(staging)
    inner = _made(tmp_path / ".spool-3")
    (inner / "link").symlink_to(outside)
    assert remove_staging(inner) and not inner.exists()
    assert _untouched(outside)
    assert not remove_tree(tmp_path / "none") and not remove_tree(tmp_path / "no" / "parent")


@pytest.mark.fault("49", "a link takes the place of a trash folder that is being emptied")
@pytest.mark.parametrize("expire", [True, False])
def test_a_trash_folder_that_becomes_a_link(tmp_path: Path, outside: Path, expire: bool) -> None:
    source = tmp_path / "films" / "film.avi"
    source.parent.mkdir()
    source.write_bytes(b"old")
    (tmp_path / "staged").write_bytes(b"new")
    ctx = PlainContext(tmp_path / "job")
    replacing.replace(ctx, tmp_path / "staged", replacing.look(source), source)
    state = tmp_path / "job" / "state"
    (entry,) = trash.all_entries(state)
    for ending in ("kept", "json"):
        (outside / f"{entry.id}.{ending}").write_text("precious")
    _at("os.remove", entry.folder, outside)
    if expire:
        trash.expire(state, entry.until_ms)
    else:
        with contextlib.suppress(OSError):  # its record is not where it was
            trash.remove(entry)
    assert _untouched(outside, f"{entry.id}.kept", f"{entry.id}.json")


@pytest.mark.fault("49", "links in the place of the cache's folders")
def test_the_cache_follows_no_link(tmp_path: Path, outside: Path) -> None:
    category = CACHE_CATEGORIES[0]
    folder = tmp_path / "cache" / "files" / category
    (folder / "ab").mkdir(parents=True)
    (folder / "cd").symlink_to(outside)
    (folder / "ab" / "link").symlink_to(outside / "precious")
    assert list(kept_files(tmp_path / "cache", category, 1e12)) == []
    clear(tmp_path / "cache")
    assert _untouched(outside) and not folder.exists()
    folder.symlink_to(outside)
    clear(tmp_path / "cache", category)
    assert _untouched(outside)


def _library(tmp_path: Path, outside: Path) -> Path:
    """A folder with a film, and outside of it files of all the names that a replacement of that film will use."""
    films = tmp_path / "films"
    films.mkdir()
    (films / "film.avi").write_bytes(b"old")
    (tmp_path / "staged").write_bytes(b"new")
    (outside / ".spool-trash").mkdir(mode=0o700)
    return films


def _swapped_at_call(patch: pytest.MonkeyPatch, films: Path, outside: Path, number: int, *, after: bool) -> list[str]:
    """At that rename of the kernel the library becomes a link to `outside`; the calls that were made, as they come."""
    calls: list[str] = []

    def wired(name: str) -> None:
        real = getattr(linux, name)

        def call(*arguments: int | str) -> bool:
            calls.append(name)
            here = len(calls) == number
            done = bool(real(*arguments)) if after or not here else False
            if here:
                films.rename(films.with_name("moved"))
                films.symlink_to(outside)
            return done if after or not here else bool(real(*arguments))

        patch.setattr(linux, name, call)

    for name in ("rename_no_replace", "exchange"):
        wired(name)
    return calls


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.fault("49", "the library becomes a link while a file of it is replaced")
@pytest.mark.parametrize("extension", ["avi", "mkv"])
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("number", [1, 2])
def test_a_replacement_stays_in_its_library(
    tmp_path: Path, outside: Path, monkeypatch: pytest.MonkeyPatch, extension: str, after: bool, number: int
) -> None:
    films = _library(tmp_path, outside)
    for name in ("film.avi", "film.mkv"):
        (outside / name).write_bytes(b"precious")
    before = _contents(outside)
    calls = _swapped_at_call(monkeypatch, films, outside, number, after=after)
    replacing.replace(
        PlainContext(tmp_path / "job"),
        tmp_path / "staged",
        replacing.look(films / "film.avi"),
        films / f"film.{extension}",
    )
    assert len(calls) == 2 and films.is_symlink()
    assert _contents(outside) == before
    moved = tmp_path / "moved"
    assert (moved / f"film.{extension}").read_bytes() == b"new"
    (kept,) = (moved / trash.FOLDER).glob("*.kept")
    assert kept.read_bytes() == b"old"


@pytest.mark.fault("49", "the library becomes a link before a file of it is replaced")
@pytest.mark.parametrize("extension", ["avi", "mkv"])
def test_a_library_that_became_a_link_is_not_written(tmp_path: Path, outside: Path, extension: str) -> None:
    films = _library(tmp_path, outside)
    (outside / "film.avi").write_bytes(b"precious")
    original = replacing.look(films / "film.avi")
    films.rename(tmp_path / "moved")
    films.symlink_to(outside)
    before = _contents(outside)
    with pytest.raises(JobFailed, match="changed while"):
        replacing.replace(PlainContext(tmp_path / "job"), tmp_path / "staged", original, films / f"film.{extension}")
    assert _contents(outside) == before
    assert (tmp_path / "moved" / "film.avi").read_bytes() == b"old"
    assert (tmp_path / "staged").read_bytes() == b"new"


@pytest.mark.fault("49", "a staged file that was exchanged for another, or its folder for a link")
@pytest.mark.parametrize("extension", ["avi", "mkv"])
def test_only_what_was_verified_takes_a_place(
    tmp_path: Path, outside: Path, monkeypatch: pytest.MonkeyPatch, extension: str
) -> None:
    films = _library(tmp_path, outside)
    staging = tmp_path / "staging"
    staging.mkdir()
    (tmp_path / "staged").rename(staging / "precious")
    real = linux.rename_no_replace

    def exchanged(*arguments: int | str) -> bool:
        monkeypatch.setattr(linux, "rename_no_replace", real)
        (staging / "precious").unlink()
        (staging / "precious").write_text("somebody's, and longer")
        return bool(real(*arguments))  # type: ignore[arg-type]

    monkeypatch.setattr(linux, "rename_no_replace", exchanged)
    with pytest.raises(JobFailed, match="changed while"):
        replacing.replace(
            PlainContext(tmp_path / "job"),
            staging / "precious",
            replacing.look(films / "film.avi"),
            films / f"film.{extension}",
        )
    assert _contents(films) == {"film.avi": b"old"}
    assert (staging / "precious").read_text() == "somebody's, and longer"
    assert _untouched(outside)


@pytest.mark.fault("49", "the library becomes a link while a file is put back")
@pytest.mark.parametrize("extension", ["avi", "mkv"])
@pytest.mark.parametrize("successor", [False, True])
@pytest.mark.parametrize("after", [False, True])
def test_putting_back_stays_in_its_library(
    tmp_path: Path, outside: Path, monkeypatch: pytest.MonkeyPatch, extension: str, successor: bool, after: bool
) -> None:
    films = _library(tmp_path, outside)
    source = films / "film.avi"
    replacing.replace(
        PlainContext(tmp_path / "job"), tmp_path / "staged", replacing.look(source), films / f"film.{extension}"
    )
    state = tmp_path / "job" / "state"
    (entry,) = trash.all_entries(state)
    for name in ("film.avi", "film.mkv", f".spool-trash/{entry.id}.kept"):
        (outside / name).write_bytes(b"precious")
    before = _contents(outside)
    calls = _swapped_at_call(monkeypatch, films, outside, 1, after=after)
    trash.restore(entry, state, keep_days=3, successor=successor)
    assert calls and films.is_symlink()
    assert _contents(outside) == before
    assert (tmp_path / "moved" / "film.avi").read_bytes() == b"old"


@pytest.mark.fault("49", "the library is a link by the time a file is put back or removed")
def test_nothing_is_put_back_or_removed_elsewhere(tmp_path: Path, outside: Path) -> None:
    films = _library(tmp_path, outside)
    replacing.replace(
        PlainContext(tmp_path / "job"), tmp_path / "staged", replacing.look(films / "film.avi"), films / "film.avi"
    )
    state = tmp_path / "job" / "state"
    (entry,) = trash.all_entries(state)
    films.rename(tmp_path / "moved")
    films.symlink_to(outside)
    before = _contents(outside)
    with pytest.raises(trash.NotPutBack):
        trash.restore(entry, state, keep_days=3)
    assert trash.remove(entry) == 0
    assert _contents(outside) == before
    assert (tmp_path / "moved" / trash.FOLDER / f"{entry.id}.kept").read_bytes() == b"old"
