"""Jobs of many items, in a real runner."""

from __future__ import annotations

import itertools
import os
import signal
from pathlib import Path

import pytest

from tests.workers.runner.conftest import NO_LIMITS, Begin, grant, until
from workers.errors import ErrorClass
from workers.jobs import Outcome
from workers.runner.limits import Limits
from workers.runner.wire import (
    Down,
    Failed,
    Finished,
    Granted,
    Known,
    Offered,
    Progressed,
    Publishing,
    Staging,
    Total,
    Up,
    Yield,
    Yielded,
)


def test_each_item_has_its_outcome_and_the_job_succeeds_if_any_did(begin: Begin) -> None:
    talk = begin("items", {"inputs": ["ok1", "bad1", "net1", "bug1", "exit1", "ok2"]})
    assert talk.finish() == Finished((), {"items": 6, "done": 2, "failed": 4})
    assert talk.all(Total) == [Total(6)]
    outcomes = {record.key: record for record in talk.records()}
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
    assert [record.key for record in talk.records()] == ["ok2"]
    assert talk.all(Total) == [Total(3)]


def test_an_input_named_twice_is_done_once(begin: Begin) -> None:
    talk = begin("items", {"inputs": ["ok1", "ok1"]})
    assert talk.finish() == Finished((), {"items": 1, "done": 1, "failed": 0})


def test_when_all_items_fail_the_job_fails_as_most_of_them_did(begin: Begin) -> None:
    said = begin("items", {"inputs": ["bad1", "net1", "net2"], "processes": 1}).finish()
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


def test_patterns_are_named_where_nothing_fits_them(begin: Begin) -> None:
    said = begin("items", {"only": ["*.flac", "*.mp3"], "skip": ["live"]}).finish()
    assert isinstance(said, Failed)
    words = "nothing to do: no input found in items by --only '*.flac' --only '*.mp3' --skip 'live'"
    assert said.failure.message == words


def test_a_full_disk_ends_the_job_and_fails_no_item(begin: Begin) -> None:
    talk = begin("items", {"inputs": ["ok1", "full", "ok2"], "processes": 1})
    said = talk.finish()
    assert isinstance(said, Failed)
    assert said.failure.error_class is ErrorClass.DISK
    assert said.failure.input == "full"
    assert [record.key for record in talk.records()] == ["ok1"]


def test_progress_counts_items(begin: Begin) -> None:
    talk = begin("items", {"count": 30, "seconds": 0.01}, finished=("ok000000",))
    talk.finish()
    last = talk.all(Progressed)[-1].progress
    assert (last.done, last.total, last.fraction, last.unit) == (30, 30, 1.0, "items")
    told = [message.progress for message in talk.all(Progressed)]
    assert all(before.done <= after.done for before, after in itertools.pairwise(told))  # type: ignore[operator]
    assert any(progress.phase.startswith("ok0000") for progress in told)  # the item at work


@pytest.mark.parametrize("processes", [1, 3])
def test_an_item_that_kills_its_process_fails_alone(begin: Begin, processes: int) -> None:
    inputs = [f"ok{number}" for number in range(20)]
    inputs[7:7] = ["kill1"]
    talk = begin("items", {"inputs": inputs, "processes": processes})
    assert talk.finish() == Finished((), {"items": 21, "done": 20, "failed": 1})
    records = talk.records()
    assert sorted(record.key for record in records) == sorted(inputs)
    failure = next(record.failure for record in records if record.key == "kill1")
    assert failure is not None and failure.error_class is ErrorClass.CRASHED
    assert "SIGKILL" in failure.message and failure.input == "kill1"


def test_an_item_that_hangs_fails_alone(begin: Begin) -> None:
    given = {"inputs": ["ok1", "hang1", "ok2", "ok3"], "processes": 2, "item_attempts": 1}
    talk = begin("items", given, settings={"stall_s": 0.6})
    assert talk.finish() == Finished((), {"items": 4, "done": 3, "failed": 1})
    (failure,) = [record.failure for record in talk.records() if record.failure is not None]
    assert failure.error_class is ErrorClass.STALLED and failure.input == "hang1"


