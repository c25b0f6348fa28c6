"""Whether the worker's configuration is the one of the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from workers import configmark
from workers.config import load_settings
from workers.files import private_folder
from workers.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = load_settings({"SPOOL_HOME": str(tmp_path)})
    private_folder(settings.paths.state)
    return settings


def test_only_what_the_file_says_counts(settings: Settings) -> None:
    config = settings.paths.config
    assert not configmark.stale(settings)  # nobody has noted anything
    configmark.note(settings)
    assert not configmark.stale(settings)
    config.write_text("# a remark\n")
    assert not configmark.stale(settings)
    for changed in ("[slots]\nvideo = 2\n", "this is no TOML"):
        config.write_text(changed)
        assert configmark.stale(settings)
    config.write_text("[slots]\nvideo = 2\nimages = 1\n")
    configmark.note(settings)
    config.write_text("[slots]  # the same\nimages = 1\nvideo = 2\n")
    assert not configmark.stale(settings)
    config.unlink()
    assert configmark.stale(settings)


def test_it_is_about_the_file_that_the_worker_has_read(settings: Settings, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text("log_level = 'debug'\n")
    configmark.note(load_settings({"SPOOL_HOME": str(tmp_path)}, other))
    assert not configmark.stale(settings)
    other.write_text("log_level = 'info'\n")
    assert configmark.stale(settings)
