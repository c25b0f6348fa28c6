"""transcode --replace: what is proved before an original goes to the trash, and that it comes back."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.context import PlainContext, files_under
from tests.support.films import rich
from tests.support.matrix import drawn
from tests.support.media import Media, ffmpeg
from tests.workers.operations.test_transcode import flipped, transcode
from workers import trash
from workers.errors import ErrorClass, JobFailed
from workers.jobs import Outcome
from workers.media.av import facts
from workers.operations.transcode import OPERATION
from workers.trash import FOLDER


@pytest.fixture
def film(media: Media, tmp_path: Path) -> Path:
    """A film of some megabytes that every preset makes smaller."""
    folder = tmp_path / "films"
    folder.mkdir()
    return Path(shutil.copy(media.big, folder / "film.mp4"))


def seen(folder: Path) -> list[str]:
    """The files that a person sees in a folder."""
    return [name for name in files_under(folder) if not name.startswith(FOLDER)]


def entries(film: Path) -> list[trash.Entry]:
    return trash.entries(film.parent / FOLDER)


def refused(ctx: PlainContext, source: Path, **values: Any) -> str:
    with pytest.raises(JobFailed) as caught:
        transcode(ctx, source, replace=True, **values)
    assert caught.value.failure.error_class in (ErrorClass.UNSUPPORTED, ErrorClass.BAD_INPUT)
    assert not (source.parent / FOLDER).exists()
    return caught.value.failure.message


def test_the_same_name(ctx: PlainContext, film: Path) -> None:
    before = film.read_bytes()
    result = transcode(ctx, film, replace=True, quality=40, min_vmaf=1, worst_vmaf=1)
    assert result.outputs == (film,)
    assert seen(film.parent) == ["film.mp4"]
    assert film.stat().st_size == result.detail["size"] < len(before)
    (entry,) = entries(film)
    assert entry.done and entry.kept.read_bytes() == before
    told = result.detail
    assert told["verified"]["decoded"] is True and told["replaced"]["trash_id"] == entry.id
    assert 1 < told["score"]["worst"] <= told["score"]["mean"] <= 100
    assert trash.restore(entry, Path(ctx.settings["state_dir"]), keep_days=1).read_bytes() == before


def test_another_extension(ctx: PlainContext, film: Path) -> None:
    result = transcode(ctx, film, replace=True, preset="archive", quality=45)
    assert result.outputs == (film.with_suffix(".mkv"),)
    assert seen(film.parent) == ["film.mkv"]
    assert entries(film)[0].original == str(film)


def test_all_of_a_rich_film(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    source = rich(media, tmp_path / "films")
    shutil.rmtree(source.parent / ".parts")
    result = transcode(ctx, source, replace=True, preset="archive", quality=51)
    made = facts(result.outputs[0])
    assert (made.chapters, len(made.of_kind("audio")), len(made.of_kind("subtitle"))) == (2, 2, 2)
    assert result.detail["verified"]["streams"] == {"video": 2, "audio": 2, "subtitle": 2, "attachment": 1}


def test_what_it_made_is_not_taken_again(ctx: PlainContext, film: Path) -> None:
    transcode(ctx, film, replace=True, preset="archive", quality=45)
    again = transcode(ctx.again(), film.parent, replace=True, preset="archive", quality=45)
    assert again.outcome is Outcome.SKIPPED and "took the place" in again.detail["why"]
    assert len(entries(film)) == 1


def test_an_attempt_that_follows_finds_it_done(ctx: PlainContext, film: Path) -> None:
    first = transcode(ctx, film, replace=True, quality=40)
    same_job = PlainContext(ctx.folder, job_id=ctx.job_id)
    assert transcode(same_job, film, replace=True, quality=40).outputs == first.outputs
    assert len(entries(film)) == 1


def test_what_fits_is_left_alone(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    source = Path(shutil.copy(media.clip, tmp_path / "clip.mp4"))
    assert transcode(ctx, source, replace=True).outcome is Outcome.SKIPPED
    assert not (tmp_path / FOLDER).exists()


def kept(ctx: PlainContext, source: Path, **values: Any) -> str:
    """Why the original stays, which is no failure."""
    result = transcode(ctx, source, replace=True, **values)
    assert (result.outcome, result.outputs) == (Outcome.SKIPPED, ())
    return str(result.detail["why"])


def test_larger_is_refused_unless_allowed(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    source = tmp_path / "small.mp4"
    ffmpeg("-i", media.clip, "-vf", "scale=64:36", "-crf", "45", "-c:v", "libx264", "-b:a", "16k", source)
    before = source.read_bytes()
    assert "larger than the original" in kept(ctx, source, quality=1)
    assert source.read_bytes() == before
    assert transcode(ctx.again(), source, replace=True, quality=1, larger=True).outputs == (source,)


def test_what_grows_too_large_is_given_up_while_it_grows(ctx: PlainContext, film: Path) -> None:
    assert "larger than the original" in kept(ctx, film, quality=1)
    assert "verifying" not in {report.phase for report in ctx.reports}


def test_a_low_score_is_refused(ctx: PlainContext, film: Path) -> None:
    assert "mean VMAF is" in refused(ctx, film, quality=45, min_vmaf=99)
    assert "worst frame's VMAF is" in refused(ctx.again(), film, quality=45, worst_vmaf=99)
    assert seen(film.parent) == ["film.mp4"]


def test_a_film_is_not_replaced_by_its_sound(ctx: PlainContext, film: Path) -> None:
    assert "its sound alone" in refused(ctx, film, preset="audio")


def test_another_file_is_never_lost(ctx: PlainContext, film: Path) -> None:
    film.with_suffix(".mkv").write_bytes(b"another")
    assert "film.mkv exists already" in refused(ctx, film, preset="archive", quality=45)
    assert film.with_suffix(".mkv").read_bytes() == b"another"


@pytest.mark.fault("38", "a result with flipped bits never replaces the original")
def test_a_result_that_does_not_decode(ctx: PlainContext, film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from workers.media import verify

    good, before = verify.verify, film.read_bytes()

    def spoilt(path: Path, *rest: Any, **more: Any) -> Any:
        found = good(path, *rest, **more)
        data, chance = bytearray(path.read_bytes()), drawn(38)
        for _ in range(200):  # behind the headers and before the index
            data[chance.randrange(len(data) // 3, len(data) * 5 // 6)] ^= 1 << chance.randrange(8)
        path.write_bytes(data)
        return found

    monkeypatch.setattr(verify, "verify", spoilt)
    assert "does not decode cleanly" in refused(ctx, film, quality=35)
    assert film.read_bytes() == before


@pytest.mark.fault("37", "a damaged original is not replaced")
def test_a_damaged_original_stays(ctx: PlainContext, film: Path) -> None:
    flipped(film, film)
    assert "parts of the original could not be decoded" in refused(ctx, film, quality=40)


def test_a_result_that_lacks_a_stream(
    ctx: PlainContext, media: Media, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = rich(media, tmp_path / "films", font=False)
    shutil.rmtree(source.parent / ".parts")
    monkeypatch.setattr("workers.media.asides.covers", lambda facts, indexes, folder: {})
    monkeypatch.setattr("workers.media.encode._attachments", lambda *args: [])
    with pytest.raises(JobFailed, match="1 video streams instead of 2"):
        transcode(ctx, source, replace=True, preset="archive", quality=51)
    assert seen(source.parent) == ["rich.mkv"]


def test_the_flag_is_on_the_form() -> None:
    assert "replace" in OPERATION.primary and OPERATION.processes == 1
