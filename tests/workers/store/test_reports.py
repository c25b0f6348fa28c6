"""What runners report, and that nothing of it is lost or does harm."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.support.databases import running, situation
from workers.errors import ErrorClass, Failure
from workers.jobs import ItemRecord, Move, Outcome, Progress, Wish
from workers.store import claims, hosts, moves, pausing, questions, reports


def test_progress_of_many_jobs(db: Any) -> None:
    jobs = [running(db) for _ in range(3)]
    newest = {(job.id, job.lease): Progress(job.id / 10, "on", job.id, 10, 1.5, 2.5, "items") for job in jobs}
    reports.write_progress(db, newest)
    for job in jobs:
        assert questions.job_by_id(db, job.id).progress == newest[job.id, job.lease]
    revision = questions.revision(db)
    reports.write_progress(db, {})
    assert questions.revision(db) == revision


def test_figures_that_cannot_be_are_unknown(db: Any) -> None:
    job = running(db)
    wild = Progress(math.nan, "a\0\udc80", 2**70, -1, math.inf, -math.inf, "x\0")
    reports.write_progress(db, {(job.id, job.lease): wild})
    told = questions.job_by_id(db, job.id).progress
    assert told == Progress(None, "a\\x00\\udc80", None, None, None, None, "x\\x00")
    for given, kept in ((7.0, 1.0), (-3.0, 0.0), (1e-300, 1e-300)):
        reports.write_progress(db, {(job.id, job.lease): Progress(given)})
        assert questions.job_by_id(db, job.id).progress.fraction == kept


def test_items_come_back_as_they_were(db: Any) -> None:
    job = running(db)
    failure = Failure(ErrorClass.BAD_INPUT, "no\0pe", "", "line\nline \udc80")
    outcomes = [
        ItemRecord("/a/\udcff\0😀", Outcome.DONE, ("/out/\udcff 😀",), None, '{"a": [1, "\\udc80"]}'),
        ItemRecord("b", Outcome.FAILED, (), failure),
        ItemRecord("c" * 5000, Outcome.SKIPPED),
        ItemRecord("", Outcome.CACHED),
    ]
    assert reports.write_items(db, job.id, job.lease, outcomes)
    back = {item.key: item for item in questions.items(db, job.id)}
    first = back[outcomes[0].key]
    assert (first.outcome, first.outputs, first.detail) == (Outcome.DONE, outcomes[0].outputs, {"a": [1, "\udc80"]})
    stored = Failure(ErrorClass.BAD_INPUT, "no\\x00pe", "", "line\nline \\udc80")
    assert back["b"].failure == stored
    counts = questions.job_by_id(db, job.id).items
    assert (counts.done, counts.failed, counts.skipped, counts.cached) == (1, 1, 1, 1)
    keys = ["/a/\udcff\0😀", "b", "c" * 5000, "", "never"]
    told = {"/a/\udcff\0😀": Outcome.DONE, "b": Outcome.FAILED, "c" * 5000: Outcome.SKIPPED, "": Outcome.CACHED}
    assert reports.finished_of(db, job.id, keys) == told


def test_a_later_outcome_replaces_the_earlier(db: Any) -> None:
    job = running(db)
    for outcome in (Outcome.FAILED, Outcome.DONE, Outcome.DONE, Outcome.SKIPPED):
        reports.write_items(db, job.id, job.lease, [ItemRecord("a", Outcome.FAILED), ItemRecord("a", outcome)])
        counts = questions.job_by_id(db, job.id).items
        assert counts.done + counts.failed + counts.skipped + counts.cached == 1
        assert getattr(counts, outcome.value) == 1
    assert reports.write_items(db, job.id, job.lease, [])


def test_ten_thousand_outcomes_at_once(db: Any) -> None:
    """More than the parameters of one statement, as when everything is in the cache."""
    job = running(db)
    reports.set_items_total(db, job.id, job.lease, 10_000)
    outcomes = [ItemRecord(f"{number}", Outcome.CACHED) for number in range(10_000)]
    assert reports.write_items(db, job.id, job.lease, outcomes)
    counts = questions.job_by_id(db, job.id).items
    assert (counts.total, counts.cached) == (10_000, 10_000)
    keys = [str(number) for number in range(10_001)]
    assert len(reports.finished_of(db, job.id, keys)) == 10_000


@pytest.mark.parametrize("told", ["no JSON", "[1]", '{"a": "ü"}', "{}\0"])
def test_facts_that_are_no_object_cost_only_themselves(db: Any, told: str) -> None:
    job = running(db)
    assert reports.write_items(db, job.id, job.lease, [ItemRecord("a", Outcome.DONE, detail=told)])
    assert questions.items(db, job.id)[0].detail == {}


def test_totals_that_do_not_fit_are_bounded(db: Any) -> None:
    job = running(db)
    reports.set_items_total(db, job.id, job.lease, 2**60)
    assert questions.job_by_id(db, job.id).items.total == 2**31 - 1


def test_staging_and_publishing_are_recorded(db: Any) -> None:
    job = running(db)
    for folder in ("/a/.spool-1", "/b/\udcff/.spool-2"):
        assert reports.add_staging(db, job.id, job.lease, folder)
    assert reports.staging_folders(db, job.id) == ["/a/.spool-1", "/b/\udcff/.spool-2"]
    assert hosts.orphans(db)[0].staging == ("/a/.spool-1", "/b/\udcff/.spool-2")
    assert reports.staging_folders(db, 99) == []
    assert reports.add_staging(db, job.id, job.lease, "/c/.spool-3", ["/a/.spool-1", "/never"])
    assert reports.staging_folders(db, job.id) == ["/b/\udcff/.spool-2", "/c/.spool-3"]
    moves.move(db, Move.SUCCEEDED, job.id, by="worker")
    assert reports.staging_folders(db, job.id) == []
    assert not reports.add_staging(db, job.id, job.lease, "/late")


@pytest.mark.parametrize(("back", "again"), [(Move.RETRIED, True), (Move.RELEASED, False), (Move.RESCUED, False)])
def test_failed_items_are_done_again_only_where_the_job_failed(db: Any, back: Move, again: bool) -> None:
    job = running(db)
    reports.write_items(db, job.id, job.lease, [ItemRecord("a", Outcome.DONE), ItemRecord("b", Outcome.FAILED)])
    moves.move(db, Move.RETRIED, job.id, by="worker")
    if back is not Move.RETRIED:
        assert claims.claim(db, "default", 1, situation()) is not None
        moves.move(db, back, job.id, by="worker")
    found = claims.claim(db, "default", 1, situation())
    assert found is not None
    assert not reports.forget_failed(db, job.id, found.job.lease + 1)
    assert reports.forget_failed(db, job.id, found.job.lease) is again
    assert set(reports.finished_of(db, job.id, ["a", "b"])) == ({"a"} if again else {"a", "b"})
    counts = questions.job_by_id(db, job.id).items
    assert (counts.done, counts.failed) == (1, 0 if again else 1)


def test_what_was_published_for_an_item_is_forgotten_with_its_outcome(db: Any) -> None:
    job = running(db)
    for item in ("a", "b"):
        assert reports.add_published(db, job.id, job.lease, {"item": item, "path": f"/{item}"})
    reports.write_items(db, job.id, job.lease, [ItemRecord("a", Outcome.DONE, ("/a",))])
    moves.move(db, Move.RESCUED, job.id, by="worker")
    again = claims.claim(db, "default", 1, situation())
    assert again is not None and again.published == '[{"item":"b","path":"/b"}]'
    assert reports.item_outputs(db, job.id) == ["/a"]


def test_wishes_are_seen_and_cleared_under_the_lease(db: Any) -> None:
    job = running(db)
    pausing.pause(db, [job.id], "ann")
    assert reports.wish_of(db, job.id) == (Wish.PAUSE, "ann")
    (wished,) = hosts.wishes(db, 1)
    assert (wished.job_id, wished.lease, wished.wish, wished.by) == (job.id, job.lease, Wish.PAUSE, "ann")
    assert hosts.wishes(db, 2) == []
    reports.clear_wish(db, job.id, job.lease + 1, Wish.PAUSE)
    reports.clear_wish(db, job.id, job.lease, Wish.CANCEL)
    assert reports.wish_of(db, job.id)[0] is Wish.PAUSE
    reports.clear_wish(db, job.id, job.lease, Wish.PAUSE)
    assert hosts.wishes(db, 1) == [] and reports.wish_of(db, 99) == (Wish.NONE, "")
