from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from console.cli.jobs import row
from tests.console.cli.conftest import Ran
from tests.support.databases import running, submitted
from workers import lock
from workers.client import Client
from workers.errors import ErrorClass, Failure
from workers.jobs import ItemOutcome, Move, Outcome, State
from workers.store import hosts, moves
from workers.store.database import transaction
from workers.store.records import error_fields, now_ms
from workers.store.tables import WorkerRow

KEYS = {
    "id", "operation", "queue", "state", "priority", "title", "params", "submitted_by", "submitted_at", "started_at",
    "finished_at", "attempts", "progress", "items", "error", "waiting", "outputs", "batch", "after", "after_ended",
    "window", "hold", "pause_until", "revision",
}  # fmt: skip


@pytest.fixture
def five(client: Client) -> Client:
    for number in range(1, 6):
        client.submit("download", {"inputs": [f"http://127.0.0.1:9/film-{number}.mp4"]}, hold=number == 2)
    client.cancel([5])
    return client


def ended_job(client: Client, move: Move, failure: Failure) -> int:
    """The id of a job that was claimed and left by `move`."""
    job = client.submit("download", {"inputs": ["http://127.0.0.1:9/x.mp4"]})
    moves.move(client._db, Move.CLAIMED, job.id, by="worker")
    moves.move(client._db, move, job.id, by="worker", fields=error_fields(failure))
    return job.id


def test_the_table_has_a_line_for_each_job(spool: Callable[..., Ran], five: Client) -> None:
    ran = spool("jobs")
    assert ran.code == 0
    assert ran.lines[0].split() == ["ID", "STATE", "OPERATION", "PRIORITY", "DONE", "AGO", "TITLE"]
    assert [line.split()[:2] for line in ran.lines[1:]] == [
        ["1", "queued"], ["2", "held"], ["3", "queued"], ["4", "queued"], ["5", "cancelled"],
    ]  # fmt: skip
    assert ran.lines[1].endswith("film-1.mp4")


def test_an_empty_list_says_so(spool: Callable[..., Ran]) -> None:
    ran = spool("jobs")
    assert (ran.code, ran.out) == (0, "")
    assert "no jobs yet" in ran.err
    assert spool("jobs", "--json") == Ran(0, "", "")


def test_a_query_a_limit_and_a_sort(spool: Callable[..., Ran], five: Client) -> None:
    assert [line.split()[0] for line in spool("jobs", "state:queued", "-film-3", "--sort", "-id").lines[1:]] == [
        "4",
        "2",
        "1",
    ]
    ran = spool("jobs", "--limit", "2")
    assert len(ran.lines) == 3
    assert ran.err == "2 of 5 jobs; --limit 0 shows all\n"
    assert len(spool("jobs", "--json", "--limit", "3").objects) == 3
    assert len(spool("jobs", "--limit", "0").lines) == 6
    ran = spool("jobs", "--sort", "size")
    assert ran.code == 2
    assert "no sort 'size'" in ran.err


def test_json_is_one_object_a_line_with_the_promised_keys(spool: Callable[..., Ran], five: Client) -> None:
    shown = spool("jobs", "--json").objects
    assert [job["id"] for job in shown] == [1, 2, 3, 4, 5]
    assert all(set(job) == KEYS for job in shown)
    assert spool("show", "2", "--json").objects == [shown[1]]
    assert shown[1]["waiting"][0]["reason"] == "hold"
    assert shown[4]["waiting"] == []
    assert shown[0]["submitted_at"].endswith("Z")


def test_why_in_words_and_json(spool: Callable[..., Ran], five: Client) -> None:
    assert "on hold" in spool("why", "2").out
    assert spool("why", "5").out == "job 5 does not wait: it was cancelled\n"
    (shown,) = spool("why", "2", "--json").objects
    assert (shown["id"], shown["state"]) == (2, "queued")
    assert set(shown["waiting"][0]) == {"reason", "detail", "lifts"}