def test_an_item_that_eats_the_memory_of_the_job_fails_alone(begin: Begin) -> None:
    given = {"inputs": ["ok1", "eat1", "ok2", "ok3"], "mib": 200, "item_attempts": 1}
    talk = begin("items", given, limits=NO_LIMITS, memory_bytes=100 << 20)
    assert talk.finish() == Finished((), {"items": 4, "done": 3, "failed": 1})
    (failure,) = [record.failure for record in talk.records() if record.failure is not None]
    assert failure.error_class is ErrorClass.CRASHED and "out of memory" in failure.message


def test_memory_that_could_be_shared_counts_too(begin: Begin) -> None:
    """The kernel's limit leaves it alone, so that only the look at what processes hold finds it."""
    given = {"inputs": ["ok1", "share1", "ok2"], "mib": 200, "item_attempts": 1}
    talk = begin("items", given, limits=Limits(memory_bytes=100 << 20), memory_bytes=100 << 20)
    assert talk.finish() == Finished((), {"items": 3, "done": 2, "failed": 1})
    (failure,) = [record.failure for record in talk.records() if record.failure is not None]
    assert "out of memory: this item took" in failure.message and failure.input == "share1"


def test_no_item_fails_for_the_memory_of_others(begin: Begin) -> None:
    given = {"inputs": [f"eat{number}" for number in range(4)], "mib": 45, "processes": 4, "item_attempts": 1}
    talk = begin("items", given, limits=NO_LIMITS, memory_bytes=120 << 20)
    assert talk.finish() == Finished((), {"items": 4, "done": 4, "failed": 0})


def test_an_item_whose_trouble_may_pass_has_as_many_attempts_as_asked(begin: Begin, log_path: Path) -> None:
    talk = begin("items", {"inputs": ["flaky2", "flaky4", "ok"], "item_attempts": 3})
    assert talk.finish() == Finished((), {"items": 3, "done": 2, "failed": 1})
    outcomes = {record.key: record.outcome for record in talk.records()}
    assert outcomes == {"flaky2": Outcome.DONE, "flaky4": Outcome.FAILED, "ok": Outcome.DONE}


def test_asked_to_make_room_it_ends_what_is_in_hand_and_begins_no_more(begin: Begin) -> None:
    talk = begin("items", {"count": 1000, "seconds": 0.02})
    talk.until_true(lambda: len(talk.records()) >= 3, "some outcomes")
    talk.runner.send(Yield())
    assert talk.finish() == Yielded()
    done = [record.key for record in talk.records()]
    assert 3 <= len(done) < 1000 and len(done) == len(set(done))
    rest = begin("items", {"count": 1000, "seconds": 0}, finished=done)
    assert rest.finish() == Finished((), {"items": 1000, "done": 1000, "failed": 0})
    assert not {record.key for record in rest.records()} & set(done)


def test_asked_to_make_room_and_to_go_on_before_it_has_it_goes_on(begin: Begin) -> None:
    talk = begin("items", {"count": 100, "seconds": 0.02})
    talk.until_true(lambda: len(talk.records()) >= 3, "some outcomes")
    talk.runner.signal_group(signal.SIGSTOP)
    for wanted in (True, False):
        talk.runner.send(Yield(wanted))
    talk.runner.signal_group(signal.SIGCONT)
    assert talk.finish() == Finished((), {"items": 100, "done": 100, "failed": 0})


def test_room_that_is_asked_for_when_all_is_in_hand_is_no_room(begin: Begin, tmp_path: Path) -> None:
    asked: list[Publishing] = []

    def answer(message: Up) -> Down | None:
        if isinstance(message, Publishing):
            asked.append(message)
            return None
        return grant(message)

    talk = begin("items", {"count": 2, "processes": 2, "folder": str(tmp_path / "out")}, answer=answer)
    talk.until_true(lambda: len(asked) == 2, "both in hand")
    talk.runner.send(Yield())
    for question in asked:
        talk.runner.send(Granted(question.path))
    assert talk.finish() == Finished((), {"items": 2, "done": 2, "failed": 0})


