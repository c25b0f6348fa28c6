from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.support.fake_client import make_job
from workers.errors import ErrorClass, Failure
from workers.jobs import ItemCounts, State
from workers.notices.words import Happening, notice_of
from workers.text import clean, clean_lines

FAILED = make_job(
    12,
    State.FAILED,
    operation="transcode",
    title="film.mkv",
    failure=Failure(ErrorClass.DISK, "no room"),
    batch="trip",
    outputs=(),
)
DONE = make_job(7, State.SUCCEEDED, operation="hash", title="photos", outputs=("/out/a b", "/out/c"))


def test_one_failed_job() -> None:
    notice = notice_of([Happening(9, "failed", 12, "no room")], {12: FAILED}, "vm")
    assert notice.title == "Spool: job 12 failed: film.mkv"
    assert notice.kind == "failure"
    assert notice.body.splitlines() == [
        "transcode: film.mkv",
        "no room",
        "`spool show 12` and `spool log 12` tell more, `spool retry 12` tries again",
        "on vm",
    ]
    assert notice.variables == {
        "SPOOL_EVENT": "failed",
        "SPOOL_HOST": "vm",
        "SPOOL_MESSAGE": "no room",
        "SPOOL_BATCH": "trip",
        "SPOOL_JOB_ID": "12",
        "SPOOL_JOB_IDS": "12",
        "SPOOL_STATE": "failed",
        "SPOOL_OPERATION": "transcode",
        "SPOOL_QUEUE": FAILED.queue,
        "SPOOL_TITLE": "film.mkv",
        "SPOOL_OUTPUTS": "",
        "SPOOL_ERROR_CLASS": "disk",
        "SPOOL_ERROR_MESSAGE": "no room",
    }


def test_one_job_that_is_done_tells_what_it_made_and_what_failed_in_it() -> None:
    job = make_job(7, State.SUCCEEDED, title="photos", items=ItemCounts(total=1000, done=996, failed=4))
    notice = notice_of([Happening(9, "done", 7)], {7: job}, "vm")
    assert "4 of its 1,000 inputs failed" in notice.body
    notice = notice_of([Happening(9, "done", 7)], {7: DONE}, "vm")
    assert notice.body.splitlines() == ["hash: photos", "/out/a b and 1 more", "on vm"]
    assert notice.variables["SPOOL_OUTPUTS"] == "/out/a b\n/out/c" and notice.kind == "success"
    assert "SPOOL_ERROR_CLASS" not in notice.variables


def test_a_job_that_was_removed_since_is_told_all_the_same() -> None:
    notice = notice_of([Happening(9, "failed", 12, "no room")], {}, "vm")
    assert notice.title == "Spool: job 12 failed: removed since" and "no room" in notice.body


def test_alerts_and_batches() -> None:
    titles = [
        notice_of([Happening(9, event, text="why", batch=batch)], {}, "vm").title
        for event, batch in (("batch_done", "trip"), ("disk_low", ""), ("worker_restarted", ""), ("test", ""))
    ]
    assert titles == [
        "Spool: batch trip ended",
        "Spool: the disk is nearly full",
        "Spool: the worker began again after a crash",
        "Spool: this is a test",
    ]


def test_many_are_a_summary() -> None:
    many = [Happening(n, "done", n) for n in range(1, 38)] + [
        Happening(50 + n, "failed", 12, "no room") for n in (0, 1)
    ]
    notice = notice_of([*many, Happening(99, "batch_done", text="37 succeeded", batch="trip")], {12: FAILED}, "vm")
    assert notice.title == "Spool: 37 jobs done, 2 failed, batch trip ended: 37 succeeded"
    assert notice.body.splitlines() == [
        "batch trip ended: 37 succeeded",
        "job 12 failed: film.mkv: no room",
        "job 12 failed: film.mkv: no room",
        "on vm",
    ]
    told = notice.variables
    assert (told["SPOOL_EVENT"], told["SPOOL_DONE"], told["SPOOL_FAILED"]) == ("summary", "37", "2")
    assert told["SPOOL_JOB_IDS"].split()[:3] == ["1", "2", "3"] and len(told["SPOOL_JOB_IDS"].split()) == 39
    one = notice_of([Happening(1, "done", 1), Happening(2, "disk_low", text="1 GB")], {}, "vm")
    assert one.title == "Spool: 1 job done, the disk is nearly full: 1 GB" and one.kind == "warning"
    failed = notice_of([Happening(n, "failed", n, "no room") for n in range(1, 25)], {}, "vm")
    assert failed.title == "Spool: 24 jobs failed"
    assert "and 14 more; `spool jobs state:failed` lists them" in failed.body


@given(st.text(), st.text(), st.lists(st.text(), max_size=4), st.sampled_from(["done", "failed"]))
def test_nothing_of_a_stranger_breaks_a_line_or_a_variable(
    title: str, why: str, outputs: list[str], event: str
) -> None:
    job = make_job(
        7, State.FAILED, title=title, outputs=tuple(outputs), failure=Failure(ErrorClass.TOOL, why), batch=why
    )
    happening = Happening(1, event, 7, why)
    for notice in (notice_of([happening], {7: job}, "vm"), notice_of([happening] * 5, {7: job}, "vm")):
        assert len(notice.title) < 400 and clean(notice.title) == notice.title
        assert clean_lines(notice.body) == notice.body
        for name, value in notice.variables.items():
            assert name.startswith("SPOOL_") and "\0" not in value and "\x1b" not in value
            assert name == "SPOOL_OUTPUTS" or "\n" not in value
            value.encode()


def test_variables_fit_into_an_environment() -> None:
    job = make_job(7, State.SUCCEEDED, outputs=tuple(f"/out/{'x' * 200}/{n}" for n in range(5000)))
    told = notice_of([Happening(1, "done", 7)], {7: job}, "vm").variables
    assert 30_000 < len(told["SPOOL_OUTPUTS"]) <= 32_768
    assert told["SPOOL_OUTPUTS"].split("\n")[-1].startswith("/out/x"), "whole paths only"