def test_why_of_a_running_job_that_does_not_go_on(spool: Callable[..., Ran], client: Client) -> None:
    job = client.submit("download", {"inputs": ["http://127.0.0.1:9/x.mp4"]})
    moves.move(client._db, Move.CLAIMED, job.id, by="worker")
    lines = spool("why", str(job.id)).lines
    assert lines[0] == f"job {job.id} does not wait: it runs"
    assert lines[1].startswith("no worker runs here, so it does not move; spool worker --detach starts one")
    held = lock.take(client.settings.paths.lock)
    try:
        assert spool("why", str(job.id)).lines == lines[:1]
        assert spool("pause", str(job.id), "--soft").code == 0
        (told,) = spool("why", str(job.id)).lines[1:]
        assert told == f"it waits on hold when it has ended what it has in hand; spool resume {job.id} takes that back"
        (shown,) = spool("why", str(job.id), "--json").objects
        assert shown["state"] == "running" and shown["waiting"][0]["reason"] == "asked"
        assert spool("cancel", str(job.id)).code == 0
        assert spool("why", str(job.id)).lines[1:] == ["it is being cancelled"]
    finally:
        lock.release(held)


def _silent(client: Client) -> None:
    life = {"host": "box", "pid": 7, "pid_start": 1, "boot_id": "b", "version": "0.1.0", "operations": "[]"}
    hosts.add_worker(client._db, life)
    with transaction(client._db):
        WorkerRow.update(heartbeat=now_ms() - 45_000).execute(client._db)


def test_why_of_a_job_that_stands_still_tells_that_no_worker_runs(spool: Callable[..., Ran], client: Client) -> None:
    job_id = running(client._db).id
    moves.move(client._db, Move.PAUSED, job_id, by="worker")
    gone = "no worker runs here, so it does not move; spool worker --detach starts one, which takes it up again"
    assert spool("why", str(job_id)).lines[2:] == [gone]
    assert spool("resume", str(job_id)).code == 0
    assert spool("why", str(job_id)).lines[1:] == ["it is being resumed", gone]
    (shown,) = spool("why", str(job_id), "--json").objects
    assert [reason["reason"] for reason in shown["waiting"]] == ["paused", "no_worker"]
    assert spool("cancel", str(job_id)).code == 0
    assert "no worker runs here" in spool("show", str(job_id)).out


def test_one_limit_of_silence_for_all_who_tell_of_it(spool: Callable[..., Ran], client: Client) -> None:
    waits, runs, rests = (
        submitted(client._db, operation="hash", queue="metadata").id,
        running(client._db).id,
        running(client._db).id,
    )
    moves.move(client._db, Move.PAUSED, rests, by="worker")
    spool("cancel", str(runs))
    held = lock.take(client.settings.paths.lock)
    try:
        assert [spool("why", str(job_id)).out.count("silent") for job_id in (waits, runs, rests)] == [0, 0, 0]
        _silent(client)
        silent = f"the worker, process {os.getpid()}, has been silent for "
        assert spool("why", str(waits)).out.startswith(silent)
        for job_id, first in ((runs, "it is being cancelled"), (rests, "somebody paused it")):
            _, told, last = spool("why", str(job_id)).lines
            assert told.startswith(first) and last.startswith(silent) and f"kill -CONT {os.getpid()}" in last
        assert "silent for " in spool("status").out and "silent for " in spool("doctor").out
        with transaction(client._db):
            WorkerRow.update(heartbeat=now_ms() + 5_000).execute(client._db)
        for verb in (("why", str(waits)), ("why", str(runs)), ("why", str(rests)), ("status",), ("doctor",)):
            assert "silent" not in spool(*verb).out
    finally:
        lock.release(held)