def test_items_in_the_making_elsewhere_are_asked_about_again(begin: Begin) -> None:
    asked: list[tuple[str, ...]] = []

    def answer(message: Up) -> Down | None:
        if not isinstance(message, Offered):
            return grant(message)
        asked.append(message.keys)
        again = len([keys for keys in asked if "ok2" in keys]) < 3
        return Known(message.number, elsewhere=(message.keys.index("ok2"),) if again and "ok2" in message.keys else ())

    talk = begin("items", {"inputs": ["ok1", "ok2", "ok3"]}, resumed=True, answer=answer)
    assert talk.finish() == Finished((), {"items": 3, "done": 3, "failed": 0})
    assert asked == [("ok1", "ok2", "ok3"), ("ok2",), ("ok2",)]
    assert talk.records()[-1].key == "ok2"


def test_items_share_one_recorded_staging_folder_and_leave_nothing(begin: Begin, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    talk = begin("items", {"inputs": ["ok1", "ok2", "bad1", "ok3"], "folder": str(folder)})
    assert isinstance(talk.finish(), Finished)
    assert len(talk.all(Staging)) <= 2  # one for each process
    assert sorted(message.item for message in talk.all(Publishing)) == ["ok1", "ok2", "ok3"]
    assert sorted(os.listdir(folder)) == ["ok1.txt", "ok2.txt", "ok3.txt"]


def test_nothing_is_published_twice_beside_processes_that_die(begin: Begin, tmp_path: Path) -> None:
    inputs = [f"ok{number:03}" for number in range(120)]
    for place in (100, 70, 40):
        inputs.insert(place, f"kill{place}")
    talk = begin("items", {"inputs": inputs, "processes": 1, "folder": str(tmp_path / "out")})
    assert talk.finish() == Finished((), {"items": 123, "done": 120, "failed": 3})
    assert sorted(os.listdir(tmp_path / "out")) == [f"ok{number:03}.txt" for number in range(120)]


def test_what_an_item_has_published_is_known_to_its_next_attempt(begin: Begin, tmp_path: Path) -> None:
    given = {"inputs": ["ok1", "after1", "again1", "ok2"], "item_attempts": 2, "folder": str(tmp_path / "out")}
    talk = begin("items", given)
    assert talk.finish() == Finished((), {"items": 4, "done": 4, "failed": 0})
    assert sorted(os.listdir(tmp_path / "out")) == ["after1.txt", "again1.txt", "ok1.txt", "ok2.txt"]


def test_what_has_ended_when_the_job_is_cancelled_is_told(begin: Begin, tmp_path: Path) -> None:
    before, after = ([f"ok{number:04}" for number in numbers] for numbers in (range(100), range(100, 500)))
    talk = begin("items", {"inputs": [*before, "hang1", *after], "processes": 1})
    talk.until_true((tmp_path / "work" / "hang1").exists, "an item that hangs")
    talk.runner.signal_group(signal.SIGINT)
    talk.finish()
    assert [record.key for record in talk.records()] == before


def test_ten_thousand_items_survive_kills_none_lost_none_double(begin: Begin) -> None:
    seen: list[str] = []
    for kill_at in (2_000, 5_000, None):
        talk = begin("items", {"count": 10_000}, finished=tuple(seen))
        while not talk.runner.ended:
            talk.hear()
            if kill_at is not None and len(seen) + len(talk.records()) >= kill_at:
                talk.runner.signal_group(signal.SIGKILL)
                kill_at = None
        seen += [record.key for record in talk.records()]
        until(lambda talk=talk: talk.runner.exited, "the end")  # type: ignore[misc]
    assert len(seen) == len(set(seen)) == 10_000


def test_what_came_into_a_folder_since_its_first_attempt_is_not_its_work(begin: Begin, tmp_path: Path) -> None:
    folder = tmp_path / "films"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / name).write_text(name)
    params = {"inputs": [str(folder)]}
    assert begin("hash", params).finish() == Finished((), {"items": 2, "done": 2, "failed": 0})
    (folder / "c").write_text("made by another job meanwhile")
    again = begin("hash", params, finished=(str(folder / "a"),))
    assert again.finish() == Finished((), {"items": 2, "done": 2, "failed": 0})
    assert [record.key for record in again.records()] == [str(folder / "b")]
    edited = begin("hash", {**params, "skip": ["a"]})
    assert edited.finish() == Finished((), {"items": 2, "done": 2, "failed": 0})
