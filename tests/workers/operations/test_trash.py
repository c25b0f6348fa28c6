"""Replacing: whenever the runner dies, the original is somewhere known, and the next attempt leaves one of each."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.context import PlainContext, files_under
from workers import linux
from workers import trash as bin
from workers.errors import ErrorClass, JobFailed, LeaseLost
from workers.operations import trash

OLD, NEW = b"the original", b"the replacement"


class Killed(BaseException):
    """What stands for the end of the process: nothing that runs after it can do anything."""


class Fuse:
    """Counts calls that change the disk, and from the n-th on lets none through."""

    def __init__(self, patch: pytest.MonkeyPatch, after: int) -> None:
        self.left = after
        for module, names in ((os, "rename replace link unlink fsync mkdir open"), (linux, "exchange")):
            for name in names.split():
                patch.setattr(module, name, self.wired(getattr(module, name)))
        patch.setattr(linux, "rename_no_replace", self.wired(linux.rename_no_replace))

    def wired(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if self.left <= 0:
                raise Killed
            self.left -= 1
            return function(*args, **kwargs)

        return call


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "films"
    path.mkdir()
    (path / "film.avi").write_bytes(OLD)
    return path


def attempt(tmp_path: Path, folder: Path, extension: str) -> Path:
    """What an operation does with one file: the path of what took its place."""
    ctx = PlainContext(tmp_path / "job")
    source = folder / "film.avi"
    if (before := trash.settle(ctx, source)) is not None:
        return before
    original = trash.look(source)
    target = trash.place(original, extension)
    staged = tmp_path / "staging" / "result"
    staged.parent.mkdir(exist_ok=True)
    staged.write_bytes(NEW)
    told = trash.replace(ctx, staged, original, target)
    assert Path(told["trash"]).read_bytes() == OLD
    return target


def contents(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in files_under(folder) if not name.endswith((".json", ".new"))]


def steps() -> Iterator[Any]:
    for extension in ("avi", "mp4"):
        for way in ("exchange", "rename", "link", "plain"):
            for after in range(40):
                yield pytest.param(extension, way, after, id=f"{extension}-{way}-{after}")


def lacking(patch: pytest.MonkeyPatch, way: str) -> None:
    """A filesystem that cannot do what the better ways need."""
    if way != "exchange":
        patch.setattr(linux, "exchange", lambda *args: False)
    if way in ("link", "plain"):
        patch.setattr(linux, "rename_no_replace", lambda *args: False)
    if way == "plain":

        def refuse(*args: Any, **kwargs: Any) -> None:
            raise PermissionError(1, "no links here")

        patch.setattr(os, "link", refuse)


@pytest.mark.parametrize(("extension", "way", "after"), steps())
def test_death_at_any_step(tmp_path: Path, folder: Path, extension: str, way: str, after: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        lacking(patch, way)
        Fuse(patch, after)
        try:
            attempt(tmp_path, folder, extension)
        except Killed:
            pass
    assert contents(folder).count(OLD) >= 1, "lost"
    if not (folder / "film.avi").exists():
        assert bin.known(tmp_path / "job" / "state") == [folder / bin.FOLDER], "not to be found again"
        assert [entry.original for entry in bin.entries(folder / bin.FOLDER)] == [str(folder / "film.avi")]
    with pytest.MonkeyPatch.context() as patch:
        lacking(patch, way)
        target = attempt(tmp_path, folder, extension)
    assert target.read_bytes() == NEW
    (entry,) = bin.entries(folder / bin.FOLDER)
    assert entry.done and entry.kept.read_bytes() == OLD
    assert sorted(contents(folder)) == sorted([OLD, NEW]), "never two of one"


def test_the_fuse_is_long_enough(tmp_path: Path, folder: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        fuse = Fuse(patch, 1000)
        attempt(tmp_path, folder, "mp4")
    assert 8 < 1000 - fuse.left < 40


@pytest.mark.parametrize("extension", ["avi", "mp4"])
def test_owner_mode_and_attributes_go_over(tmp_path: Path, folder: Path, extension: str) -> None:
    source = folder / "film.avi"
    os.chmod(source, 0o640)
    os.utime(source, (1_000_000_000, 1_000_000_000))
    try:
        os.setxattr(source, "user.rating", b"five")
        attributes = {"user.rating": b"five"}
    except OSError:
        attributes = {}  # not on every filesystem
    if os.geteuid() == 0:
        os.chown(source, 4321, 8765)
    before = source.stat()
    made = attempt(tmp_path, folder, extension)
    after = made.stat()
    assert (after.st_uid, after.st_gid, after.st_mode) == (before.st_uid, before.st_gid, before.st_mode)
    assert {name: os.getxattr(made, name) for name in attributes} == attributes
    assert after.st_mtime > 1_000_000_000
    (entry,) = bin.entries(folder / bin.FOLDER)
    assert entry.new_mtime_ns == after.st_mtime_ns
    assert bin.untouched(entry)


def test_a_file_of_several_names_is_not_replaced(tmp_path: Path, folder: Path) -> None:
    os.link(folder / "film.avi", folder / "other.avi")
    with pytest.raises(JobFailed, match="hard links") as caught:
        attempt(tmp_path, folder, "avi")
    assert caught.value.failure.error_class is ErrorClass.UNSUPPORTED
    assert (folder / "film.avi").samefile(folder / "other.avi")
    assert files_under(folder) == ["film.avi", "other.avi"]


def test_a_name_of_another_file_is_refused(tmp_path: Path, folder: Path) -> None:
    (folder / "film.mp4").write_bytes(b"another")
    with pytest.raises(JobFailed, match=r"film\.mp4 exists already"):
        attempt(tmp_path, folder, "mp4")
    assert files_under(folder) == ["film.avi", "film.mp4"]


def test_a_name_taken_meanwhile_leaves_all_as_it_was(tmp_path: Path, folder: Path) -> None:
    ctx, original = PlainContext(tmp_path / "job"), trash.look(folder / "film.avi")
    staged = tmp_path / "staged"
    staged.write_bytes(NEW)
    (folder / "film.mp4").write_bytes(b"another")
    with pytest.raises(JobFailed) as caught:
        trash.replace(ctx, staged, original, folder / "film.mp4")
    assert caught.value.failure.error_class is ErrorClass.BAD_INPUT
    assert files_under(folder) == ["film.avi", "film.mp4"] and not (folder / bin.FOLDER).exists()


@pytest.mark.parametrize("extension", ["avi", "mp4"])
def test_a_changed_original_is_not_replaced(tmp_path: Path, folder: Path, extension: str) -> None:
    ctx, source = PlainContext(tmp_path / "job"), folder / "film.avi"
    original = trash.look(source)
    source.write_bytes(b"edited meanwhile")
    staged = tmp_path / "staged"
    staged.write_bytes(NEW)
    with pytest.raises(JobFailed, match="changed while"):
        trash.replace(ctx, staged, original, source.with_suffix(f".{extension}"))
    assert contents(folder) == [b"edited meanwhile"]


@pytest.mark.parametrize("extension", ["avi", "mp4"])
def test_a_lost_lease_changes_nothing(tmp_path: Path, folder: Path, extension: str) -> None:
    ctx, original = PlainContext(tmp_path / "job"), trash.look(folder / "film.avi")
    ctx.lease_lost = True
    staged = tmp_path / "staged"
    staged.write_bytes(NEW)
    with pytest.raises(LeaseLost):
        trash.replace(ctx, staged, original, folder / f"film.{extension}")
    assert files_under(folder) == ["film.avi"]


def test_links_are_not_replaced(folder: Path) -> None:
    (folder / "link.avi").symlink_to(folder / "film.avi")
    with pytest.raises(JobFailed) as caught:
        trash.look(folder / "link.avi")
    assert caught.value.failure.error_class is ErrorClass.UNSUPPORTED


def test_the_mode_is_kept_and_the_successor_known(tmp_path: Path, folder: Path) -> None:
    (folder / "film.avi").chmod(0o640)
    target = attempt(tmp_path, folder, "mp4")
    assert target.stat().st_mode & 0o777 == 0o640
    assert (folder / bin.FOLDER).stat().st_mode & 0o777 == 0o700
    assert trash.replaced_before(target)
    target.write_bytes(b"edited by its owner")
    assert not trash.replaced_before(target)


def test_a_record_is_read_a_few_times_however_many_there_are(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten thousand pictures of one folder read ten thousand records each before."""
    reads: list[str] = []
    plain = bin._record

    def counted(at: Path, name: str) -> bin.Entry | None:
        reads.append(name)
        return plain(at, name)

    monkeypatch.setattr(bin, "_record", counted)
    ctx = PlainContext(tmp_path / "job")
    for number in range(40):
        source, staged = folder / f"{number}.png", tmp_path / "staged"
        source.write_bytes(OLD)
        staged.write_bytes(NEW)
        assert trash.settle(ctx, source) is None and not trash.replaced_before(source)
        trash.replace(ctx, staged, trash.look(source), source)
        assert trash.settle(ctx, source) == source and trash.replaced_before(source)
    assert len(reads) <= 40 * 5


def test_a_hostile_name(tmp_path: Path, folder: Path) -> None:
    source = Path(os.fsdecode(os.fsencode(folder) + b"/inv\xff\nalid.avi"))
    source.write_bytes(OLD)
    ctx, staged = PlainContext(tmp_path / "job"), tmp_path / "staged"
    staged.write_bytes(NEW)
    trash.replace(ctx, staged, trash.look(source), source)
    (entry,) = bin.all_entries(tmp_path / "job" / "state")
    assert source.read_bytes() == NEW
    assert bin.restore(entry, tmp_path / "job" / "state", keep_days=1) == source
    assert source.read_bytes() == OLD