def test_why_of_a_job_that_was_paused_with_its_batch(spool: Callable[..., Ran], client: Client) -> None:
    job = client.submit("download", {"inputs": ["http://127.0.0.1:9/x.mp4"]}, batch="films")
    moves.move(client._db, Move.CLAIMED, job.id, by="worker")
    assert spool("batch", "pause", "films", "--until", "2099-01-02T03:04:05Z").code == 0
    moves.move(client._db, Move.PAUSED, job.id, by="worker")
    text = spool("why", str(job.id)).out
    assert "paused the batch films and this job with it until 2099-01-0" in text
    assert "T" not in text.split("until ")[1].split(",")[0]  # on the person's clock
    assert f"spool batch resume films lets all of it go on, spool resume {job.id} this job alone" in text
    assert "paused the batch films" in spool("show", str(job.id)).out
    (told,) = spool("why", str(job.id), "--json").objects
    assert "2099-01-02T03:04:05.000Z" in told["waiting"][0]["detail"]


def test_why_names_the_hours_of_the_queue(spool: Callable[..., Ran], client: Client, home: Path) -> None:
    job = client.submit("transcode", {"inputs": ["/nowhere.mkv"]})
    day = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[(time.localtime().tm_wday + 3) % 7]
    (home / "config.toml").write_text(f'[windows]\nvideo = "{day} 04:00-05:00"\n')
    text = spool("why", str(job.id)).out
    assert f"outside the hours of the queue video, {day} 04:00-05:00 (next at " in text
    assert "04:00); it starts within them; windows.video in config.toml changes them" in text


def test_why_one_failed_and_what_to_do(spool: Callable[..., Ran], client: Client) -> None:
    job_id = ended_job(client, Move.FAILED, Failure(ErrorClass.THROTTLED, "429 Too Many Requests"))
    lines = spool("why", str(job_id)).lines
    assert lines[0] == f"job {job_id} does not wait: it failed: 429 Too Many Requests"
    assert lines[1].startswith("throttled: let the site rest for a while")
    assert lines[2] == f"trying again can help: spool retry {job_id}"
    (told,) = spool("why", str(job_id), "--json").objects
    assert told["failed"]["retryable"] is True and told["failed"]["again"] == f"spool retry {job_id}"
    broken = ended_job(client, Move.FAILED, Failure(ErrorClass.BAD_INPUT, "a.mp4 is damaged"))
    assert spool("why", str(broken)).lines[2] == "trying again does not help as things are"


def test_why_one_was_skipped(spool: Callable[..., Ran], client: Client) -> None:
    first = client.submit("download", {"inputs": ["http://127.0.0.1:9/x.mp4"]})
    second = client.submit("download", {"inputs": ["http://127.0.0.1:9/y.mp4"]}, after=(first.id,))
    client.cancel([first.id])
    assert spool("why", str(second.id)).lines[1] == f"job {first.id}, which it waited for, was cancelled"


def test_inputs_that_failed_are_told_in_the_list_and_by_why(spool: Callable[..., Ran], client: Client) -> None:
    job = client.submit("probe", {"inputs": ["/a", "/b"]})
    moves.move(client._db, Move.CLAIMED, job.id, by="worker")
    counts = {"items_total": 2, "items_done": 1, "items_failed": 1}
    moves.move(client._db, Move.SUCCEEDED, job.id, by="worker", fields={**counts, "fraction": 1.0})
    assert spool("jobs").lines[1].endswith(f"(1 of 2 failed) {job.title}")
    lines = spool("why", str(job.id)).lines
    assert lines == [
        f"job {job.id} does not wait: it succeeded, but 1 of its 2 inputs failed",
        f"spool show {job.id} tells which; spool retry {job.id} tries those again",
    ]


def test_what_ended_without_success_is_not_done(spool: Callable[..., Ran], client: Client) -> None:
    job = client.submit("download", {"inputs": ["http://127.0.0.1:9/x.mp4"]})
    moves.move(client._db, Move.CLAIMED, job.id, by="worker")
    moves.move(client._db, Move.CANCELLED, job.id, by="worker", fields={"fraction": 1.0})
    assert "100%" not in spool("jobs").out and "100%" not in spool("show", str(job.id)).out


