"""The trash: what was replaced lies beside its successor until its time is over, and can be put back.

Each folder has a trash of its own, `.spool-trash`, so that moving there is one rename and needs no room. A file in
it is called ID.kept; ID.json beside it tells where it was and what took its place. The record is written before
anything moves, and what an interrupted move left is told from the files themselves (`settle`).
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from workers import placeholders, trashlist
from workers.folders import Spot, opened
from workers.trashentry import FOLDER as FOLDER
from workers.trashentry import Entry as Entry
from workers.trashentry import entry_of, made_by
from workers.trashentry import identity as identity
from workers.trashentry import new_entry as new_entry
from workers.trashindex import TrashIndex
from workers.trashlist import known as known
from workers.trashscene import Scene, made_in, opened_scene, own_trash, record_in, safe

log = logging.getLogger(__name__)

_PENDING_MS = 3_600_000  # a move takes no time: one that is older than this was interrupted


class NotPutBack(Exception):
    """A file stays in the trash; the words say why."""


def write(entry: Entry, state: Path | None) -> None:
    """Write the record, whole and flushed, and let `state` know of the folder. OSError."""
    with opened(entry.folder.parent) as above:
        anew = made_in(above)
        with own_trash(above) as fd:
            if state is not None:
                trashlist.remember(state, entry.folder, anew=anew)
            record_in(fd, entry)


def _ours(folder: Path) -> bool:
    """Whether it is a real folder of this user: records that others may write are not believed."""
    try:
        facts = os.lstat(folder)
    except OSError:
        return False
    return stat.S_ISDIR(facts.st_mode) and safe(facts)


def entries(folder: Path) -> list[Entry]:
    """What lies in one trash folder, oldest first. What cannot be read is left out."""
    if not _ours(folder):
        return []
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".json"))
    except OSError:
        return []
    found = [entry for name in names if (entry := _record(folder, name)) is not None]
    return sorted(found, key=lambda entry: entry.at_ms)


def _record(folder: Path, name: str) -> Entry | None:
    """The entry of a file in a trash folder; None where it cannot be read, or speaks of another place."""
    try:
        values: Any = json.loads((folder / name).read_text(encoding="ascii"))
        entry = Entry(**values)
        beside = Path(entry.replacement).parent == folder.parent
        return entry if beside and entry.folder == folder and f"{entry.id}.json" == name else None
    except (OSError, ValueError, TypeError):
        return None


_index = TrashIndex()


def _found(folder: Path, key: str) -> list[Entry]:
    """The entries of a trash folder that one looks for by this key, oldest first."""

    def keys(name: str) -> tuple[str, ...]:
        entry = _record(folder, name)
        return () if entry is None else (str(entry.original), str((entry.new_inode, entry.new_size)))

    if not _ours(folder):
        return []
    found = [entry for name in _index.find(folder, key, keys) if (entry := _record(folder, name)) is not None]
    return sorted(found, key=lambda entry: entry.at_ms)


def entries_of(original: Path) -> list[Entry]:
    """What a trash folder holds of the file that was at this absolute path, oldest first."""
    return _found(original.parent / FOLDER, os.fspath(original))


def all_entries(state: Path) -> Iterator[Entry]:
    """What lies in all trash folders of this home."""
    for folder in known(state):
        yield from entries(folder)


def settle(entry: Entry) -> Entry | None:
    """Finish or undo a move that was interrupted: the finished entry, or None when the original is where it was.

    Never removes a file that is not in its place elsewhere. OSError.
    """
    if entry.done:
        return entry
    try:
        with opened_scene(entry) as scene:
            return _settled(scene)
    except FileNotFoundError:
        return None  # no trash folder, so no move


def _settled(scene: Scene) -> Entry | None:
    entry, original, kept = scene.entry, scene.original, scene.kept
    if entry.done:
        return entry
    scene.tidy()
    moved = kept.identity == entry.identity
    placed = scene.is_new(scene.replacement)
    if not moved and original.identity == entry.identity and placed and original != scene.replacement:
        scene.move(original, kept)
        moved = True
    if moved and not placed and original.identity is None:
        scene.move(kept, original)
        moved = False
    if moved:
        finished = replace(entry, done=True)
        placeholders.forget(scene.trash, entry.id)
        record_in(scene.trash, finished)
        return finished
    if original.identity is not None and scene.is_new(kept):
        scene.unlink("kept")  # the replacement, which did not come to be one
    if kept.identity is None:
        scene.forget()
    return None


def _is_new(path: Path, entry: Entry) -> bool:
    return made_by(entry, identity(path))


def restore(entry: Entry, state: Path, *, keep_days: int, successor: bool = False) -> Path:
    """Put the file back where it was; the path. What took its very name goes to the trash in its turn.

    A replacement of another name stays, unless the `successor` is to go there too. NotPutBack: something else has the
    name now, or the file is gone. OSError.
    """
    try:
        with opened_scene(entry) as scene:
            _put_back(scene, state, keep_days, successor)
    except FileNotFoundError:
        if identity(Path(entry.original)) != entry.identity:
            raise NotPutBack("the file is no longer in the trash") from None
    return Path(entry.original)


def _put_back(scene: Scene, state: Path, keep_days: int, successor: bool) -> None:
    entry, original, kept = scene.entry, scene.original, scene.kept
    if _settled(scene) is None:
        if original.identity == entry.identity:
            return
        raise NotPutBack("the record is of a replacement that did not happen, and the file is gone")
    scene.tidy()  # of an earlier try that died
    if kept.identity is None:
        if original.identity != entry.identity:
            raise NotPutBack("the file is no longer in the trash")
        scene.forget()
        return
    takes_turn = successor and scene.replacement.identity is not None
    there = original if original.identity is not None else scene.replacement if takes_turn else None
    if there == original and not scene.is_new(original):
        raise NotPutBack("another file has its name now; move that away first")
    if there is None or not scene.is_new(there):
        scene.move(kept, original)
    else:
        _turn(scene, there, state, keep_days)
    scene.forget()


def _turn(scene: Scene, there: Spot, state: Path, keep_days: int) -> None:
    """The original and what took its place at `there` change sides; the latter gets a record of its own."""
    path = Path(scene.entry.original)
    turned = entry_of(
        path.with_name(there.name),
        path,
        there.facts(),
        scene.kept.facts(),
        job_id=scene.entry.job_id,
        keep_days=keep_days,
    )
    trashlist.remember(state, turned.folder)
    record_in(scene.trash, turned)
    fresh = scene.of(turned)
    fresh.move(there, fresh.kept)
    scene.move(scene.kept, scene.original)
    placeholders.forget(scene.trash, turned.id)
    record_in(scene.trash, replace(turned, done=True))


def remove(entry: Entry) -> int:
    """Remove the file for good; the bytes that it had. What is not settled is settled first, and stays. OSError."""
    with contextlib.suppress(FileNotFoundError), opened_scene(entry) as scene:
        settled = _settled(scene)
        if settled is None and not scene.is_new(scene.kept):
            return 0
        size = (scene.kept.identity or (0, 0, 0))[1]
        scene.unlink("kept")
        scene.forget()
        return size
    return 0


def expire(state: Path, now_ms: int) -> int:
    """Remove what lay in the trash for its time, and settle what was interrupted; how many files went."""
    gone = 0
    for entry in list(all_entries(state)):
        try:
            if entry.until_ms <= now_ms:
                remove(entry)
                gone += 1
            elif not entry.done and not under_way(entry, now_ms):
                settle(entry)
        except OSError as error:
            log.warning("%s stays in the trash: %s", entry.kept, error)
    trashlist.drop_gone(state)
    return gone


def under_way(entry: Entry, now_ms: int) -> bool:
    """Whether the replacement may still be going on: then the entry belongs to its job."""
    return not entry.done and entry.at_ms + _PENDING_MS > now_ms


def in_place(entry: Entry) -> bool:
    """Whether the replacement is where it was put."""
    return _is_new(Path(entry.replacement), entry)


def untouched(entry: Entry) -> bool:
    """Whether the replacement is where it was put, and was not written since."""
    found = identity(Path(entry.replacement))
    return found is not None and in_place(entry) and entry.new_mtime_ns in (0, found[2])


def taken_the_place(path: Path) -> Entry | None:
    """The entry of the file that the one at `path` replaced, while that lies in the trash."""
    found = identity(path)
    candidates = _found(path.parent / FOLDER, str(found[:2])) if found else []
    return next((entry for entry in candidates if entry.done and _is_new(path, entry)), None)
