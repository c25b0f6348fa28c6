"""Publishing: a target is old or new, whole, never clobbered, and never there twice, whenever the runner dies."""

from __future__ import annotations

import errno
import os
import shutil
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.killing import every_call, killed_at, reaches_out
from tests.support.matrix import stride
from tests.support.publishing import Granting, context, recorded, staged
from tests.workers.runner.conftest import Begin, grant
from workers import linux
from workers.errors import ErrorClass, JobFailed
from workers.folders import Spot, opened
from workers.runner import publishing
from workers.runner.context import StagingFolders
from workers.runner.wire import (
    Down,
    Failed,
    Finished,
    Granted,
    JobMessage,
    Publishing,
    Refused,
    Staging,
    Up,
)


def attempt(tmp_path: Path, target: Path, text: str) -> Path:
    """What an operation that publishes one file does."""
    ctx, folders = context(tmp_path)
    try:
        earlier = ctx.published()
        return earlier[0] if earlier else ctx.publish(staged(ctx, target.parent, text), target)
    finally:
        folders.remove()


def test_a_target_that_exists_is_never_touched(tmp_path: Path) -> None:
    target = tmp_path / "out" / "clip.tar.gz"
    target.parent.mkdir()
    target.write_text("old")
    ctx, _ = context(tmp_path)
    assert ctx.publish(staged(ctx, target.parent, "new"), target).name == "clip.tar (2).gz"
    assert ctx.publish(staged(ctx, target.parent, "newer"), target).name == "clip.tar (3).gz"
    assert target.read_text() == "old"
    assert (target.parent / "clip.tar (2).gz").read_text() == "new"


def test_without_unique_an_existing_target_is_a_failure(tmp_path: Path) -> None:
    target = tmp_path / "out" / "clip.mp4"
    target.parent.mkdir()
    target.write_text("old")
    ctx, _ = context(tmp_path)
    with pytest.raises(JobFailed, match=r"clip\.mp4 exists already") as raised:
        ctx.publish(staged(ctx, target.parent, "new"), target, unique=False)
    assert raised.value.failure.error_class is ErrorClass.BAD_INPUT
    assert target.read_text() == "old"


def test_a_dangling_link_counts_as_a_name_that_is_taken(tmp_path: Path) -> None:
    target = tmp_path / "out" / "clip.mp4"
    target.parent.mkdir()
    target.symlink_to(tmp_path / "elsewhere")
    ctx, _ = context(tmp_path)
    assert ctx.publish(staged(ctx, target.parent, "new"), target).name == "clip (2).mp4"
    assert not (tmp_path / "elsewhere").exists()


def test_a_target_that_appears_after_the_grant_is_not_clobbered(tmp_path: Path) -> None:
    target = tmp_path / "out" / "clip.mp4"
    ctx, _ = context(tmp_path)
    path = staged(ctx, target.parent, "new")
    granted = Granting.ask

    def sudden(self: Granting, question: Staging | Publishing, meanwhile: Callable[[], None]) -> None:
        granted(self, question, meanwhile)
        if not target.exists():
            target.write_text("theirs")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Granting, "ask", sudden)
        assert ctx.publish(path, target).name == "clip (2).mp4"
    assert target.read_text() == "theirs"
    assert [entry.path for entry in recorded(tmp_path / "records")] == [
        str(target),
        str(target.with_name("clip (2).mp4")),
    ]


def test_only_a_regular_file_is_published(tmp_path: Path) -> None:
    ctx, _ = context(tmp_path)
    folder = ctx.staging(tmp_path)
    os.symlink("/etc/hostname", folder / "link")
    os.mkfifo(folder / "fifo")
    for path in (folder, folder / "link", folder / "fifo", folder / "missing"):
        with pytest.raises(JobFailed, match="cannot publish"):
            ctx.publish(path, tmp_path / "target")
    assert not (tmp_path / "target").exists()


def test_published_means_the_very_file_and_the_current_item(tmp_path: Path) -> None:
    target = tmp_path / "out" / "clip.mp4"
    ctx, _ = context(tmp_path, item="a")
    ctx.publish(staged(ctx, target.parent, "new"), target)
    assert context(tmp_path, item="a")[0].published() == (target,)
    assert context(tmp_path, item="b")[0].published() == ()
    target.rename(target.with_name("moved"))
    assert context(tmp_path, item="a")[0].published() == ()
    target.write_text("new")
    assert context(tmp_path, item="a")[0].published() == ()


def _no_renameat2(*_: object) -> bool:
    return False


def _no_link(*_: object, **__: object) -> None:
    raise OSError(errno.EPERM, "no links here")


@pytest.mark.parametrize("poor", ["links", "nothing"])
def test_on_a_poor_filesystem_nothing_is_clobbered_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, poor: str
) -> None:
    monkeypatch.setattr(linux, "rename_no_replace", _no_renameat2)
    if poor == "nothing":
        monkeypatch.setattr(os, "link", _no_link)
    target = tmp_path / "out" / "clip.mp4"
    ctx, folders = context(tmp_path)
    first = staged(ctx, target.parent, "first")
    assert ctx.publish(first, target) == target
    assert not first.exists()
    second = staged(ctx, target.parent, "second")
    with publishing.open_folder(target.parent, 0o700) as folder, opened(second.parent) as staging:
        assert not publishing.rename_whole(Spot(staging, second.name), Spot(folder, target.name))
    assert target.read_text() == "first"
    folders.remove()
    assert os.listdir(target.parent) == [target.name]