def test_a_number_alone_is_a_text_and_says_so(spool: Callable[..., Ran], five: Client) -> None:
    ran = spool("jobs", "3")
    assert len(ran.lines) == 2 and ran.lines[1].endswith("film-3.mp4")
    assert ran.err == "3 was looked for in titles; `spool jobs id:3` lists by id\n"
    assert spool("jobs", "id:3").err == spool("jobs", "film-3").err


def test_every_class_of_failure_has_advice() -> None:
    assert all(kind.advice for kind in ErrorClass)


def test_a_row_is_aligned_whatever_the_title(five: Client) -> None:
    job = five.job(1)
    assert row(job, job.submitted_at + 90_000).index(job.title) == row(five.job(5), 0).index(five.job(5).title)


def test_long_lists_come_in_pages(spool: Callable[..., Ran], five: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from console.cli import jobs

    asked: list[int] = []
    whole = Client.jobs_by_id

    def counted(self: Client, ids: Any) -> Any:
        asked.append(len(ids))
        return whole(self, ids)

    monkeypatch.setattr(jobs, "_PAGE", 2)
    monkeypatch.setattr(Client, "jobs_by_id", counted)
    assert len(spool("jobs", "--json").objects) == 5
    assert asked == [2, 2, 1]


def test_items_are_one_object_a_line(
    spool: Callable[..., Ran], client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.submit("probe", {"inputs": ["/a", "/b"]})
    failure = Failure(ErrorClass.BAD_INPUT, "b is empty")
    ended = [
        ItemOutcome("/a", Outcome.DONE, ("/out/a",), None, {"kind": "video"}),
        ItemOutcome("/b", Outcome.FAILED, (), failure),
    ]
    monkeypatch.setattr(Client, "items", lambda self, job_id, *, offset, limit: ended[offset : offset + 1])
    assert spool("show", "1", "--items").objects == [
        {"key": "/a", "outcome": "done", "outputs": ["/out/a"], "error": None, "detail": {"kind": "video"}},
        {
            "key": "/b",
            "outcome": "failed",
            "outputs": [],
            "error": {"class": "bad_input", "message": "b is empty", "retryable": False, "input": "/b"},
            "detail": {},
        },
    ]


def test_a_job_of_one_piece_is_its_own_item(spool: Callable[..., Ran], client: Client) -> None:
    job = client.submit("download", {"inputs": ["http://127.0.0.1:9/x.mp4"], "look": True})
    assert spool("show", "1", "--items").objects == []
    moves.move(client._db, Move.CLAIMED, job.id, by="worker")
    moves.move(client._db, Move.SUCCEEDED, job.id, by="worker", fields={"detail": '{"title": "A talk"}'})
    assert spool("show", "1", "--items").objects == [
        {
            "key": "http://127.0.0.1:9/x.mp4",
            "outcome": "done",
            "outputs": [],
            "error": None,
            "detail": {"title": "A talk"},
        }
    ]


def test_titles_stand_below_each_other_whatever_the_operation(spool: Callable[..., Ran], client: Client) -> None:
    client.submit("optimize-image", {"inputs": ["/in/a.png"]})
    client.submit("hash", {"inputs": ["/in/b.png"]})
    head, first, second = spool("jobs", "--sort", "id").lines
    assert first.index("a.png") == second.index("b.png") == head.index("TITLE")


def test_running_jobs_without_a_worker_are_remarked(
    spool: Callable[..., Ran], client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = client.submit("hash", {"inputs": ["/in/b.png"]})
    assert "no worker runs here" not in spool("jobs").err
    running = replace(job, state=State.RUNNING, started_at=job.submitted_at)
    monkeypatch.setattr(Client, "jobs_by_id", lambda self, ids: {job.id: running})
    ran = spool("jobs")
    assert "running" in ran.out
    assert ran.err == "1 job of these cannot run: no worker runs here; `spool worker --detach` starts one\n"
