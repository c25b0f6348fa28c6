"""Backups by hand, and the way back, as a person sees them."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.console.cli.conftest import Ran
from workers import lock
from workers.client import Client, open_client
from workers.config import load_settings
from workers.jobs import Priority


def submit(home: Path, count: int = 1) -> list[int]:
    """Jobs that wait, by a client that is gone afterwards."""
    client = open_client(load_settings())
    ids = [client.submit("probe", {"inputs": ["/nowhere"]}).id for _ in range(count)]
    client.close()
    return ids


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Sit a person at the terminal who answers this."""

    def give(text: str) -> None:
        monkeypatch.setattr("console.cli.backup.person_present", lambda: True)
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))

    return give


def test_a_backup_is_made_and_listed(spool: Callable[..., Ran], home: Path) -> None:
    submit(home)
    (made,) = spool("backup", "--json").objects
    assert set(made) == {"name", "path", "at", "size", "reason"} and made["reason"] == "asked"
    assert Path(made["path"]).stat().st_size == made["size"]
    (listed,) = spool("backup", "list", "--json").objects
    assert listed == {"kind": "backup", **made}
    shown = spool("backup")
    assert shown.code == 0 and shown.out.startswith("spool-")
    assert [line.split()[0] for line in spool("backup", "list").lines] == [shown.out.split()[0], made["name"]]


def test_nothing_is_there_to_back_up_or_restore(spool: Callable[..., Ran], home: Path) -> None:
    ran = spool("backup")
    assert ran.code == 1 and "nothing to back up" in ran.err
    ran = spool("backup", "list")
    assert (ran.code, ran.out) == (0, "") and "no backup yet" in ran.err
    assert spool("restore", "--yes").code == 2
    assert spool("restore", "spool-19990101-000000.db", "--yes").code == 2
    assert spool("backup", "nonsense").code == 2


def test_only_the_newest_are_kept(spool: Callable[..., Ran], home: Path) -> None:
    (home / "config.toml").write_text("[backup]\nkeep = 2\n")
    submit(home)
    names = [spool("backup", "--json").objects[0]["name"] for _ in range(4)]
    assert [made["name"] for made in spool("backup", "list", "--json").objects] == [names[3], names[2]]


def test_a_person_sees_what_it_means_and_may_refuse(
    spool: Callable[..., Ran], home: Path, answer: Callable[[str], None]
) -> None:
    kept, goes_on = submit(home, 2)
    name = spool("backup", "--json").objects[0]["name"]
    spool("cancel", str(goes_on))
    submit(home, 3)
    answer("n\n")
    ran = spool("restore")
    assert ran.code == 1 and ran.out == ""
    assert f"{name}, made " in ran.err and " ago: 2 jobs (2 queued)" in ran.err
    assert "the present database: 5 jobs (4 queued, 1 cancelled)" in ran.err
    assert "lost: 3 jobs" in ran.err and "1 job that ended since would be done again" in ran.err
    assert "nothing was changed" in ran.err
    assert len(spool("jobs", "--json").lines) == 5
    answer("y\n")
    ran = spool("restore", name)
    assert ran.code == 0 and "restored" in ran.out and "replaced-" in ran.out
    assert [job["id"] for job in spool("jobs", "--json", "--sort", "id").objects] == [kept, goes_on]


def test_pauses_that_would_hold_again_are_told(spool: Callable[..., Ran], home: Path) -> None:
    (held,) = submit(home)
    spool("hold", str(held))
    for scope, name in (("site", "example.org"), ("queue", "video"), ("site", "over.example")):
        spool(scope, "pause", name, *(["--for", "1s"] if name.startswith("over") else []))
    spool("backup")
    unchanged = spool("restore")
    assert "paused again" not in unchanged.err and "on hold again" not in unchanged.err
    spool("unhold", str(held))
    spool("site", "resume", "example.org")
    ran = spool("restore", "--yes", "--json")
    (told,) = [line for line in ran.err.splitlines() if "paused again" in line]
    assert "the site example.org" in told and "`spool site resume`" in told
    assert "1 job that somebody let go since would be on hold again" in ran.err
    (shown,) = ran.objects
    assert [(pause["scope"], pause["name"]) for pause in shown["paused_again"]] == [("site", "example.org")]
    assert shown["kept"] == 1


