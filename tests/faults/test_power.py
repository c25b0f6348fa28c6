"""The power fails: what was not flushed to the disk by then is gone."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.support.disks import mortal_disk
from tests.support.home import CONFIG, Home, final_moves, opened, wait_for
from tests.support.matrix import drawn
from workers.client import open_client
from workers.errors import StoreError
from workers.jobs import State

JOBS = 60
ORIGINALS = 6


class _Submitting(threading.Thread):
    """Hands in jobs until all are, or the disk is gone; knows those that were accepted, with what they publish."""

    def __init__(self, home: Home, library: Path) -> None:
        super().__init__()
        self.home = home
        self.library = library
        self.accepted: dict[int, str] = {}

    def run(self) -> None:
        client = open_client(self.home.settings, self.home.registry)
        with contextlib.suppress(StoreError):
            for number in range(JOBS):
                values = {"target": str(self.home.out / f"{number}"), "text": f"{number}" * 1000, "pause_s": 0.01}
                self.accepted[client.submit("publish", values).id] = f"{number}"
                if number % (JOBS // ORIGINALS) == 0:
                    original = str(self.library / f"{number * ORIGINALS // JOBS}.png")
                    self.accepted[client.submit("optimize-image", {"inputs": [original], "replace": True}).id] = ""
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


def _told(home: Home) -> Iterator[int]:
    """Jobs that a person was told have succeeded."""
    return (job.id for job in home.client.jobs("state:succeeded", limit=1000))


@pytest.mark.fault("22", "power cut at a drawn moment: accepted jobs and told ends are kept, files are whole")
def test_power_cut(tmp_path: Path) -> None:
    chance = drawn(22)
    with mortal_disk(tmp_path / "machine", "96M") as disk:
        library, unflushed = disk.path / "library", disk.path / "unflushed"
        before = _originals(library)
        with opened(disk.path / "home", CONFIG) as home:
            home.start()
            submitting = _Submitting(home, library)
            submitting.start()
            due = chance.randrange(1, JOBS)
            wait_for(lambda: home.client.count("state:succeeded") >= due, what=f"{due} jobs done")
            (library / "unflushed").write_text("x" * 9000)
            told = set(_told(home))
            disk.cut()
        submitting.join()
        disk.stop()
        assert disk.start() == ""
        # Its name may be there, for whoever flushes a file takes the names of others along; its content is not.
        assert "x" not in unflushed.read_text() if unflushed.exists() else True, "the power cut took nothing along"
        with opened(disk.path / "home", CONFIG) as home:
            assert home.sql("PRAGMA integrity_check") == [("ok",)]
            kept = {job.id: job for job in home.client.jobs(limit=1000)}
            assert set(submitting.accepted) <= set(kept)
            assert {job_id for job_id in told if kept[job_id].state is not State.SUCCEEDED} == set()
            home.start()
            for job_id in kept:
                assert home.wait_final(job_id).state is State.SUCCEEDED, home.job(job_id)
                assert final_moves(home.moves(job_id)) == ["succeeded"]
            for name in filter(None, submitting.accepted.values()):
                assert (home.out / name).read_text() == name * 1000
            trashed = {Path(entry.original).name: entry.kept.read_bytes() for entry in home.client.trash.entries()}
            assert {name: trashed.get(name) or (library / name).read_bytes() for name in before} == before
            for name in before:
                with Image.open(library / name) as picture:
                    assert picture.size == (64, 64)
                    picture.load()
            home.assert_clean()
