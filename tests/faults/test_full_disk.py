"""The disk of the media is full while originals on it are replaced."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.support.disks import fill, no_room, small_disk
from tests.support.home import CONFIG, Home, final_moves, opened, wait_for
from tests.support.matrix import drawn
from workers.errors import ErrorClass
from workers.jobs import State

LOOK_OFTEN = {"modules": {"workers.departure": {"LOOK_FOR_ROOM_MS": 300}}}


def _picture(path: Path, sigma: float) -> bytes:
    """A PNG of 3 MB that packs into some 750 kB: noise of 64 colours."""
    bands = [Image.effect_noise((1000, 1000), sigma).point(lambda value: value & 0xC0) for _ in range(3)]
    Image.merge("RGB", bands).save(path, compress_level=0)
    return path.read_bytes()


def _pixels(content: bytes | Path) -> bytes:
    import io

    with Image.open(content if isinstance(content, Path) else io.BytesIO(content)) as picture:
        return picture.convert("RGB").tobytes()


def _waits_for_room(home: Home, job_id: int) -> bool:
    """Whether an attempt has met the full disk, and the job waits because of it."""
    return home.job(job_id).state is State.QUEUED and home.job(job_id).failure is not None


@pytest.mark.fault(
    "18", "disk of the media really full: originals untouched, nothing half; replaced when there is room"
)
def test_replacing_on_a_full_disk(tmp_path: Path) -> None:
    chance = drawn(18)
    with small_disk(tmp_path / "library", "12m") as library, opened(tmp_path / "home", CONFIG) as home:
        before = {library / f"{n}.png": _picture(library / f"{n}.png", chance.uniform(40, 90)) for n in range(2)}
        filler = library / "somebody else's film"
        fill(filler, leave=chance.randrange(0, 2_500_000))  # one of them would need 3 MB
        home.start(LOOK_OFTEN)
        job_id = home.submit("optimize-image", {"inputs": [str(library)], "replace": True, "level": "quick"})
        wait_for(lambda: _waits_for_room(home, job_id), what="an attempt that met the full disk")
        (why,) = home.client.why(job_id)
        assert (why.reason, why.lifts) == ("disk", "it goes on when there is room")
        wait_for(lambda: home.moves(job_id).count("released") > 2, what="it looks for room again and again")
        job = home.wait_state(job_id, State.QUEUED)
        assert (job.attempts, job.failures) == (0, 0)
        assert {path: path.read_bytes() for path in before} == before
        wait_for(lambda: {path.name for path in library.iterdir()} == {"0.png", "1.png", filler.name}, what="no more")
        filler.unlink()
        assert home.wait_final(job_id).state is State.SUCCEEDED
        assert final_moves(home.moves(job_id)) == ["succeeded"]
        _assert_replaced(home, before)


@pytest.mark.fault("18", "no file of a job may grow (RLIMIT_FSIZE): originals untouched, nothing half; replaced after")
def test_replacing_while_no_file_may_grow(tmp_path: Path) -> None:
    """As above where nothing may be mounted: each write meets the bound at another place of the new file."""
    chance, library = drawn(18), tmp_path / "library"
    library.mkdir()
    with opened(tmp_path / "home", CONFIG + "file_size_gib = 0\n") as home:
        before = {library / f"{n}.png": _picture(library / f"{n}.png", chance.uniform(40, 90)) for n in range(2)}
        home.start()
        with no_room(chance.randrange(0, 500_000), home.forkserver_pid()):  # each of them would need 700 kB
            job = home.wait_final(
                home.submit("optimize-image", {"inputs": [str(library)], "replace": True, "level": "quick"})
            )
        assert job.state is State.FAILED and job.failure is not None and job.items.failed == 2
        assert job.failure.error_class is ErrorClass.UNSUPPORTED and "file_size_gib" in job.failure.message, job.failure
        assert {path: path.read_bytes() for path in before} == before
        assert {path.name for path in library.iterdir()} == {"0.png", "1.png"} and not home.client.trash.entries()
        assert "Traceback" not in home.log()
        home.client.retry([job.id])
        assert home.wait_final(job.id).state is State.SUCCEEDED
        _assert_replaced(home, before)


def _assert_replaced(home: Home, before: dict[Path, bytes]) -> None:
    """All of them were, once: the originals are in the trash, whole, and what took their place shows the same."""
    kept = {Path(entry.original): entry.kept.read_bytes() for entry in home.client.trash.entries()}
    assert kept == before
    for path, content in before.items():
        assert path.stat().st_size < len(content) / 2 and _pixels(path) == _pixels(content)
    home.assert_clean()
