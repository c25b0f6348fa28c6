from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.console.cli.conftest import Ran
from workers.client import Client
from workers.jobs import QUEUES


def paused(client: Client) -> list[str]:
    return [status.name for status in client.queues() if status.paused]


def test_the_queues_are_listed(spool: Callable[..., Ran], client: Client) -> None:
    client.submit("download", {"inputs": ["http://127.0.0.1:9/x.mp4"]})
    ran = spool("queue")
    assert ran.code == 0
    assert [line.split()[0] for line in ran.lines] == ["QUEUE", *QUEUES]
    shown = {queue["name"]: queue for queue in spool("queue", "--json").objects}
    assert list(shown) == list(QUEUES)
    assert shown["downloads"] == {
        "name": "downloads", "slots": 3, "running": 0, "waiting": 1, "failed": 0, "paused": False,
        "paused_until": None, "paused_by": "", "slots_auto": None, "slots_by_hand": False, "slots_reason": "",
    }  # fmt: skip
    assert len(spool("queue", "video").lines) == 2


def test_a_pause_until_a_time_is_told_by_it(spool: Callable[..., Ran], client: Client) -> None:
    (shown,) = spool("queue", "pause", "video", "--until", "2099-01-02T03:04:05Z", "--json").objects
    assert shown["paused_until"] == "2099-01-02T03:04:05.000Z"
    for wrong in (
        ("pause", "--for", "1h", "--until", "08:00"),
        ("resume", "--until", "08:00"),
        ("pause", "--until", "?"),
    ):
        assert spool("queue", *wrong).code == 2


def test_pause_and_resume_one_or_all(spool: Callable[..., Ran], client: Client) -> None:
    assert spool("queue", "pause", "video", "--soft").code == 0
    assert paused(client) == ["video"]
    assert "paused by" in spool("queue", "video").out
    assert spool("queue", "pause").code == 0
    assert paused(client) == list(QUEUES)
    assert spool("queue", "resume").code == 0
    assert paused(client) == []


def test_a_pause_with_an_end(spool: Callable[..., Ran], client: Client) -> None:
    before = time.time() * 1000
    (shown,) = spool("queue", "pause", "downloads", "--for", "30m", "--json").objects
    assert shown["paused"] and shown["paused_until"].endswith("Z")
    until = next(status.paused_until for status in client.queues() if status.name == "downloads")
    assert until is not None and 1_799_000 <= until - before < 1_860_000
    assert "until" in spool("queue", "downloads").out


def test_slots(spool: Callable[..., Ran], client: Client) -> None:
    assert spool("queue", "slots", "7", "downloads").lines[1].split()[:2] == ["downloads", "7"]
    assert next(status.slots for status in client.queues() if status.name == "downloads") == 7


def test_slots_that_follow_the_load_are_set_by_hand_and_given_back(
    spool: Callable[..., Ran], client: Client, home: Path
) -> None:
    (home / "config.toml").write_text("[slots]\nvideo = '2-6'\n")
    assert spool("queue", "video").lines[1].endswith("(auto 2-6)")
    assert spool("queue", "slots", "5", "video").lines[1].endswith("(set by hand, not auto 2-6)")
    (shown,) = spool("queue", "slots", "auto", "video", "--json").objects
    assert (shown["slots"], shown["slots_auto"], shown["slots_by_hand"]) == (2, "2-6", False)
    ran = spool("queue", "slots", "auto", "images")
    assert ran.code == 0 and 'images = "auto" in [slots] lets it follow the load' in ran.err


@pytest.mark.parametrize(
    "words",
    [
        ("slots", "7"), ("slots", "auto"), ("slots", "auto", "vide"), ("slots", "1-4", "video"),
        ("slots", "x", "video"), ("slots", "33", "video"), ("slots", "1", "vide"), ("pause", "vdeo"),
        ("pause", "video", "images"), ("resume", "--soft"), ("--for", "1h"), ("pause", "--for", "soon"), ("nonsense",),
        ("video", "images"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_usage_and_changes_nothing(
    spool: Callable[..., Ran], client: Client, words: tuple[str, ...]
) -> None:
    before = client.queues()
    ran = spool("queue", *words)
    assert (ran.code, ran.out) == (2, "")
    assert client.queues() == before
