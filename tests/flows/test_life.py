"""What keeps a worker from starting: it says so in one line and with its exit code."""

from __future__ import annotations

from tests.support.home import Home


def test_newer_database_is_refused_and_left_alone(home: Home) -> None:
    home.client.close()
    home.sql("UPDATE meta SET value = 999 WHERE key = 'schema'")
    worker = home.spawn()
    assert worker.wait() == 78
    assert "999" in worker.answer and "newer Spool" in worker.answer
    assert home.sql("SELECT value FROM meta WHERE key = 'schema'") == [(999,)]


def test_wrong_configuration_is_refused_with_its_key(home: Home) -> None:
    (home.root / "config.toml").write_text("[slots]\nvidoe = 3\n")
    worker = home.spawn()
    assert worker.wait() == 78
    assert "slots.vidoe" in worker.answer and "did you mean 'video'" in worker.answer
    (home.root / "config.toml").write_text("[slots\n")
    worker = home.spawn()
    assert worker.wait() == 78
    assert "not valid TOML" in worker.answer
    home.assert_no_process()


def test_registry_that_cannot_be_loaded(home: Home) -> None:
    home.registry = "tests.support.no_such_registry"
    worker = home.spawn()
    assert worker.wait() == 1
    assert "no_such_registry" in worker.answer
    home.assert_no_process()
