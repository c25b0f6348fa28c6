from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace

import pytest

from console.cli.card import card
from tests.console.cli.conftest import Ran
from workers.client import Client
from workers.errors import ErrorClass, Failure
from workers.jobs import ItemCounts, ItemOutcome, Job, Outcome, Progress, State


@pytest.fixture
def job(client: Client) -> Job:
    return client.submit("download", {"inputs": ["http://127.0.0.1:9/film.mp4"]}, batch="films")


def lines(client: Client, job: Job) -> str:
    return "\n".join(card(client, job))


def test_a_waiting_job(client: Client, job: Job, spool: Callable[..., Ran]) -> None:
    text = lines(client, job)
    assert text.startswith("job 1: ")
    assert "state:     queued" in text
    assert "batch:     films" in text
    assert "waits:     no worker is running" in text
    assert 'option:    inputs = ["http://127.0.0.1:9/film.mp4"]' in text
    assert "command:   spool download --batch films http://127.0.0.1:9/film.mp4" in text
    assert "submitted by" in text
    assert spool("show", "1").out == text + "\n"


def test_the_command_to_repeat_it_has_all_that_was_asked(client: Client, job: Job, spool: Callable[..., Ran]) -> None:
    other = client.submit("download", {"inputs": ["http://127.0.0.1:9/other.mp4"]})
    asked = ("--batch", "two words", "--window", "mon-fri 22:00-06:00", "--after", str(job.id))
    more = ("--after-ended", str(other.id), "--priority", "high", "--hold", "--at", "+3h")
    (job_id,) = spool("download", "http://127.0.0.1:9/x.mp4", *asked, *more).lines
    (line,) = [line for line in card(client, client.job(int(job_id))) if line.lstrip().startswith("command:")]
    assert f"after:     {job.id}, {other.id} (any end)" in lines(client, client.job(int(job_id)))
    words = shlex.split(line.partition(":")[2])
    (again,) = spool(*words[1:]).lines
    first, second = client.job(int(job_id)), client.job(int(again))
    for name in ("params", "batch", "window", "after", "after_ended", "priority", "hold", "run_after"):
        assert getattr(first, name) == getattr(second, name), name


def test_long_names_are_cut_where_a_terminal_is(client: Client, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "f" * 250 + ".mp4"
    failed = ItemOutcome(f"/films/{name}", Outcome.FAILED, failure=Failure(ErrorClass.BAD_INPUT, "is damaged"))
    monkeypatch.setattr(client, "items", lambda job_id, **asked: [failed])
    job = replace(
        job, title=name, outputs=(f"/out/{name}",), params={"inputs": [name] * 50}, items=ItemCounts(1, failed=1)
    )
    told = list(card(client, job, 80))
    assert all(len(line) <= 480 for line in told)
    for start, end in (
        ("job 1: fff", "….mp4"),
        ("  output:    /out/fff", "….mp4"),
        ("  failed:    /films/fff", "is damaged"),
    ):
        (line,) = [line for line in told if line.startswith(start)]
        assert len(line) <= 80 and line.replace("f", "").endswith(end.replace("f", "")), line
    assert f"job 1: {name}" in card(client, job)
    assert f"  output:    /out/{name}" in card(client, job)


def test_a_running_job(client: Client, job: Job) -> None:
    progress = Progress(0.42, "downloading", 42_000_000, 100_000_000, 2_000_000.0, 29.0, "bytes")
    text = lines(client, replace(job, state=State.RUNNING, started_at=job.submitted_at, attempts=1, progress=progress))
    assert "running, attempt 1 of 3" in text
    assert "downloading, 42%, 42.0 MB of 100 MB, 2.0M/s, 29s left" in text


def test_a_failed_job_tells_what_helps(client: Client, job: Job) -> None:
    failure = Failure(ErrorClass.NETWORK, "no route\x1b[2J", "http://other", "line one\nline \x07two")
    text = lines(client, replace(job, state=State.FAILED, failure=failure))
    assert "error:     network: no route\\x1b[2J (trying again can help)" in text
    assert "input:     http://other" in text
    assert "    | line one\n    | line \\x07two" in text
    assert "again:     spool retry 1" in text
    gone = replace(job, state=State.FAILED, failure=Failure(ErrorClass.GONE, "404"))
    assert "trying again does not help" in lines(client, gone)


def test_items_are_counted(client: Client, job: Job) -> None:
    text = lines(client, replace(job, items=ItemCounts(total=10, done=7, cached=2)))
    assert "items:     10 in all, 7 done, 2 cached" in text


def _found(text: str) -> list[str]:
    after = text[text.index("  found:") :].splitlines()
    return [line[13:] for line in after[: next(n for n, line in enumerate(after) if line.startswith("  option:"))]]


def test_one_input_is_told_with_all_its_facts(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    made = client.submit("hash", {"inputs": ["/a"]})
    ended = [ItemOutcome("/a", Outcome.DONE, detail={"algorithm": "blake3", "digest": "af13", "size": 2_000_000})]
    monkeypatch.setattr(Client, "items", lambda self, job_id, **more: ended)
    text = lines(client, replace(made, state=State.SUCCEEDED, items=ItemCounts(total=1, done=1)))
    assert _found(text) == ["algorithm      blake3", "digest         af13", "size           2.0 MB"]


def test_of_many_inputs_the_first_are_told_in_a_line(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    made = client.submit("hash", {"inputs": ["/in"]})
    broken = ItemOutcome("/in/a", Outcome.FAILED, failure=Failure(ErrorClass.BAD_INPUT, "a is empty"))
    ended = [broken, *(ItemOutcome(f"/in/{n:02}", Outcome.DONE, detail={"digest": f"d{n}"}) for n in range(30))]
    monkeypatch.setattr(
        Client,
        "items",
        lambda self, job_id, *, outcome=None, limit: [i for i in ended if not outcome or i.failure][:limit],
    )
    text = lines(client, replace(made, state=State.FAILED, items=ItemCounts(total=31, done=30, failed=1)))
    assert "failed:    /in/a: bad_input: a is empty" in text
    told = _found(text.replace("  error:", "  option:"))
    assert told[:2] == ["00: digest d0", "01: digest d1"] and len(told) == 21
    assert f"and 10 more; `spool show {made.id} --items` prints all facts of each, as JSON" in text


def test_a_job_without_items_tells_its_own_facts(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    made = client.submit("duplicates", {"inputs": ["/in"]})
    facts = {"match": "exact", "files": 9, "bytes": 2000, "groups": 1, "duplicates": 2, "reclaimable_bytes": 1000}
    monkeypatch.setattr(Client, "result", lambda self, job_id: facts)
    text = lines(client, replace(made, state=State.SUCCEEDED, outputs=("/r.json",)))
    assert "output:    /r.json" in text
    assert _found(text)[1:] == [
        "found          1 group with 2 files more than needed",
        "to gain        1.0 kB; nothing was deleted",
    ]


def test_a_job_that_needed_less_is_not_told_as_half_done(client: Client, job: Job) -> None:
    progress = Progress(1.0, "reading in full", 145_000_000, 344_000_000, None, None, "bytes")
    assert "progress:  reading in full, 100%\n" in lines(client, replace(job, state=State.SUCCEEDED, progress=progress))
    whole = replace(progress, done=344_000_000)
    assert "100%, 344 MB of 344 MB" in lines(client, replace(job, state=State.SUCCEEDED, progress=whole))