def test_what_was_set_since_and_would_hold_no_more_is_told(spool: Callable[..., Ran], home: Path) -> None:
    """Pauses are given so that something does not happen; a restore must not lift one without a word."""
    held, *_ = submit(home, 2)
    spool("queue", "pause", "images", "--for", "2h")
    spool("batch", "limit", "night", "3", "--new")
    spool("backup")
    spool("queue", "pause", "images")
    spool("queue", "pause", "video")
    spool("site", "pause", "example.org", "--for", "1h")
    spool("batch", "limit", "night", "any")
    spool("queue", "slots", "7", "images")
    spool("hold", str(held))
    ran = spool("restore", "--yes", "--json")
    told = ran.err.splitlines()
    lifted = [line.split("(")[0].strip() for line in told if line.startswith("paused no more")]
    assert lifted == ["paused no more: the queue video", "paused no more: the site example.org"]
    (otherwise,) = [line for line in told if line.endswith(": the queue images")]
    assert "not until `spool queue resume` ends it" in otherwise
    assert "slots of the queue images: as configured, not 7" in told
    assert "limit of the batch night: 3, not any" in told
    assert "1 job that somebody put on hold since would be free to run" in told
    (shown,) = ran.objects
    scopes = [(pause["scope"], pause["name"]) for pause in shown["paused_no_more"]]
    assert scopes == [("queue", "video"), ("site", "example.org")] and shown["paused_again"] == []
    (changed,) = shown["paused_otherwise"]
    assert changed["name"] == "images" and changed["until"] and changed["until_before"] is None
    assert shown["set_otherwise"] == [
        {"kind": "slots", "name": "images", "before": 7, "after": None},
        {"kind": "limit", "name": "night", "before": None, "after": 3},
    ]
    assert (shown["kept"], shown["freed"]) == (0, 1)
    paused = {one["name"]: one["paused"] for one in spool("queue", "--json").objects}
    assert paused["images"] and not paused["video"], "as it was told"
    back = spool("restore", Path(shown["replaced"]).name)
    assert "paused again, until `spool queue resume` ends it: the queue video" in back.err
    assert "slots of the queue images: 7, not as configured" in back.err


def test_of_a_table_that_cannot_be_read_nothing_is_said_to_be_lifted(spool: Callable[..., Ran], home: Path) -> None:
    submit(home)
    spool("queue", "pause", "video")
    spool("queue", "slots", "7", "images")
    spool("backup")
    load_settings().paths.database.write_bytes(b"damaged" * 5000)
    ran = spool("restore", "--yes", "--json")
    assert "slots of the queue images: 7" in ran.err.splitlines() and "the queue video" in ran.err
    (shown,) = ran.objects
    assert shown["paused_no_more"] is None and [pause["name"] for pause in shown["paused_again"]] == ["video"]


def test_without_a_person_it_needs_a_yes(spool: Callable[..., Ran], home: Path) -> None:
    submit(home)
    spool("backup")
    submit(home, 2)
    ran = spool("restore")
    assert ran.code == 2 and "--yes" in ran.err
    assert "lost: 2 jobs that came later" in ran.err and "made " in ran.err.splitlines()[0]
    assert len(spool("jobs", "--json").lines) == 3
    assert not list((home / "state" / "backups").glob("replaced-*"))


def test_what_is_lost_is_told_also_when_nobody_asks(spool: Callable[..., Ran], home: Path) -> None:
    submit(home)
    spool("backup")
    ran = spool("restore", "--yes")
    assert ran.code == 0 and "lost: no job" in ran.err
    submit(home, 3)
    ran = spool("restore", "--yes")
    assert ran.code == 0 and "lost: 3 jobs that came later" in ran.err
    assert ran.out.startswith("restored spool-")


def test_when_the_newest_is_damaged_the_newest_whole_one_is_named(spool: Callable[..., Ran], home: Path) -> None:
    submit(home)
    old, good, newest = (Path(spool("backup", "--json").objects[0]["path"]) for _ in range(3))
    newest.write_bytes(newest.read_bytes()[:5000])
    ran = spool("restore", "--yes")
    assert (ran.code, ran.out) == (1, "")
    assert f"{newest} cannot be restored: it is damaged" in ran.err
    assert f"the newest whole backup is {good.name}: `spool restore {good.name}`" in ran.err
    assert spool("restore", good.name, "--yes").code == 0
    for one in (old, good):
        one.write_text("no database")
    assert "there is no other whole backup" in spool("restore", "--yes").err


