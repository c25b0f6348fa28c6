"""What a runner is given; that it heeds it is proved with real processes in faults."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.databases import opened, running
from workers.config import load_settings
from workers.handover import limits_of, message_for
from workers.jobs import ItemCounts, Job
from workers.media.sandbox import Sandbox


@pytest.fixture
def job(tmp_path: Path) -> Job:
    with opened(str(tmp_path / "spool.db")) as db:
        return running(db)


def shop(tmp_path: Path, config: str = "") -> Any:
    """What of the workshop is needed here: an operation that asks for 700 MiB, and the settings."""
    (tmp_path / "config.toml").write_text(config)
    return SimpleNamespace(
        settings=load_settings({"SPOOL_HOME": str(tmp_path)}),
        operations={"noop": SimpleNamespace(memory_mib=700, network=False)},
        slots={"video": 1},
        umask=0o022,
        sandbox=Sandbox(),
    )


@pytest.mark.parametrize(
    ("params", "config", "expected"),
    [
        ({}, "", 700),
        ({}, "[jobs]\nmemory_mib = 900\n", 900),
        ({"memory_mib": 512}, "[jobs]\nmemory_mib = 900\n", 512),
        ({"memory_mib": 0}, "", 700),
        ({"memory_mib": "much"}, "", 700),
    ],
)
def test_the_person_bounds_memory_before_the_configuration_and_that_before_the_operation(
    tmp_path: Path, job: Job, params: dict[str, Any], config: str, expected: int
) -> None:
    limits = limits_of(shop(tmp_path, config), replace(job, params=params))
    assert limits.memory_bytes == expected << 20


def test_an_operation_that_is_gone_has_no_bound_of_its_own(tmp_path: Path, job: Job) -> None:
    assert limits_of(shop(tmp_path), replace(job, operation="gone")).memory_bytes == 0


def test_the_message_tells_of_earlier_attempts(tmp_path: Path, job: Job) -> None:
    made = shop(tmp_path)
    limits = limits_of(made, job)
    entry = {"item": "a", "path": "/out/a", "inode": 1, "device": 2, "size": 3}
    fresh = message_for(made, job, "[]", "/work", limits)
    again = message_for(made, replace(job, items=ItemCounts(failed=1)), json.dumps([entry]), "/work", limits)
    assert (fresh.resumed, fresh.published) == (False, ())
    assert again.resumed and [published.path for published in again.published] == ["/out/a"]
    assert (fresh.job_id, fresh.lease, fresh.work_dir) == (job.id, job.lease, "/work")
    assert fresh.memory_bytes == 700 << 20 and fresh.settings["umask"] == 0o022


@pytest.mark.parametrize("network", [False, True])
def test_only_who_asks_the_net_is_told_how(
    tmp_path: Path, job: Job, monkeypatch: pytest.MonkeyPatch, network: bool
) -> None:
    monkeypatch.setenv("https_proxy", "http://user:word@proxy:3128")
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    workshop = shop(tmp_path)
    workshop.operations[job.operation] = SimpleNamespace(memory_mib=0, network=network)
    message = message_for(workshop, job, "[]", str(tmp_path), limits_of(workshop, job))
    assert message.environment.get("https_proxy") == ("http://user:word@proxy:3128" if network else None)
    assert "GITHUB_TOKEN" not in message.environment
