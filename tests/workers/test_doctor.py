from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.findings import named
from tests.support.releases import RELEASES, build
from workers import doctor
from workers.config import load_settings
from workers.doctor import Finding, Level, examine
from workers.settings import Settings
from workers.store.backup import contents
from workers.store.migrations import latest


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"SPOOL_HOME": str(tmp_path / "home")})


def test_nothing_is_made_by_looking(settings: Settings, tmp_path: Path) -> None:
    found = named(examine(settings))
    assert not any(finding.level is Level.FAIL for finding in found.values())
    assert not (tmp_path / "home").exists()


def test_a_table_of_an_older_version_stays_one(settings: Settings) -> None:
    database = settings.paths.database
    database.parent.mkdir(parents=True, mode=0o700)
    build(RELEASES[0].read_text(), database)
    before = database.read_bytes()
    found = named(examine(settings, full=True))
    assert "none runs" in found["worker"].detail
    assert database.read_bytes() == before and contents(database).schema < latest()
    assert not settings.paths.backups.exists()


def test_whatever_goes_wrong_is_a_finding(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(settings: Settings) -> Iterator[Finding]:
        yield from ()
        raise OSError(5, "Input/output error\x1b[2J")

    monkeypatch.setattr(doctor, "CHECKS", (broken,))
    (finding,) = examine(settings)
    assert (finding.name, finding.level) == ("broken", Level.FAIL)
    assert "\x1b" not in finding.detail