@given(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=250))
def test_names_are_different_and_fit(name: str) -> None:
    found = [candidate for candidate, _ in zip(publishing.names(name, unique=True), range(12), strict=False)]
    assert found[0] == name
    assert len(set(found)) == 12
    assert all(len(os.fsencode(candidate)) <= 255 for candidate in found[1:])
    assert all("/" not in candidate for candidate in found)
    assert list(publishing.names(name, unique=False)) == [name]


@pytest.mark.fault("21", "kill -9 at every call of publishing: one whole file after the next attempt")
@pytest.mark.parametrize("calls", [reaches_out, every_call])
@pytest.mark.parametrize("rename", ["renameat2", "links"])
def test_kill_9_at_every_call_of_publish_leaves_one_whole_file_after_the_next_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rename: str, calls: Callable[[Any], bool]
) -> None:
    """At each call that reaches out of the process; of all others at some, and in five rounds at all."""
    if rename == "links":
        monkeypatch.setattr(linux, "rename_no_replace", _no_renameat2)
    first, step = (1, 1) if calls is reaches_out else stride(23)
    number, killed, published_before = first - step, True, 0
    while killed:
        number += step
        home = tmp_path / str(number)
        target = home / "out" / "clip.mp4"
        target.parent.mkdir(parents=True)
        (target.parent / "bystander").write_text("mine")
        killed = killed_at(number, partial(attempt, home, target, "killed"), calls)
        assert not target.exists() or target.read_text() == "killed"
        published_before += target.exists()
        path = attempt(home, target, "again")
        assert path == target
        assert target.read_text() in ("killed", "again")
        shown = sorted(name for name in os.listdir(target.parent) if not name.startswith(".spool-"))
        assert shown == ["bystander", "clip.mp4"]
        assert (target.parent / "bystander").read_text() == "mine"
    assert number > (40 if calls is reaches_out else 400)
    assert published_before > 3


def refuse(message: Up) -> Down | None:
    """No to every publication."""
    return Refused("lease_lost") if isinstance(message, Publishing) else grant(message)


def test_a_refused_publication_publishes_nothing_and_cleans_up(begin: Begin, tmp_path: Path) -> None:
    target = tmp_path / "out" / "clip.mp4"
    said = begin("publish", {"target": str(target)}, answer=refuse).finish()
    assert isinstance(said, Failed)
    assert "no longer counts" in said.failure.message
    assert os.listdir(target.parent) == []


def test_a_refused_item_ends_the_whole_job(begin: Begin, tmp_path: Path) -> None:
    talk = begin("items", {"inputs": ["ok1", "ok2"], "folder": str(tmp_path / "out"), "processes": 1}, answer=refuse)
    assert isinstance(talk.finish(), Failed)
    assert len(talk.all(Publishing)) == 1
    assert os.listdir(tmp_path / "out") == []


def test_an_answer_to_another_question_is_not_taken_for_ours(begin: Begin, tmp_path: Path) -> None:
    target = tmp_path / "out" / "clip.mp4"

    def stray(message: Up) -> Down | None:
        return Granted("/elsewhere") if isinstance(message, Publishing) else grant(message)

    talk = begin("publish", {"target": str(target)}, answer=stray)
    talk.until(Publishing)
    talk.hear(0.3)
    assert not target.exists()
    talk.runner.send(Granted(str(target)))
    assert talk.finish() == Finished((str(target),))


@pytest.mark.fault("21", "kill -9 around the grant: published once")
@pytest.mark.parametrize("granted", [False, True])
def test_kill_9_around_the_grant_then_the_next_attempt_publishes_once(
    begin: Begin, tmp_path: Path, granted: bool
) -> None:
    target = tmp_path / "out" / "clip.mp4"

    def never(message: Up) -> Down | None:
        return None if isinstance(message, Publishing) else grant(message)

    first = begin("publish", {"target": str(target)}, answer=never)
    first.until(Publishing)
    if granted:
        first.runner.stop()
        first.runner.send(Granted(str(target)))
    first.runner.signal_group(signal.SIGKILL)
    first.finish()
    assert not target.exists()
    second = begin("publish", {"target": str(target), "text": "second"}, published=first.published(), lease=4)
    assert second.finish() == Finished((str(target),))
    third = begin("publish", {"target": str(target)}, published=second.published(), lease=5)
    assert third.finish() == Finished((str(target),), {"published": "before"})
    assert target.read_text() == "second"


def test_what_is_published_has_the_mode_of_whoever_started_the_worker(tmp_path: Path) -> None:
    old = os.umask(0o077)
    try:
        publishing.make_folder(tmp_path / "a" / "b", 0o755)
        file = tmp_path / "a" / "b" / "film.mkv"
        file.write_bytes(b"x")
        publishing.flush_file(file, 0o644)
    finally:
        os.umask(old)
    modes = [path.stat().st_mode & 0o777 for path in (tmp_path / "a", tmp_path / "a" / "b", file)]
    assert modes == [0o755, 0o755, 0o644]


def test_a_job_that_moves_from_folder_to_folder_leaves_few_behind_on_its_way(tmp_path: Path) -> None:
    channel = Granting(tmp_path / "records")
    folders = StagingFolders(JobMessage(1, 1, 1, "publish", {}, str(tmp_path / "work")), channel)

    def hidden() -> set[str]:
        return {str(path) for path in tmp_path.glob("*/.spool-1-1-*")}

    held = folders.fresh(tmp_path / "held")
    for number in range(30):
        shutil.rmtree(folders.fresh(tmp_path / f"{number}"))  # as an item does when it has ended
        assert len(hidden()) <= 9 and set(channel.folders) == hidden()
    assert held.is_dir()
    assert folders.fresh(tmp_path / "held").parent == held.parent
    folders.remove()
    assert hidden() == set()
