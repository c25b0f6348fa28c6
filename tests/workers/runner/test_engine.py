"""Jobs of many items, in a real runner."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.workers.runner.conftest import Begin, until
from workers.errors import ErrorClass
from workers.jobs import Outcome
from workers.runner.wire import Failed, Finished, ItemBegun, ItemEnded, Progressed, Publishing, Staging, Total


def test_each_item_has_its_outcome_and_the_job_succeeds_if_any_did(begin: Begin) -> None:
    talk = begin("items", {"inputs": ["ok1", "bad1", "net1", "bug1", "exit1", "ok2"]})
    assert talk.finish() == Finished((), {"items": 6, "done": 2, "failed": 4})
    assert talk.all(Total) == [Total(6)]
    outcomes = {message.item.key: message.item for message in talk.all(ItemEnded)}
    assert outcomes["ok1"].outcome is outcomes["ok2"].outcome is Outcome.DONE
    classes = {key: item.failure.error_class for key, item in outcomes.items() if item.failure is not None}
    assert classes == {
        "bad1": ErrorClass.BAD_INPUT,
        "net1": ErrorClass.NETWORK,
        "bug1": ErrorClass.TOOL,
        "exit1": ErrorClass.CRASHED,
    }
    failure = outcomes["bad1"].failure
    assert failure is not None and failure.input == "bad1"
    assert talk.runner.exit_status() == 0


def test_finished_items_are_not_done_again(begin: Begin) -> None:
    talk = begin("items", {"inputs": ["ok1", "ok2", "ok3"]}, finished=("ok1", "ok3", "gone"))
    assert talk.finish() == Finished((), {"items": 3, "done": 3, "failed": 0})
    assert [message.item.key for message in talk.all(ItemEnded)] == ["ok2"]
    assert talk.all(Total) == [Total(3)]


def test_an_input_named_twice_is_done_once(begin: Begin) -> None:
    talk = begin("items", {"inputs": ["ok1", "ok1"]})
    assert talk.finish() == Finished((), {"items": 1, "done": 1, "failed": 0})


def test_when_all_items_fail_the_job_fails_as_most_of_them_did(begin: Begin) -> None:
    said = begin("items", {"inputs": ["bad1", "net1", "net2"]}).finish()
    assert isinstance(said, Failed)
    assert said.failure.error_class is ErrorClass.NETWORK
    assert said.failure.message == "3 of 3 items failed: no way to net1"
    assert said.failure.input == "net1"
    assert said.failure.retry_after_s == 7


def test_a_job_with_one_item_fails_in_the_words_of_that(begin: Begin) -> None:
    said = begin("items", {"inputs": ["bad1"]}).finish()
    assert isinstance(said, Failed)
    assert said.failure.message == "bad1 is bad"


def test_failed_items_beside_finished_ones_do_not_fail_the_job(begin: Begin) -> None:
    said = begin("items", {"inputs": ["ok1", "bad1"]}, finished=("ok1",)).finish()
    assert said == Finished((), {"items": 2, "done": 1, "failed": 1})


def test_a_job_without_items_names_its_input(begin: Begin) -> None:
    said = begin("items").finish()
    assert isinstance(said, Failed)
    assert said.failure.error_class is ErrorClass.BAD_INPUT
    assert said.failure.message == "nothing to do: no input found in items"


def test_a_full_disk_ends_the_job_and_fails_no_item(begin: Begin) -> None:
    talk = begin("items", {"inputs": ["ok1", "full", "ok2"]})
    said = talk.finish()
    assert isinstance(said, Failed)
    assert said.failure.error_class is ErrorClass.DISK
    assert said.failure.input == "full"
    assert [message.item.key for message in talk.all(ItemEnded)] == ["ok1"]


def test_progress_counts_items(begin: Begin) -> None:
    talk = begin("items", {"count": 30, "seconds": 0.01}, finished=("ok000000",))
    talk.finish()
    last = talk.all(Progressed)[-1].progress
    assert (last.done, last.total, last.fraction, last.unit) == (30, 30, 1.0, "items")
    assert talk.all(Progressed)[0].progress.done == 2


def test_what_items_did_before_the_runner_was_killed_is_known(begin: Begin) -> None:
    talk = begin("items", {"inputs": ["ok1", "ok2", "kill", "ok3"]})
    assert talk.finish() == ItemBegun("kill")
    assert [message.item.key for message in talk.all(ItemEnded)] == ["ok1", "ok2"]
    assert talk.runner.exit_status() == -signal.SIGKILL


def test_items_share_one_recorded_staging_folder_and_leave_nothing(begin: Begin, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    talk = begin("items", {"inputs": ["ok1", "ok2", "bad1", "ok3"], "folder": str(folder)})
    assert isinstance(talk.finish(), Finished)
    assert len(talk.all(Staging)) == 1
    assert [message.item for message in talk.all(Publishing)] == ["ok1", "ok2", "ok3"]
    assert sorted(os.listdir(folder)) == ["ok1.txt", "ok2.txt", "ok3.txt"]


def test_ten_thousand_items_survive_kills_none_lost_none_double(begin: Begin) -> None:
    seen: list[str] = []
    for kill_at in (2_000, 5_000, None):
        talk = begin("items", {"count": 10_000}, finished=tuple(seen))
        while not talk.runner.ended:
            talk.hear()
            if kill_at is not None and len(seen) + len(talk.all(ItemEnded)) >= kill_at:
                talk.runner.signal_group(signal.SIGKILL)
                kill_at = None
        seen += [message.item.key for message in talk.all(ItemEnded)]
        until(lambda talk=talk: talk.runner.exited, "the end")  # type: ignore[misc]
    assert len(seen) == len(set(seen)) == 10_000
