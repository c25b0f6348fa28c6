"""A job in words: facts, reasons, errors, and the command that repeats it."""

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console import about
from console.format import Spans
from tests.support.fake_client import NOW_MS, make_job
from workers.errors import ErrorClass, Failure
from workers.jobs import ItemCounts, JobEvent, Progress, State, Waiting


def text(lines: list[Spans]) -> str:
    return "\n".join("".join(part for part, _role in line) for line in lines)


def test_command_is_quoted_and_short() -> None:
    params = {
        "inputs": ["/media/My Film's.mov", "/b"],
        "preset": "web",
        "height": 720,
        "reencode": False,
        "tags": ["a b"],
    }
    command = about.command("transcode", params, {"preset": "web", "reencode": True, "tags": []})
    assert shlex.split(command) == [
        "spool", "transcode", "--height", "720", "--no-reencode", "--tags", "a b", "/media/My Film's.mov", "/b",
    ]  # fmt: skip
    assert shlex.split(about.command("x", {"inputs": ["-rf"], "none": None})) == ["spool", "x", "--", "-rf"]


@given(st.lists(st.text(alphabet=st.characters(codec="utf-8"), min_size=1), min_size=1, max_size=3))
def test_inputs_come_back_from_the_command(inputs: list[str]) -> None:
    words = shlex.split(about.command("x", {"inputs": inputs}))
    assert [word for word in words[2:] if word != "--" or "--" in inputs][-len(inputs) :] == inputs


def test_summary_of_a_failed_job_tells_everything() -> None:
    failure = Failure(
        ErrorClass.AUTH, "this video needs a login", "https://a.example/1", "line one\nERROR: login [/b] \x1b[2J"
    )
    job = make_job(7, State.FAILED, failure=failure, attempts=2)
    lines = text(about.summary(job, (), {}, 80, NOW_MS))
    for part in (
        "auth",
        "a login or permission is missing",
        "no, not with the same",
        "this video needs a login",
        "https://a.example/1",
        "line one",
        "ERROR: login [/b]",
        "spool transcode",
        "by ada",
        "2 of 3",
    ):
        assert part in lines
    assert "\x1b" not in lines


def test_a_job_that_has_ended_is_not_held_any_more() -> None:
    job = replace(make_job(1, State.CANCELLED), hold=True, pause_until=NOW_MS + 60_000)
    lines = text(about.summary(job, (), {}, 80, NOW_MS))
    assert "cancelled" in lines and "held" not in lines and "until" not in lines
    waits = replace(make_job(1, State.QUEUED), hold=True)
    assert "queued, held" in text(about.summary(waits, (), {}, 80, NOW_MS))


def test_every_error_class_has_words() -> None:
    for error_class in ErrorClass:
        job = make_job(1, State.FAILED, failure=Failure(error_class, "why"))
        assert error_class.value in text(about.error_card(job, {}, 80))


def test_every_reason_to_wait_with_what_lifts_it() -> None:
    waiting = (
        Waiting("site", "2 downloads from a.example run", "one of them ends"),
        Waiting("hold", "held", "unhold 1"),
    )
    lines = text(about.why_lines(make_job(1), waiting, 80))
    assert (
        "2 downloads from a.example run" in lines
        and "lifted by: one of them ends" in lines
        and "by: unhold 1, or H" in lines
    )
    assert about.why_lines(make_job(1, State.RUNNING), waiting, 80) == []


def test_the_key_of_a_hold_is_named_where_it_is_the_hold_of_the_job_that_is_shown() -> None:
    mine = Waiting("hold", "it is on hold", "spool unhold 2")
    assert about.lifted_by(mine) == "spool unhold 2, or H"
    other = Waiting("dependency", "waits for job 1 (queued); job 1: it is on hold", "for job 1: spool unhold 1")
    assert about.lifted_by(other) == "for job 1: spool unhold 1"
    assert "(spool unhold 2, or H)" in "".join(part for part, _ in about.doing(make_job(2), (mine,), NOW_MS))
    assert " or H" not in "".join(part for part, _ in about.doing(make_job(2), (other,), NOW_MS))


def test_a_paused_job_says_why_it_stands_still() -> None:
    detail = "ann paused the batch films and this job with it until 2099-01-02T03:04:05.000Z, 9s from now"
    waiting = (Waiting("paused", detail, "spool batch resume films lets all of it go on"),)
    lines = text(about.why_lines(make_job(1, State.PAUSED), waiting, 160))
    assert "Why it stands still" in lines and "until 2099-01-02 03:04, 9s" in lines
    assert "lifted by: spool batch resume films" in lines


def test_doing_says_whether_again_helps() -> None:
    assert "R tries again" in text([about.doing(make_job(1, State.FAILED), (), NOW_MS)])
    gone = make_job(1, State.FAILED, failure=Failure(ErrorClass.GONE, "404"))
    assert "will not help" in text([about.doing(gone, (), NOW_MS)])
    assert "out/clip-000001.mp4" in text([about.doing(make_job(1, State.SUCCEEDED), (), NOW_MS)])


@pytest.mark.parametrize(
    ("progress", "words"),
    [
        (
            Progress(0.5, "video", 50_000_000, 100_000_000, 2e6, 25.0, "bytes"),
            "  video, 50.0 MB of 100 MB, 2.0M/s, 25s left",
        ),
        (Progress(0.5, "encoding", 30_000, 60_000, 2400.0, 12.0, "ms"), "  encoding, 30s of 1m00s, 2.4x, 12s left"),
        (Progress(0.5, "", 12, 24, None, None, "items"), "  12 of 24"),
        (Progress(), ""),
    ],
)
def test_progress_words(progress: Progress, words: str) -> None:
    assert about.progress_words(make_job(1, State.RUNNING, progress=progress)) == words


def test_items_and_paused() -> None:
    job = make_job(1, State.PAUSED, items=ItemCounts(10, 4, 1, 0, 2), progress=Progress(rate=5.0, unit="items"))
    assert about.progress_words(job) == "  10 items: 4 done, 1 failed, 2 cached"
    assert "paused, started" in text([about.facts(job, NOW_MS)])
    timed = replace(job, pause_until=NOW_MS + 1_750_000)
    assert "paused until 14:42 (29m10s), started" in text([about.facts(timed, NOW_MS)])
    assert "paused until 14:42" in text(about.summary(timed, (), {}, 80, NOW_MS))


def test_event_line_is_clean() -> None:
    event = JobEvent(1, 1, 7, NOW_MS, "retried", "running", "queued", "wor\x1bker", "it [failed]\n")
    line = text([about.event_line(event, NOW_MS, with_job=True)])
    assert "running -> queued" in line and "it [failed]" in line and "\x1b" not in line and "\n" not in line


def test_long_values_are_broken_and_long_lists_are_counted() -> None:
    job = replace(make_job(1), params={"inputs": [f"/media/{number:04}" for number in range(60)], "note": "x" * 300})
    lines = about.summary(job, (), {}, 60, NOW_MS)
    assert "and 10 more" in text(lines)
    assert max(len("".join(part for part, _ in line)) for line in lines) <= 60


def test_refusals_are_gathered() -> None:
    words = about.failures_in_words([(1, "it is running"), (2, "it is running"), (3, "it has ended")])
    assert words == "1, 2: it is running; 3: it has ended"


def test_long_moves_do_not_run_into_what_they_changed() -> None:
    event = JobEvent(1, 1, 1, 0, "resume asked", "paused", "paused", "ann", "")
    assert "resume asked paused" in "".join(text for text, _role in about.event_line(event, 0, with_job=True))
