"""The power fails: what was not flushed to the disk by then is gone."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from PIL import Image

from tests.support.disks import MortalDisk, mortal_disk
from tests.support.home import CONFIG, Home, final_moves, opened, wait_for
from tests.support.matrix import drawn
from workers.client import open_client
from workers.errors import StoreError
from workers.jobs import State

JOBS = 60
ORIGINALS = 6


@dataclass(slots=True)
class _Accepted:
    """What a person was told before the power failed."""

    published: dict[int, str] = field(default_factory=dict)  # jobs that were accepted, with the file that each makes
    replaced: set[int] = field(default_factory=set)  # jobs that were accepted, and replace an original
    succeeded: set[int] = field(default_factory=set)


def _submit(home: Home, library: Path, accepted: _Accepted) -> None:
    """Hand in jobs until all are, or the disk is gone."""
    client = open_client(home.settings, home.registry)
    with contextlib.suppress(StoreError):
        for number in range(JOBS):
            values = {"target": str(home.out / f"{number}"), "text": f"{number}" * 1000, "pause_s": 0.01}
            accepted.published[client.submit("publish", values).id] = f"{number}"
            if number % (JOBS // ORIGINALS) == 0:
                original = str(library / f"{number * ORIGINALS // JOBS}.png")
                accepted.replaced.add(client.submit("optimize-image", {"inputs": [original], "replace": True}).id)
    with contextlib.suppress(StoreError):
        client.close()


def _originals(library: Path) -> dict[str, bytes]:
    library.mkdir()
    found = {}
    for number in range(ORIGINALS):
        path = library / f"{number}.png"
        Image.effect_noise((64, 64), 30.0 + number).convert("RGB").save(path, compress_level=0)
        with path.open("rb+") as file:
            os.fsync(file.fileno())
        found[path.name] = path.read_bytes()
    return found


def _work_until_cut(disk: MortalDisk, library: Path, unflushed: Path, due: int) -> _Accepted:
    """Hand in jobs, and cut the power when `due` have succeeded, just after `unflushed` was written."""
    accepted = _Accepted()
    with ThreadPoolExecutor(1) as pool, opened(disk.path / "home", CONFIG) as home:
        home.start()
        submitting = pool.submit(_submit, home, library, accepted)
        wait_for(lambda: home.client.count("state:succeeded") >= due, what=f"{due} jobs done")
        accepted.succeeded |= {job.id for job in home.client.jobs("state:succeeded", limit=1000)}
        unflushed.write_text("x" * 9000)
        disk.cut()
    submitting.result()
    return accepted


def _assert_lost(unflushed: Path) -> None:
    """Its name may be there, for whoever flushes a file takes the names of others along; its content is not."""
    content = unflushed.read_text() if unflushed.exists() else ""
    assert "x" not in content, "the power cut took nothing along"


def _assert_kept(home: Home, accepted: _Accepted) -> None:
    assert home.sql("PRAGMA integrity_check") == [("ok",)]
    states = {job.id: job.state for job in home.client.jobs(limit=1000)}
    assert accepted.published.keys() | accepted.replaced <= states.keys()
    assert {job_id for job_id in accepted.succeeded if states[job_id] is not State.SUCCEEDED} == set()


def _assert_all_succeed_once(home: Home) -> None:
    for job in home.client.jobs(limit=1000):
        assert home.wait_final(job.id).state is State.SUCCEEDED, home.job(job.id)
        assert final_moves(home.moves(job.id)) == ["succeeded"]


def _assert_whole(home: Home, library: Path, before: Mapping[str, bytes]) -> None:
    """Each original is in the trash or where it was, and what stands there is a picture."""
    trashed = {Path(entry.original).name: entry.kept.read_bytes() for entry in home.client.trash.entries()}
    assert {name: trashed.get(name) or (library / name).read_bytes() for name in before} == before
    for name in before:
        with Image.open(library / name) as picture:
            assert picture.size == (64, 64)
            picture.load()


@pytest.mark.fault("22", "power cut at a drawn moment: accepted jobs and told ends are kept, files are whole")
def test_power_cut(tmp_path: Path) -> None:
    due = drawn(22).randrange(1, JOBS)
    with mortal_disk(tmp_path / "machine", "96M") as disk:
        library, unflushed = disk.path / "library", disk.path / "unflushed"
        before = _originals(library)
        accepted = _work_until_cut(disk, library, unflushed, due)
        disk.stop()
        assert disk.start() == ""
        _assert_lost(unflushed)
        with opened(disk.path / "home", CONFIG) as home:
            _assert_kept(home, accepted)
            home.start()
            _assert_all_succeed_once(home)
            for name in accepted.published.values():
                assert (home.out / name).read_text() == name * 1000
            _assert_whole(home, library, before)
            home.assert_clean()
