from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.support.databases import ended, opened, submitted
from tests.support.shifted import ShiftedClock
from workers import trash
from workers.ageing import Ageing
from workers.config import load_settings
from workers.home import prepare_home
from workers.logs import old_part
from workers.retention import retain
from workers.settings import Settings
from workers.store import questions
from workers.store.database import transaction
from workers.store.records import now_ms
from workers.store.tables import JobRow

_DAY_MS = 86_400_000


def _logs(settings: Settings, job_id: int) -> tuple[Path, Path]:
    path = settings.paths.job_log(job_id)
    return path, old_part(path)


def test_only_what_ended_long_ago_is_forgotten_with_its_log(tmp_path: Path) -> None:
    settings = load_settings({"SPOOL_HOME": str(tmp_path)})
    prepare_home(settings)
    with opened(str(settings.paths.database)) as db:
        old, new = ended(db), ended(db)
        waits = submitted(db, after=(old,)).id
        limit = now_ms() - settings.jobs.keep_days * _DAY_MS
        for job_id, moment in ((old, limit - 60_000), (new, limit + 60_000)):
            with transaction(db):
                JobRow.update(finished_at=moment).where(JobRow.id == job_id).execute(db)
            for log in _logs(settings, job_id):
                log.write_text("log")
        assert retain(db, settings) == 1
        assert sorted(questions.job_ids(db)) == [new, waits]
        assert not any(log.exists() for log in _logs(settings, old))
        assert all(log.exists() for log in _logs(settings, new))
        assert questions.removed_since(db, 0) == [old]
        assert retain(db, settings) == 0


def test_logs_of_jobs_that_a_restore_took_away_go_when_they_are_old(tmp_path: Path) -> None:
    settings = load_settings({"SPOOL_HOME": str(tmp_path)})
    prepare_home(settings)
    old_s = time.time() - (settings.jobs.keep_days + 1) * 86_400
    with opened(str(settings.paths.database)) as db:
        listed = submitted(db).id
        for job_id, written_s in ((listed, old_s), (700, old_s), (701, time.time())):
            for log in _logs(settings, job_id):
                log.write_text("log")
                os.utime(log, (written_s, written_s))
        other = settings.paths.job_logs / "notes.txt"
        other.write_text("not ours")
        os.utime(other, (old_s, old_s))
        retain(db, settings)
        left = sorted({path.name.split(".")[0] for path in settings.paths.job_logs.iterdir()})
        assert left == sorted([str(listed), "701", "notes"])


def test_the_trash_is_emptied_of_what_had_its_time(tmp_path: Path) -> None:
    settings = load_settings({"SPOOL_HOME": str(tmp_path / "home")})
    prepare_home(settings)
    source, staged = tmp_path / "film.mkv", tmp_path / "staged"
    source.write_text("old")
    staged.write_text("new")
    entry = trash.new_entry(source, source, staged, job_id=1, keep_days=-1)
    trash.write(entry, settings.paths.state)
    source.rename(entry.kept)
    staged.rename(source)
    with opened(str(settings.paths.database)) as db:
        retain(db, settings)
    assert not entry.folder.exists() and source.read_text() == "new"


def test_what_ended_under_a_clock_far_ahead_is_forgotten_in_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings({"SPOOL_HOME": str(tmp_path)})
    prepare_home(settings)
    clock = ShiftedClock(tmp_path / "clock")
    clock.install(monkeypatch.setattr)
    with opened(str(settings.paths.database)) as db:
        ageing = Ageing(db)
        real = ended(db)
        ageing.look()
        clock.set_by(4000 * _DAY_MS)
        wrong = ended(db)
        assert retain(db, settings, ageing.look()) == 0
        assert (questions.job_by_id(db, wrong).finished_at or 0) > now_ms() - _DAY_MS, "which clock is right?"
        clock.set_by(-4000 * _DAY_MS)
        assert retain(db, settings, ageing.look()) == 0
        assert abs((questions.job_by_id(db, wrong).finished_at or 0) - now_ms()) < 60_000
        later = ended(db)
        for _ in range(settings.jobs.keep_days + 1):
            clock.sleep(_DAY_MS)
            ageing.look()
        assert retain(db, settings, ageing.look()) == 3
        assert not {real, wrong, later} & set(questions.job_ids(db))


def test_a_clock_that_starts_in_the_past_brings_nothing_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All jobs ended after such a now: taken for as old as it is, they would be lost when the net tells the time."""
    settings = load_settings({"SPOOL_HOME": str(tmp_path)})
    prepare_home(settings)
    clock = ShiftedClock(tmp_path / "clock")
    clock.install(monkeypatch.setattr)
    with opened(str(settings.paths.database)) as db:
        Ageing(db).look()
        job_id = ended(db)
        times = questions.job_by_id(db, job_id).finished_at
        clock.set_by(-10_000 * _DAY_MS)
        for _ in range(3):
            assert retain(db, settings, Ageing(db).look()) == 0
        clock.set_by(10_000 * _DAY_MS)
        assert retain(db, settings, Ageing(db).look()) == 0
        assert questions.job_by_id(db, job_id).finished_at == times


def test_what_ended_under_the_first_clock_of_a_home_comes_back_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings({"SPOOL_HOME": str(tmp_path)})
    prepare_home(settings)
    clock = ShiftedClock(tmp_path / "clock")
    clock.install(monkeypatch.setattr)
    clock.set_by(5000 * _DAY_MS)
    with opened(str(settings.paths.database)) as db:
        Ageing(db).look()
        wrong = ended(db)
        clock.set_by(-5000 * _DAY_MS)
        ageing = Ageing(db)
        for day in range(9):
            assert retain(db, settings, ageing.look()) == 0
            assert ((questions.job_by_id(db, wrong).finished_at or 0) <= now_ms()) == (day >= 7), day
            clock.sleep(_DAY_MS)
        for _ in range(settings.jobs.keep_days):
            clock.sleep(_DAY_MS)
            ageing.look()
        assert retain(db, settings, ageing.look()) == 1
