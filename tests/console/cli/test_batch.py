"""`spool batch`, `spool site`, `spool schedule`, `spool now`, and pauses for a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.console.cli.conftest import Ran
from workers import batching, localtime
from workers.client import Client
from workers.errors import StoreError
from workers.jobs import QUEUES, Priority, Scope, State, rfc3339
from workers.queues import Bells
from workers.store import submissions

URL = "http://127.0.0.1:9/x.mp4"
Spool = Callable[..., Ran]


def _batch(client: Client, name: str = "summer", jobs: int = 2) -> list[int]:
    return [client.submit("download", {"inputs": [f"{URL}?{n}"]}, batch=name).id for n in range(jobs)]


def test_a_batch_is_listed_limited_and_paused(spool: Spool, client: Client) -> None:
    assert "no batches" in spool("batch").err
    _batch(client)
    assert spool("batch", "limit", "summer", "auto").code == 0
    assert spool("batch", "pause", "summer", "--for", "2h").code == 0
    (told,) = spool("batch", "--json").objects
    assert (told["name"], told["limit"], told["jobs"], told["states"]) == ("summer", "auto", 2, {"queued": 2})
    assert told["paused"] and told["paused_until"] == rfc3339(client.pauses(Scope.BATCH)[0].until)
    assert "paused until" in spool("batch", "show", "summer").out
    assert spool("batch", "resume", "summer").code == 0
    assert spool("batch", "resume", "summer").code == 1
    assert spool("batch", "limit", "summer", "3").code == 0 and client.batch("summer").limit == 3
    assert spool("batch", "limit", "summer", "any").code == 0 and client.batch("summer").limit is None


def test_jobs_are_put_into_a_batch_and_out(spool: Spool, client: Client) -> None:
    first, second = _batch(client)
    ran = spool("batch", "add", "autumn", str(first))
    assert ran.code == 0 and f"{first}: into autumn" in ran.out
    assert spool("batch", "add", "autumn", "batch:summer", "--json").objects == [
        {"id": second, "ok": True, "message": "into autumn"}
    ]
    assert [one.name for one in client.batches()] == ["autumn"]
    assert spool("batch", "add", "autumn", str(first)).code == 1
    assert spool("batch", "out", "state:queued").code == 0 and client.batches() == []
    assert "no job matches" in spool("batch", "out", "state:failed").err
    assert "cannot be shown" in spool("batch", "add", "b\x1b", str(first)).err  # as `--batch` says
    assert client.job(first).batch is None
    assert spool("batch", "add", "autumn").code == 2 and spool("batch", "add", " ", str(first)).code == 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("sumer",), "'sumer' is none of list, show"),
        (("show",), "write it as: spool batch show NAME"),
        (("show", "winter"), "no batch 'winter': there are summer"),
        (("show", "sumer"), "no batch 'sumer': did you mean 'summer'?"),
        (("limit", "sumer", "2"), "did you mean 'summer'? (--new limits one that is still to come)"),
        (("show", "summer", "--new"), "--new belongs to `spool batch limit`"),
        (("limit", "summer", "0"), "a number from 1 to 32, auto or any"),
        (("limit", "summer", "33"), "a number from 1 to 32, auto or any"),
        (("limit", "summer"), "write it as: spool batch limit NAME N|auto|any"),
        (("list", "--for", "2h"), "belong to `spool batch pause`"),
        (("pause", "summer", "--for", "2h", "--until", "08:00"), "give one of them"),
        (("pause", "summer", "--for", "soon"), "not a span"),
        (("show", "summer", "--yes"), "--yes belongs to"),
        (("delete", "summer", "--yes"), "have not ended: cancel the batch first"),
        (("cancel", "summer"), "cancel of the batch summer with 2 jobs needs --yes where nobody can be asked"),
        (("use", "none", "autumn"), "no template 'none'"),
        (("use", "none", "autumn", "no/such.mp4"), "'no/such.mp4': there is no such file or folder"),
    ],
)
def test_what_is_refused(spool: Spool, client: Client, words: tuple[str, ...], told: str) -> None:
    _batch(client)
    ran = spool("batch", *words)
    assert ran.code == 2 and told in ran.err
    assert {job.state for job in client.jobs()} == {State.QUEUED} and client.pauses() == []


def test_an_empty_batch_is_told_when_it_is_deleted(spool: Spool, client: Client) -> None:
    client.limit_batch("winter", 2, new=True)
    assert spool("batch", "delete", "winter", "--yes") == Ran(0, "winter: removed; it had no jobs\n", "")
    client.limit_batch("winter", 2, new=True)
    assert spool("batch", "delete", "winter", "--yes", "--json").objects == [{"batch": "winter", "ok": True}]
    assert "no batch 'winter'" in spool("batch", "show", "winter").err


def test_a_batch_is_cancelled_and_deleted_as_a_whole(spool: Spool, client: Client) -> None:
    _batch(client, 'with "quotes", and commas')
    kept = _batch(client, "winter")
    assert spool("batch", "cancel", 'with "quotes", and commas', "--yes").code == 0
    assert {job.state for job in client.jobs("-batch:winter")} == {State.CANCELLED}
    assert spool("batch", "delete", 'with "quotes", and commas', "--yes").code == 0
    assert [job.id for job in client.jobs(sort="id")] == kept
    assert [batch.name for batch in client.batches()] == ["winter"]


def test_a_template_is_used_again_with_other_inputs(spool: Spool, client: Client) -> None:
    client.submit("download", {"inputs": [URL]}, batch="summer", priority=Priority.HIGH, window="22:00-06:00")
    assert "1 download" in spool("batch", "save", "summer", "nightly").out
    (told,) = spool("batch", "templates", "--json").objects
    assert (told["name"], told["jobs"][0]["window"]) == ("nightly", "22:00-06:00")
    other = "http://127.0.0.1:9/other.mp4"
    ran = spool("batch", "use", "nightly", "autumn", other, "--hold")
    assert ran.code == 0
    job = client.job(int(ran.out))
    assert (job.batch, job.priority, job.window, job.hold) == ("autumn", Priority.HIGH, "22:00-06:00", True)
    assert list(job.params["inputs"]) == [other]
    ran = spool("batch", "use", "nightly", "winter", "~no-such-user/a.mp4")
    assert ran.code == 2 and "'~no-such-user/a.mp4': there is no such file or folder" in ran.err
    ran = spool("batch", "forget", "nightly")
    assert (ran.code, ran.out) == (2, "") and "forget of the template nightly needs --yes" in ran.err
    assert [one.name for one in client.templates()] == ["nightly"]
    assert spool("batch", "forget", "nightly", "--yes").code == 0 and spool("batch", "forget", "nightly").code == 2


def test_a_batch_is_held_and_started_as_a_whole(spool: Spool, client: Client) -> None:
    first, second = _batch(client)
    ran = spool("batch", "hold", "summer")
    assert ran.code == 0 and "2 of its jobs: held" in ran.err
    assert client.job(first).hold and client.job(second).hold
    refused = spool("batch", "resume", "summer")
    assert refused.code == 1 and "`spool batch start` lets its jobs on hold go on" in refused.err
    spool("batch", "pause", "summer")
    ran = spool("batch", "start", "summer", "--json")
    assert ran.code == 0 and "2 of its jobs: may start" in ran.err
    assert (ran.objects[0]["name"], ran.objects[0]["paused"]) == ("summer", False)
    assert not client.job(first).hold and not client.job(second).hold
    assert "none of its jobs was on hold" in spool("batch", "start", "summer").err
    assert spool("batch", "start", "winter").code == 2 and spool("batch", "hold").code == 2
    client.cancel([first, second])
    assert "no job of it waits" in spool("batch", "hold", "summer").err


def test_jobs_of_a_template_that_inputs_make_equal_are_submitted_once(spool: Spool, client: Client) -> None:
    first, second = (
        client.submit("download", {"inputs": [f"http://127.0.0.1:9/{name}"]}, batch="summer").id for name in "ab"
    )
    sound = {"inputs": ["http://127.0.0.1:9/c"], "quality": "audio"}
    client.submit("download", sound, batch="summer", after=(first, second))
    assert spool("batch", "save", "summer", "nightly").code == 0
    ran = spool("batch", "use", "nightly", "autumn", "http://127.0.0.1:9/new", "--hold")
    plain, chained = (client.job(int(line)) for line in ran.lines)
    assert plain.after == () and chained.after == (plain.id,)
    assert "the template has 3 jobs" in ran.err
    again = spool("batch", "use", "nightly", "winter", "--hold")
    assert len(again.lines) == 3 and "submitted once" not in again.err


def test_a_template_keeps_the_chain_the_limit_and_what_was_on_hold(spool: Spool, client: Client) -> None:
    first = client.submit("download", {"inputs": [URL]}, batch="summer").id
    elsewhere = client.submit("download", {"inputs": [URL]}).id
    client.submit("download", {"inputs": [URL]}, batch="summer", after=[first, elsewhere], hold=True)
    client.submit("download", {"inputs": [URL]}, batch="summer", after=[first], after_ended=[first + 2])
    client.limit_batch("summer", 2)
    assert spool("batch", "save", "summer", "nightly").code == 0
    (told,) = spool("batch", "templates", "--json").objects
    assert (told["limit"], [job["after"] for job in told["jobs"]]) == (2, [[], [0], [0]])
    assert spool("batch", "use", "nightly", "autumn", "--at", "+2h").code == 0
    one, two, three = client.jobs("batch:autumn", sort="id")
    assert [job.after for job in (one, two, three)] == [(), (one.id,), (one.id, two.id)]
    assert [job.after_ended for job in (one, two, three)] == [(), (), (two.id,)]
    assert [job.hold for job in (one, two, three)] == [False, True, False]
    assert all(job.run_after is not None for job in (one, two, three))
    assert client.batch("autumn").limit == 2
    client.limit_batch("autumn", 5)
    assert spool("batch", "use", "nightly", "autumn").code == 0
    assert client.batch("autumn").limit == 5  # what a person said of that batch stays
    assert "belong to `spool batch use`" in spool("batch", "show", "autumn", "--at", "+2h").err


def test_a_template_keeps_times_of_day(spool: Spool, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    at = [datetime(2026, 3, day, hour, tzinfo=localtime.zone()) for day, hour in ((1, 22), (2, 6))]
    for moment in at:
        spool("download", URL, "--batch", "summer", "--at", moment.isoformat())
    client.submit("download", {"inputs": [URL]}, batch="summer")
    assert spool("batch", "save", "summer", "nightly").out.split() == [
        "nightly",
        "3",
        "download,",
        "from",
        "22:00",
        "on",
    ]
    (told,) = spool("batch", "templates", "--json").objects
    kept = [{"clock": "22:00", "day": 0}, {"clock": "06:00", "day": 1}, None]
    assert [job["start"] for job in told["jobs"]] == kept
    here = datetime(2026, 7, 1, 12, tzinfo=localtime.zone())
    monkeypatch.setattr(batching, "now_ms", lambda: int(here.timestamp() * 1000))
    rung: list[tuple[str, int | None]] = []
    monkeypatch.setattr(Bells, "ring", lambda bells, queue, *, priority=0, at=None: rung.append((queue, at)))
    wanted = [here.replace(hour=22), here.replace(day=2, hour=6)]
    expected = [*(int(moment.timestamp() * 1000) for moment in wanted), None]
    assert [client.job(int(line)).run_after for line in spool("batch", "use", "nightly", "a").lines] == expected
    assert {("downloads", moment) for moment in expected} <= set(rung)
    assert [client.job(int(line)).run_after for line in spool("batch", "use", "nightly", "b", "--at", "now").lines] == [
        None
    ] * 3
    later = spool("batch", "use", "nightly", "c", "--at", "2099-01-01T00:00:00Z").lines
    assert {rfc3339(client.job(int(line)).run_after) for line in later} == {"2099-01-01T00:00:00.000Z"}
    spool("batch", "save", "a", "again")  # the times of day go on from template to template
    assert [job["start"] for job in next(one for one in client.templates() if one.name == "again").jobs] == kept


def test_a_template_is_submitted_whole_or_not_at_all(
    spool: Spool, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    _batch(client, jobs=3)
    assert spool("batch", "save", "summer", "nightly").code == 0
    accept = submissions.submit
    accepted: list[Any] = []

    def full(db: Any, new: submissions.NewJob) -> Any:
        if len(accepted) == 2:
            raise StoreError("no space left on the device")
        accepted.append(accept(db, new))
        return accepted[-1]

    with monkeypatch.context() as patched:
        patched.setattr(submissions, "submit", full)
        assert "no space left" in spool("batch", "use", "nightly", "autumn").err
    assert len(accepted) == 2 and client.jobs("batch:autumn") == []
    assert len(spool("batch", "use", "nightly", "autumn").lines) == 3


def test_a_site_is_paused_and_resumed(spool: Spool, client: Client) -> None:
    assert spool("site", "pause", "Example.org", "--until", "tomorrow 08:00").code == 0
    (told,) = spool("site", "--json").objects
    assert (told["name"], told["paused"]) == ("example.org", True) and told["paused_until"].endswith("Z")
    assert "example.org: paused until" in spool("site").out
    assert spool("site", "resume", "example.org").err == "example.org is not paused any more\n"
    assert spool("site", "resume", "example.org").code == 1
    assert spool("site", "pause", "https://Example.net:8443/watch?v=1").code == 0
    assert [pause.name for pause in client.pauses(Scope.SITE)] == ["example.net"]
    for words in (("pause",), ("stop", "x"), ("resume", "x", "--soft"), ("pause", "a/b"), ("pause", "a b")):
        assert spool("site", *words).code == 2


def test_a_resume_tells_what_was_resumed_in_one_shape(spool: Spool, client: Client) -> None:
    _batch(client)
    spool("site", "pause", "example.net")
    for verb, asked, name in (
        ("site", "https://Example.org/x", "example.org"),
        ("batch", "summer", "summer"),
        ("queue", "video", "video"),
    ):
        (told,) = spool(verb, "pause", asked, "--until", "tomorrow 08:00", "--json").objects
        assert (told["name"], told["paused"]) == (name, True) and told["paused_until"]
        for code, resumed in ((0, True), (1, False)):
            ran = spool(verb, "resume", asked, "--json")
            (told,) = ran.objects
            assert (ran.code, told["resumed"], f"the {verb} {name} was not paused" in ran.err) == (
                code,
                resumed,
                not resumed,
            )
            assert [told[key] for key in ("name", "paused", "paused_until", "paused_by")] == [name, False, None, ""]
    spool("queue", "pause", "video")
    told_of_all = spool("queue", "resume", "--json").objects
    assert [one["name"] for one in told_of_all if one["resumed"]] == ["video"] and len(told_of_all) == len(QUEUES)
    assert spool("queue", "resume").code == 1


def test_a_batch_that_was_only_a_pause_is_told_when_it_is_resumed(spool: Spool, client: Client) -> None:
    client.pause_scope(Scope.BATCH, "winter")
    (told,) = spool("batch", "resume", "winter", "--json").objects
    assert (told["name"], told["jobs"], told["paused"], told["resumed"]) == ("winter", 0, False, True)
    assert client.batches() == []


def test_jobs_are_paused_for_a_time(spool: Spool, client: Client) -> None:
    (job_id, _) = _batch(client)
    assert spool("pause", str(job_id), "--for", "30m").code == 0
    job = client.job(job_id)
    assert job.hold and job.pause_until is not None
    assert "until" in spool("why", str(job_id)).out
    assert spool("resume", str(job_id)).code == 0 and client.job(job_id).pause_until is None


def test_when_jobs_may_start(spool: Spool, client: Client) -> None:
    (first, second) = _batch(client)
    assert spool("schedule", str(first), "--at", "+2h", "--window", "SAT 10:00-12:00").code == 0
    job = client.job(first)
    assert job.window == "sat 10:00-12:00" and job.run_after is not None
    assert spool("schedule", str(first), "--at", "now", "--window", "any").code == 0
    job = client.job(first)
    assert (job.window, job.run_after) == (None, None)
    assert spool("schedule", str(first)).code == 2
    assert "is not a window" in spool("schedule", str(first), "--window", "at night").err
    client.hold([second])
    assert spool("now", str(second)).code == 0
    assert [job.id for job in client.jobs("state:queued")] == [second, first]
    assert (client.job(second).hold, client.job(second).priority) == (False, Priority.URGENT)
    client.pause_scope(Scope.BATCH, "summer", by="ann")
    assert "is first, and still waits: ann paused the batch summer" in spool("now", str(first)).out


def test_a_submission_with_hours_and_a_chain(spool: Spool, client: Client, tmp_path: Path) -> None:
    (first, _) = _batch(client)
    ran = spool("download", URL, "--window", "mon-fri 22:00-06:00", "--after-ended", str(first))
    job = client.job(int(ran.lines[0]))
    assert (job.window, job.after, job.after_ended) == ("mon-fri 22:00-06:00", (first,), (first,))
    client.cancel([first])
    assert client.job(job.id).state is State.QUEUED
    assert "--window" in spool("download", URL, "--window", "noon").err
