from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from tests.console.cli.conftest import Ran
from workers.client import Client
from workers.config import load_settings
from workers.store.database import transaction
from workers.store.moves import bump, record_event
from workers.store.notices import record_alert

URL = "http://127.0.0.1:9/x.mp4"


def write_log(job_id: int, data: bytes) -> None:
    path = load_settings().paths.job_log(job_id)
    with path.open("ab") as file:
        file.write(data)


def test_a_log_is_printed_harmlessly(spool: Callable[..., Ran], client: Client) -> None:
    client.submit("download", {"inputs": [URL]})
    assert spool("log", "1") == Ran(0, "", "")
    write_log(1, b"one\n\x1b[2Jtwo\xff\n")
    ran = spool("log", "1")
    assert ran.lines == ["one", "\\x1b[2Jtwo\ufffd"]
    assert spool("log", "1", "--json").objects == [{"id": 1, "line": line} for line in ran.lines]
    assert spool("log", "2").code == 2


def test_a_long_log_comes_whole(spool: Callable[..., Ran], client: Client) -> None:
    client.submit("download", {"inputs": [URL]})
    write_log(1, b"".join(b"line %d %s\n" % (number, b"x" * 100) for number in range(3000)))
    lines = spool("log", "1").lines
    assert len(lines) == 3000
    assert lines[-1].startswith("line 2999 ")


def test_following_a_log_ends_with_its_job(home: Path, client: Client) -> None:
    client.submit("download", {"inputs": [URL]})
    write_log(1, b"first\n")
    follower = subprocess.Popen([sys.executable, "-m", "console", "log", "-f", "1"], stdout=subprocess.PIPE, text=True)
    assert follower.stdout is not None
    assert follower.stdout.readline() == "first\n"
    write_log(1, b"second\n")
    assert follower.stdout.readline() == "second\n"
    write_log(1, b"last\n")
    client.cancel([1])
    out, _ = follower.communicate(timeout=30)
    assert (out, follower.returncode) == ("last\n", 0)


def test_history_can_be_taken_up_where_it_was_left(spool: Callable[..., Ran], client: Client) -> None:
    for _ in range(3):
        client.submit("download", {"inputs": [URL]})
    client.cancel([2])
    events = spool("events").objects
    assert [(event["id"], event["move"]) for event in events] == [
        (1, "submitted"), (2, "submitted"), (3, "submitted"), (2, "cancelled"),
    ]  # fmt: skip
    assert set(events[0]) == {"type", "revision", "id", "at", "move", "before", "after", "by", "reason"}
    assert events[3]["before"] == "queued" and events[3]["after"] == "cancelled"
    revisions = [event["revision"] for event in events]
    assert revisions == sorted(set(revisions))
    assert spool("events", "--since", str(revisions[1])).objects == events[2:]
    assert spool("events", "--job", "2", "--json").objects == [events[1], events[3]]
    assert spool("events", "--since", str(revisions[-1])) == Ran(0, "", "")
    assert spool("events", "--job", "0") == Ran(0, "", "")  # what belongs to no job, of which there is none yet
    assert spool("events", "--job", "-1").code == 2
    ran = spool("events", "--job", "99999")
    assert (ran.code, ran.out) == (2, "") and "no job 99999" in ran.err


def test_a_long_history_comes_whole(spool: Callable[..., Ran], client: Client) -> None:
    client.submit("download", {"inputs": [URL]})
    for _ in range(600):
        client.hold([1])
        client.unhold([1])
    events = spool("events").objects
    assert len(events) == 1201
    assert len({event["revision"] for event in events}) == 1201


def test_a_revision_that_never_was_is_told(spool: Callable[..., Ran], client: Client) -> None:
    client.submit("download", {"inputs": [URL]})
    present = client.revision()
    for more in ([], ["--follow"], ["--json"]):
        ran = spool("events", "--since", str(present + 1), *more)
        assert (ran.code, ran.out) == (2, "") and f"the present revision is {present}" in ran.err
    assert spool("events", "--since", str(present)) == Ran(0, "", "")


def test_going_on_misses_nothing_of_a_revision(spool: Callable[..., Ran], client: Client) -> None:
    """Many lines may have one revision: no page ends among them."""
    with transaction(client._db):
        for number in range(1300):
            record_event(client._db, bump(client._db) if number % 400 == 0 else 0, 0, "x", ("", ""), "ada", str(number))
    client._db.execute_sql("UPDATE job_event SET revision = 1 + id / 400")
    told = spool("events").objects
    assert [event["reason"] for event in told] == [str(number) for number in range(1300)]
    page = client.events(0, limit=10)
    assert len(page) == 399 and client.events(page[-1].revision, limit=10)[0].reason == "399"


def test_alerts_are_followed_too(home: Path, client: Client) -> None:
    client.submit("download", {"inputs": [URL]})
    follower = subprocess.Popen(
        [sys.executable, "-m", "console", "events", "--follow", "--since", str(client.revision()), "--json"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert follower.stdout is not None
    record_alert(client._db, "disk_low", "3 GB free")
    alert = json.loads(follower.stdout.readline())
    assert (alert["type"], alert["id"], alert["move"], alert["by"]) == ("event", 0, "disk_low", "worker")
    assert alert["reason"] == "3 GB free"
    follower.terminate()
    follower.wait(20)


def test_following_shows_what_happens(home: Path, client: Client) -> None:
    follower = subprocess.Popen(
        [sys.executable, "-m", "console", "events", "--follow"], stdout=subprocess.PIPE, text=True
    )
    assert follower.stdout is not None
    client.submit("download", {"inputs": [URL]})
    assert json.loads(follower.stdout.readline())["move"] == "submitted"
    client.cancel([1])
    assert json.loads(follower.stdout.readline())["move"] == "cancelled"
    follower.terminate()
    killer = threading.Timer(20, follower.kill)
    killer.start()
    follower.communicate()
    killer.cancel()
