"""A mistake in config.toml takes no brake away: what only looks, pauses, cancels or stops goes on."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from console.cli.brakes import BRAKES
from console.cli.root import VERBS
from tests.console.cli.conftest import Ran
from tests.support.databases import submitted
from workers.client import Client
from workers.config import find_paths
from workers.jobs import Scope, State
from workers.launch import start_worker, stop_worker, worker_pid
from workers.settings import Settings


def test_the_verbs_exist() -> None:
    assert set(BRAKES) <= set(VERBS)


def test_a_worker_can_be_seen_braked_and_stopped(
    spool: Callable[..., Ran], home: Path, client: Client, request: pytest.FixtureRequest
) -> None:
    start_worker(client.settings)
    request.addfinalizer(lambda: stop_worker(client.settings))
    client.pause_scope(Scope.QUEUE, "metadata")
    jobs = [submitted(client._db, queue="metadata", operation="hash") for _ in range(2)]
    (home / "config.toml").write_text("[jobs]\nattempts = 2\n[bad\n")
    for words in (
        ("status",),
        ("jobs",),
        ("why", "1"),
        ("show", "1"),
        ("events",),
        ("audit",),
        ("pause", "1"),
        ("hold", "1"),
        ("cancel", "1"),
        ("queue",),
        ("queue", "video"),
        ("queue", "pause", "--for", "1h"),
        ("site", "pause", "example.org"),
        ("batch",),
    ):
        ran = spool(*words)
        assert ran.code == 0, (words, ran)
        assert ran.err.startswith(f"spool: {home / 'config.toml'}: not valid TOML: ") and "line 3" in ran.err
        assert "nothing new is started" in ran.err.splitlines()[0]
    assert client.job(jobs[0].id).state is State.CANCELLED
    ran = spool("doctor")
    assert ran.code == 1 and "fail  config" in ran.out and "ok    worker" in ran.out and "output" not in ran.out
    ran = spool("stop")
    (home / "config.toml").unlink()
    assert ran.out == "stopped the worker\n" and ran.err.startswith("spool: ")
    assert worker_pid(client.settings) is None


@pytest.mark.parametrize(
    "words",
    [
        ("hash", "/"),
        ("resume", "1"),
        ("unhold", "1"),
        ("retry", "1"),
        ("now", "1"),
        ("queue", "resume"),
        ("queue", "slots", "3", "video"),
        ("site", "resume", "example.org"),
        ("batch", "start", "films"),
        ("worker", "--detach"),
        ("config", "--check"),
    ],
)
def test_what_may_start_work_is_refused(spool: Callable[..., Ran], home: Path, words: tuple[str, ...]) -> None:
    (home / "config.toml").write_text("unknown = 1\n")
    ran = spool(*words)
    assert ran.code == 78 and "unknown key 'unknown'" in ran.err
    assert worker_pid(Settings(paths=find_paths(os.environ))) is None


def test_who_only_watches_stays_so(spool: Callable[..., Ran], home: Path, client: Client) -> None:
    submitted(client._db)
    for text in ("read_only = true\n[bad\n", "read_only = true\nunknown = 1\n"):
        (home / "config.toml").write_text(text)
        ran = spool("cancel", "1")
        assert ran.code == 2 and client.job(1).state is State.QUEUED


def test_without_a_home_it_is_told_how_to_stop_by_signal(
    spool: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPOOL_HOME", "~nobody-of-this-name/home")
    for verb in ("stop", "status"):
        ran = spool(verb)
        assert ran.code == 78 and "kill -TERM" in ran.err