def test_the_way_there_and_back(spool: Callable[..., Ran], home: Path) -> None:
    """Revisions and ids go on from where they were, in both directions, and held means held."""
    first = submit(home)
    spool("backup")
    later = submit(home, 2)
    seen = spool("events", "--json").objects[-1]["revision"]
    (done,) = spool("restore", "--yes", "--hold", "--json").objects
    assert (done["lost"], done["again"], done["back"], done["states"]) == (2, 0, 0, {"queued": 1})
    (job,) = spool("jobs", "--json").objects
    assert job["id"] == first[0] and [reason["reason"] for reason in job["waiting"]].count("hold") == 1
    told = spool("events", "--json", "--since", str(seen)).objects
    assert told[-1]["move"] == "restored" and all(event["revision"] > seen for event in told)
    (new,) = submit(home)
    assert new == max(later) + 1
    spool("restore", "--yes", Path(done["replaced"]).name)
    assert [job["id"] for job in spool("jobs", "--json", "--sort", "id").objects] == [*first, *later]
    assert spool("events", "--json", "--since", str(told[-1]["revision"])).objects[-1]["move"] == "restored"
    kinds = [made["kind"] for made in spool("backup", "list", "--json").objects]
    assert kinds == ["backup", "replaced", "replaced"]


def test_a_running_worker_is_in_the_way(spool: Callable[..., Ran], home: Path) -> None:
    submit(home)
    spool("backup")
    held = lock.take(load_settings().paths.lock)
    ran = spool("restore", "--yes")
    assert ran.code == 1 and f"process {os.getpid()}" in ran.err and "spool stop" in ran.err
    lock.release(held)


def test_an_open_console_is_in_the_way(
    spool: Callable[..., Ran], process: Callable[..., object], home: Path, client: Client
) -> None:
    client.submit("probe", {"inputs": ["/nowhere"]}, priority=Priority.LOW)
    spool("backup")
    ran = process("restore", "--yes")
    assert getattr(ran, "returncode") == 1  # noqa: B009
    assert f"process {os.getpid()} has it open" in getattr(ran, "stderr")  # noqa: B009


@pytest.mark.parametrize("wrong", ["text", "damaged", "newer", "itself"])
def test_what_cannot_be_restored_is_refused(spool: Callable[..., Ran], home: Path, wrong: str) -> None:
    submit(home)
    path = Path(spool("backup", "--json").objects[0]["path"])
    if wrong == "text":
        path.write_text("no database")
    elif wrong == "damaged":
        with path.open("r+b") as file:
            file.seek(4096 * 2)
            file.write(os.urandom(4096 * 8))
    elif wrong == "newer":
        import sqlite3

        with sqlite3.connect(path) as connection:
            connection.execute("UPDATE meta SET value = 999 WHERE key = 'schema'")
        connection.close()
    else:
        path = load_settings().paths.database
    ran = spool("restore", "--yes", str(path))
    assert ran.code == (2 if wrong == "itself" else 1) and str(path) in ran.err
    assert len(spool("jobs", "--json").lines) == 1
    assert not list((home / "state" / "backups").glob("replaced-*"))


def test_a_damaged_database_is_replaced_and_kept(spool: Callable[..., Ran], home: Path) -> None:
    (first,) = submit(home)
    spool("backup")
    seen = spool("events", "--json").objects[-1]["revision"]
    database = load_settings().paths.database
    data = b"damaged" * 5000
    database.write_bytes(data)
    (done,) = spool("restore", "--yes", "--json").objects
    assert Path(done["replaced"]).read_bytes() == data
    assert done["problem"] and done["lost"] is None
    assert [job["id"] for job in spool("jobs", "--json").objects] == [first]
    assert spool("events", "--json", "--since", str(seen)).objects[-1]["move"] == "restored"
    assert submit(home)[0] > first


def test_who_only_watches_sees_backups_and_makes_none(spool: Callable[..., Ran], home: Path) -> None:
    submit(home)
    spool("backup")
    (home / "config.toml").write_text("read_only = true\n")
    assert len(spool("backup", "list").lines) == 1
    for order in (("backup",), ("restore", "--yes")):
        ran = spool(*order)
        assert ran.code == 2 and "read only" in ran.err
    assert spool("doctor", "--full").code == 0
    assert [path.name[:6] for path in (home / "state" / "backups").glob("*.db")] == ["spool-"]
