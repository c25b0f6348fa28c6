"""Walking folders and naming outputs."""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from tests.support.context import PlainContext
from tests.support.home import ROOT
from tests.support.media import HOSTILE_NAMES
from workers.errors import ErrorClass, JobFailed
from workers.media.names import key_to_path, path_to_key
from workers.operations.contract import BulkParams
from workers.operations.inputs import disk_failure, first_line, made_by_us, need_room, stage, walk


def tree(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def params(*inputs: Path, **more: Any) -> BulkParams:
    return BulkParams(inputs=tuple(map(str, inputs)), **more)


def everything(name: str) -> bool:
    return True


@pytest.mark.parametrize(
    ("number", "error_class", "words"),
    [
        (errno.ENOSPC, ErrorClass.DISK, "No space left on device"),
        (errno.EACCES, ErrorClass.AUTH, "Permission denied"),
        (errno.EFBIG, ErrorClass.UNSUPPORTED, "`file_size_gib` in [jobs]"),
    ],
)
def test_only_what_waiting_may_help_is_of_class_disk(number: int, error_class: ErrorClass, words: str) -> None:
    failure = disk_failure(OSError(number, os.strerror(number)), "cannot write film.mkv").failure
    assert failure.error_class is error_class
    assert failure.message.startswith("cannot write film.mkv: ") and words in failure.message


def test_order_hidden_entries_and_links(tmp_path: Path) -> None:
    tree(tmp_path, "b.mp4", "a.mp4", "sub/c.mp4", ".hidden/d.mp4", ".e.mp4", ".spool-1-1/f.mp4", "out/g.mp4")
    (tmp_path / "sub" / "loop").symlink_to(tmp_path)
    found = [
        str(Path(key).relative_to(tmp_path)) for key in walk(params(tmp_path), everything, apart=str(tmp_path / "out"))
    ]
    assert found == ["a.mp4", "b.mp4", "sub/c.mp4"]


def test_a_folder_apart_may_be_no_text(tmp_path: Path) -> None:
    apart = tmp_path / os.fsdecode(b"out\xff")
    tree(tmp_path, "a.mp4")
    tree(apart, "b.mp4")
    assert list(walk(params(tmp_path), everything, apart=path_to_key(apart))) == [str(tmp_path / "a.mp4")]


def test_each_once_and_missing_ones_are_items(tmp_path: Path) -> None:
    tree(tmp_path, "a.mp4")
    given = [str(tmp_path), str(tmp_path / "a.mp4"), str(tmp_path / "." / "a.mp4"), str(tmp_path / "none.mp4")]
    assert list(walk(BulkParams(inputs=tuple(given)), everything)) == [
        str(tmp_path / "a.mp4"),
        str(tmp_path / "none.mp4"),
    ]


def test_just_the_chosen_files_of_all_that_the_inputs_hold(tmp_path: Path) -> None:
    tree(tmp_path, "a.mp4", "b.mp4", "sub/c.mp4")
    chosen = tuple(str(tmp_path / name) for name in ("sub/c.mp4", "a.mp4", "gone.mp4"))
    found = list(walk(params(tmp_path, items=chosen), everything))
    assert found == [str(tmp_path / "a.mp4"), str(tmp_path / "sub" / "c.mp4")]


def test_wanted_is_asked_of_folders_only(tmp_path: Path) -> None:
    tree(tmp_path, "a.txt", "b.mp4")
    assert list(walk(params(tmp_path, tmp_path / "a.txt"), lambda name: name.endswith("mp4"))) == (
        [str(tmp_path / "b.mp4"), str(tmp_path / "a.txt")]
    )


@pytest.mark.skipif(os.geteuid() == 0 and not shutil.which("setpriv"), reason="root reads everything")
def test_folders_that_cannot_be_read_are_items(tmp_path: Path) -> None:
    """By a process of its own, so that as root too it may not read what the modes of the folders forbid."""
    tree(tmp_path, "a.mp4", "b/secret/c.mp4", "b/open/d.mp4", "e/f.mp4", "g.mp4")
    closed = (tmp_path / "b" / "secret", tmp_path / "e")
    code = (
        "import sys\n"
        "from workers.operations.contract import BulkParams\n"
        "from workers.operations.inputs import walk\n"
        "print(*walk(BulkParams(inputs=sys.argv[1:]), lambda name: name.endswith('.mp4')), sep='\\n')"
    )
    drop = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search")
    command = [*(drop if os.geteuid() == 0 else ()), sys.executable, "-c", code]
    inputs = [str(tmp_path), str(tmp_path / "e"), str(tmp_path / "b")]
    for folder in closed:
        folder.chmod(0)
    try:
        found = subprocess.run([*command, *inputs], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    finally:
        for folder in closed:
            folder.chmod(0o700)
    below = [os.path.relpath(path, tmp_path) for path in found.splitlines()]
    assert below == ["a.mp4", "g.mp4", "b/open/d.mp4", "b/secret", "e"]


def test_a_folder_that_is_gone_since_is_nobodys_trouble(tmp_path: Path) -> None:
    tree(tmp_path, "a/b.mp4", "c/d.mp4")
    stream = walk(params(tmp_path), everything)
    assert next(stream).endswith("a/b.mp4")
    shutil.rmtree(tmp_path / "c")
    assert list(stream) == []


def test_hostile_names_come_back_as_they_are(tmp_path: Path) -> None:
    for raw in HOSTILE_NAMES:
        with open(os.fsencode(tmp_path) + b"/" + raw, "wb"):
            pass
    keys = list(walk(params(tmp_path), everything))
    for key in keys:
        key.encode()
        assert key_to_path(key).is_file()
    assert len(keys) == len(HOSTILE_NAMES)


def test_it_streams(tmp_path: Path) -> None:
    tree(tmp_path, *(f"{n:03}/a.mp4" for n in range(50)))
    stream = iter(walk(params(tmp_path), everything))
    assert next(stream).endswith("000/a.mp4")


def test_own_outputs_are_known() -> None:
    own = made_by_us(("thumb",), ("jpg", "webp"))
    assert own.fullmatch("a.thumb.jpg")
    assert own.fullmatch("new\nline.thumb (2).webp")
    assert not own.fullmatch("thumb.jpg")
    assert not own.fullmatch("a.thumb.png")


def test_room_is_kept(tmp_path: Path) -> None:
    ctx = PlainContext(tmp_path, {"min_free_bytes": 0})
    need_room(ctx, tmp_path / "not" / "yet")
    with pytest.raises(JobFailed) as caught:
        need_room(ctx, tmp_path, 1 << 60)
    assert caught.value.failure.error_class is ErrorClass.DISK
    words = re.escape(str(tmp_path)) + r": need 1,099,511,627,776\.0 MiB, have [0-9,]+\.\d MiB$"
    assert re.search(words, caught.value.failure.message)
    keeping = PlainContext(tmp_path, {"min_free_bytes": 1 << 60})
    with pytest.raises(JobFailed, match=r"need 1,099,511,627,776\.0 MiB to be kept free by jobs.min_free_mib, have"):
        need_room(keeping, tmp_path)
    with pytest.raises(
        JobFailed,
        match=r"need 1,099,511,627,778\.0 MiB \(2\.0 MiB for the file, 1,099,.* kept free by jobs.min_free_mib\)",
    ):
        need_room(keeping, tmp_path, 2 << 20)


def test_folders_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JobFailed) as caught:
        stage(PlainContext(tmp_path), tmp_path / "file" / "sub")
    assert caught.value.failure.error_class is ErrorClass.DISK


def test_an_output_that_can_be_no_folder_ends_the_job_before_it_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree(tmp_path, "in/a.mp4", "in/b.mp4", "file")
    for apart, words in (
        (tmp_path / "file", "it is a file, or below one"),
        (tmp_path / "file" / "sub", "it is a file, or below one"),
        (tmp_path / ("n" * 300), "File name too long"),
    ):
        with pytest.raises(JobFailed, match=words) as caught:
            next(walk(params(tmp_path / "in"), everything, apart=str(apart)))
        assert caught.value.failure.error_class is ErrorClass.BAD_INPUT
        assert str(apart) in caught.value.failure.message
    real = os.statvfs(tmp_path)
    monkeypatch.setattr(os, "statvfs", lambda path: types.SimpleNamespace(f_flag=real.f_flag | os.ST_RDONLY))
    with pytest.raises(JobFailed, match="Read-only file system") as caught:
        next(walk(params(tmp_path / "in"), everything, apart=str(tmp_path / "new")))
    assert caught.value.failure.error_class is ErrorClass.DISK


def test_labels() -> None:
    assert first_line(["/a/film.mp4"]) == "film.mp4"
    assert first_line(["/a/films/", "/b", "/c"]) == "films and 2 more"
    assert "\x1b" not in first_line(["/a/\x1b[31m.mp4"])


def test_a_link_in_a_circle_fails_alone(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x")
    (tmp_path / "circle.jpg").symlink_to("circle.jpg")
    (tmp_path / "nowhere.jpg").symlink_to("gone.jpg")
    found = [Path(key).name for key in walk(params(tmp_path), lambda name: True)]
    assert found == ["a.jpg", "circle.jpg", "nowhere.jpg"]


def test_links_that_lead_nowhere_are_given_once(tmp_path: Path) -> None:
    tree(tmp_path, "films/a.mp4", "elsewhere/b.txt")
    films = tmp_path / "films"
    (films / "lost.mp4").symlink_to(tmp_path / "absent" / "lost.mp4")
    (films / "lost.txt").symlink_to("gone.txt")
    (films / "folder.mp4").symlink_to(tmp_path / "elsewhere")
    wanted = [str(films / "a.mp4"), str(films / "lost.mp4")]
    for inputs in ((str(films),), (str(films), str(films / "lost.mp4")), (str(films / "lost.mp4"), str(films))):
        given = params(tmp_path).model_copy(update={"inputs": inputs})
        assert sorted(walk(given, lambda name: name.endswith(".mp4"))) == wanted


def test_a_read_only_folder_is_no_matter_of_room(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "ro,size=1m", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        with pytest.raises(JobFailed) as refused:
            need_room(PlainContext(tmp_path / "job"), disk / "new")
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    assert refused.value.failure.error_class is ErrorClass.DISK
    assert "Read-only" in refused.value.failure.message


def names(root: Path, given: BulkParams) -> list[str]:
    return [str(Path(key).relative_to(root)) for key in walk(given, everything)]


def test_patterns_choose_names_and_paths(tmp_path: Path) -> None:
    tree(tmp_path, "a.FLAC", "b.mp3", "live/c.flac", "sample/d.flac", "live/raw/e.flac", "live/f.flac.txt")
    assert names(tmp_path, params(tmp_path, only=("*.flac",), skip=("sample", "live/raw/*"))) == [
        "a.FLAC",
        "live/c.flac",
    ]
    assert names(tmp_path, params(tmp_path, only=("live/*.flac",))) == ["live/c.flac", "live/raw/e.flac"]
    assert names(tmp_path, params(tmp_path, recursive=False)) == ["a.FLAC", "b.mp3"]


@pytest.mark.parametrize("recursive", [True, False])
def test_folders_within_folders_are_walked_once(tmp_path: Path, recursive: bool) -> None:
    tree(tmp_path, "a", "sub/b", "sub/deep/c", "sub/.hidden/d", "other/e")
    (tmp_path / "link").symlink_to(tmp_path / "other")
    inputs = ("sub", ".", "sub/deep", "sub/.hidden", "link", "sub/b", "other/e")
    given = BulkParams(inputs=tuple(str(tmp_path / name) for name in inputs), recursive=recursive)
    found = names(tmp_path, given)
    assert len(found) == len(set(found))
    assert set(found) == {"a", "sub/b", "sub/deep/c", "sub/.hidden/d", "link/e", "other/e"}
