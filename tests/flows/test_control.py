"""What people can do with jobs while a real worker runs them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.support.home import Home, cpu_s, gone, opened, state_letter, wait_for
from tests.support.shifted import ShiftedClock
from workers.errors import ErrorClass
from workers.jobs import Priority, Scope, State


@pytest.fixture(scope="module")
def busy_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """As elsewhere, but nothing is found by a sweep: what starts was rung for."""
    with opened(tmp_path_factory.mktemp("shared") / "home") as home:
        home.start({"daemon": {"SWEEP_S": 3600.0}})
        yield home


def _unwished(home: Home, job_id: int) -> bool:
    return not home.job(job_id).wish


def _group_pids(home: Home, job_id: int) -> tuple[int, int]:
    """The runner of a `group` job and its child."""
    child = int(wait_for(lambda: home.job(job_id).progress.phase, what="the pid of the child"))
    return home.runner_pid(job_id), child


def test_pause_stops_the_whole_group_and_resume_goes_on(busy_home: Home) -> None:
    home = busy_home
    job_id = home.submit("group", {"seconds": 60})
    pids = _group_pids(home, job_id)
    asked = time.monotonic()
    assert home.client.pause([job_id])[0].ok
    wait_for(lambda: all(state_letter(pid) == "T" for pid in pids), what="a stopped group")
    used = [cpu_s(pid) for pid in pids]
    assert time.monotonic() - asked < 1.0
    home.wait_state(job_id, State.PAUSED)
    time.sleep(0.3)  # a time in which a running group would use 0.3 s of each core
    assert [cpu_s(pid) for pid in pids] == used
    assert home.client.resume([job_id])[0].ok
    home.wait_state(job_id, State.RUNNING)
    wait_for(lambda: all(cpu_s(pid) > before for pid, before in zip(pids, used, strict=True)), what="work goes on")
    home.client.cancel([job_id])
    assert home.wait_final(job_id).state is State.CANCELLED
    wait_for(lambda: all(gone(pid) for pid in pids), what="the group is gone")
    assert [m for m in home.moves(job_id) if m in ("paused", "resumed", "cancelled")] == [
        "paused",
        "resumed",
        "cancelled",
    ]


def test_cancel_of_a_running_job_ends_all_of_it(busy_home: Home) -> None:
    home = busy_home
    job_id = home.submit("group", {"seconds": 60})
    pids = _group_pids(home, job_id)
    started = time.monotonic()
    home.client.cancel([job_id], by="anna")
    job = home.wait_final(job_id)
    assert job.state is State.CANCELLED
    assert time.monotonic() - started < 0.3 * 2 + 1.0
    wait_for(lambda: all(gone(pid) for pid in pids), what="the group is gone")
    last = home.client.events(job_id=job_id)[-1]
    assert (last.move, last.by) == ("cancelled", "anna")
    home.assert_clean()


def test_cancel_of_a_job_that_ignores_signals_and_left_a_child(busy_home: Home) -> None:
    home = busy_home
    job_id = home.submit("hang", {"grandchild": True})
    child = int(wait_for(lambda: home.job(job_id).progress.phase))
    runner = home.runner_pid(job_id)
    started = time.monotonic()
    home.client.cancel([job_id])
    assert home.wait_final(job_id).state is State.CANCELLED
    assert time.monotonic() - started < 0.3 * 2 + 1.5
    wait_for(lambda: gone(runner) and gone(child), what="nothing is left")
    assert home.client.retry([job_id])[0].ok  # only a person brings it back
    home.wait_running(job_id)
    home.client.cancel([job_id])
    assert home.wait_final(job_id).state is State.CANCELLED


def test_cancel_of_a_paused_job(busy_home: Home) -> None:
    home = busy_home
    job_id = home.submit("sleep", {"seconds": 60})
    home.wait_running(job_id)
    home.client.pause([job_id])
    home.wait_state(job_id, State.PAUSED)
    runner = home.runner_pid(job_id)
    home.client.cancel([job_id])
    assert home.wait_final(job_id).state is State.CANCELLED
    wait_for(lambda: gone(runner))
    assert home.client.resume([job_id])[0].ok is False


def test_cancel_of_a_waiting_job_is_at_once(busy_home: Home) -> None:
    home = busy_home
    job_id = home.submit("noop", hold=True)
    home.client.cancel([job_id])
    assert home.job(job_id).state is State.CANCELLED
    home.client.unhold([job_id])
    assert home.moves(job_id) == ["submitted", "cancelled"]


def test_cancel_at_every_moment_stays_cancelled(busy_home: Home, tmp_path: Path) -> None:
    """However a cancel meets the start or the end of a job, it ends once, and cancelled or done before."""
    home = busy_home
    ids = []
    for number in range(30):
        job_id = home.submit("touch", {"folder": str(tmp_path), "seconds": 0.03})
        time.sleep(number * 0.002)  # sweeps over the claim, the spawn, the work and the end
        home.client.cancel([job_id])
        ids.append(job_id)
    for job_id in ids:
        job = home.wait_final(job_id)
        assert job.state in (State.CANCELLED, State.SUCCEEDED)
        assert [m for m in home.moves(job_id) if m in ("cancelled", "succeeded", "failed", "retried")] == [
            job.state.value
        ]
    assert State.CANCELLED in {home.job(job_id).state for job_id in ids}
    home.assert_clean()


def test_cancel_of_a_job_that_fails_at_the_same_time_is_not_tried_again(busy_home: Home) -> None:
    home = busy_home
    for number in range(10):
        job_id = home.submit("fail", {"error_class": ErrorClass.NETWORK.value})
        home.wait_state(job_id, State.RUNNING, State.QUEUED)
        time.sleep(number * 0.002)
        home.client.cancel([job_id])
        assert home.wait_final(job_id).state is State.CANCELLED


def test_killed_while_paused_comes_back_on_hold(busy_home: Home) -> None:
    home = busy_home
    job_id = home.submit("sleep", {"seconds": 60})
    home.wait_running(job_id)
    home.client.pause([job_id])
    home.wait_state(job_id, State.PAUSED)
    os.kill(home.runner_pid(job_id), 9)
    job = home.wait_state(job_id, State.QUEUED)
    assert job.hold and job.failures == 1
    assert job.failure is not None and job.failure.error_class is ErrorClass.CRASHED
    home.client.cancel([job_id])


def test_pause_and_resume_before_it_was_heard_leaves_it_running(busy_home: Home) -> None:
    home = busy_home
    job_id = home.submit("sleep", {"seconds": 60})
    home.wait_running(job_id)
    for _ in range(20):
        home.client.pause([job_id])
        home.client.resume([job_id])
    wait_for(lambda: home.job(job_id).state is State.RUNNING and not home.job(job_id).wish, what="it runs")
    runner = home.runner_pid(job_id)
    wait_for(lambda: state_letter(runner) not in ("T", ""), what="its process goes on")
    before = home.job(job_id).progress.fraction
    wait_for(lambda: home.job(job_id).progress.fraction != before, what="its progress goes on")
    home.client.cancel([job_id])
    assert home.wait_final(job_id).state is State.CANCELLED


def test_a_queue_that_is_resumed_before_its_pause_was_heard_goes_on(busy_home: Home) -> None:
    home = busy_home
    job_id = home.submit("sleep", {"seconds": 60})
    home.wait_running(job_id)
    for _ in range(10):
        home.client.pause_queue("default", soft=False)
        home.client.resume_queue("default")
    wait_for(lambda: home.job(job_id).state is State.RUNNING and not home.job(job_id).wish, what="it runs")
    runner = home.runner_pid(job_id)
    wait_for(lambda: state_letter(runner) not in ("T", ""), what="its process goes on")
    before = home.job(job_id).progress.fraction
    wait_for(lambda: home.job(job_id).progress.fraction != before, what="its progress goes on")
    home.client.cancel([job_id])
    assert home.wait_final(job_id).state is State.CANCELLED


def test_a_job_goes_on_when_neither_its_queue_nor_its_batch_is_paused_any_more(busy_home: Home) -> None:
    home = busy_home
    job_id = home.submit("sleep", {"seconds": 60}, batch="two pauses")
    home.wait_running(job_id)
    home.client.pause_queue("default", soft=False)
    home.wait_state(job_id, State.PAUSED)
    home.client.pause_scope(Scope.BATCH, "two pauses", soft=False)
    home.client.resume_queue("default")
    runner = home.runner_pid(job_id)
    home.wait_final(home.submit("noop"))  # the worker has looked since
    assert home.job(job_id).state is State.PAUSED and state_letter(runner) == "T"
    home.client.resume_scope(Scope.BATCH, "two pauses")
    home.wait_state(job_id, State.RUNNING)
    home.client.cancel([job_id])
    assert home.wait_final(job_id).state is State.CANCELLED


def test_a_running_job_rests_while_it_is_in_a_batch_that_is_paused(busy_home: Home) -> None:
    home = busy_home
    job_id = home.submit("sleep", {"seconds": 60})
    home.wait_running(job_id)
    home.client.pause_scope(Scope.BATCH, "rests", soft=False)
    home.client.assign_batch([job_id], "rests")
    home.wait_state(job_id, State.PAUSED)
    assert state_letter(home.runner_pid(job_id)) == "T"
    home.client.assign_batch([job_id], None)
    home.wait_state(job_id, State.RUNNING)
    home.client.cancel([job_id])
    assert home.wait_final(job_id).state is State.CANCELLED


def test_pause_at_the_very_end_loses_nothing(busy_home: Home) -> None:
    """A job that ends as it is paused ends when it is resumed, whatever was in the pipe."""
    home = busy_home
    for number in range(12):
        job_id = home.submit("sleep", {"seconds": 0.03})
        home.wait_state(job_id, State.RUNNING, State.SUCCEEDED)
        time.sleep(number * 0.004)
        home.client.pause([job_id])
        wait_for(partial(_unwished, home, job_id), what="the wish is heard")
        if home.job(job_id).state is State.QUEUED:
            home.client.unhold([job_id])
        home.client.resume([job_id])
        assert home.wait_final(job_id).state is State.SUCCEEDED


def test_hold_and_unhold(busy_home: Home) -> None:
    home = busy_home
    job_id = home.submit("noop", hold=True)
    assert [reason.reason for reason in home.client.why(job_id)] == ["hold"]
    home.client.unhold([job_id])
    assert home.wait_final(job_id).state is State.SUCCEEDED


def test_dependencies_run_in_order_over_queues_at_once(busy_home: Home, tmp_path: Path) -> None:
    home = busy_home
    first = home.submit("touch", {"folder": str(tmp_path), "seconds": 0.2})
    second = home.submit("touch-images", {"folder": str(tmp_path)}, after=[first])
    third = home.submit("touch-metadata", {"folder": str(tmp_path)}, after=[first, second])
    assert [reason.reason for reason in home.client.why(third)] == ["dependency"]
    home.wait_final(third)
    ran = sorted((int(path.name.split("-")[1]), int(path.name.split("-")[0])) for path in tmp_path.iterdir())
    assert [job_id for _, job_id in ran] == [first, second, third]


def test_what_depended_on_a_failure_is_skipped(busy_home: Home) -> None:
    home = busy_home
    first = home.submit("fail", {"error_class": "gone"}, hold=True)
    second = home.submit("noop", after=[first])
    third = home.submit("noop", after=[second])
    home.client.unhold([first])
    assert home.wait_final(first).state is State.FAILED
    assert [home.wait_final(job_id).state for job_id in (second, third)] == [State.SKIPPED, State.SKIPPED]


def test_at_starts_on_time(busy_home: Home, tmp_path: Path) -> None:
    home = busy_home
    due = time.time() + 1.5
    job_id = home.submit("late", {"note": str(tmp_path / "note")}, run_after=int(due * 1000))
    assert [reason.reason for reason in home.client.why(job_id)] == ["schedule"]
    job = home.wait_final(job_id)
    assert job.started_at is not None
    assert 0 <= job.started_at / 1000 - due < 1.6  # Huey looks at its timetable once a second


def test_retry_is_picked_up_on_time(busy_home: Home) -> None:
    home = busy_home
    job_id = home.submit("fail", {"error_class": "stalled"})
    waiting = home.wait_failure(job_id)
    assert waiting.run_after is not None
    assert [reason.reason for reason in home.client.why(job_id)] == ["retry"]
    wait_for(lambda: home.job(job_id).attempts == 2, what="a second attempt")
    claims = [event.at for event in home.client.events(job_id=job_id) if event.move == "claimed"]
    assert len(claims) == 2 and 0 <= claims[1] - waiting.run_after < 1600
    assert home.job(job_id).started_at == pytest.approx(claims[0], abs=50)  # it began when it first began
    home.client.cancel([job_id])


def test_retry_now_does_not_wait(busy_home: Home) -> None:
    home = busy_home
    job_id = home.submit("fail", {"error_class": "throttled"})
    wait_for(lambda: home.job(job_id).failures == 1, what="a first failure")
    assert home.client.retry([job_id])[0].ok
    wait_for(lambda: home.job(job_id).failures == 2, what="a second one at once")
    home.client.cancel([job_id])


def test_site_limit(busy_home: Home) -> None:
    home = busy_home
    home.client.set_slots("downloads", 6)
    try:
        ids = [home.submit("site", {"seconds": 0.4}) for _ in range(5)]
        other = home.submit("site", {"seconds": 0.1, "site": "other.example"})
        seen = 0
        while not all(home.job(job_id).final for job_id in ids):
            running = sum(home.job(job_id).state is State.RUNNING for job_id in ids)
            seen = max(seen, running)
            waiting = [job_id for job_id in ids if home.job(job_id).state is State.QUEUED]
            if running == 2 and waiting and home.job(waiting[-1]).state is State.QUEUED:
                assert [why.reason for why in home.client.why(waiting[-1])] in (["site"], [])
            time.sleep(0.01)
        assert seen == 2
        assert home.wait_final(other).started_at is not None
        last = home.job(ids[-1]).started_at
        assert last is not None and (home.job(other).started_at or 0) < last  # it did not queue behind the full site
    finally:
        home.client.set_slots("downloads", 2)


def test_priority_and_order(busy_home: Home, tmp_path: Path) -> None:
    home = busy_home
    home.client.pause_queue("video")
    low = home.submit("touch-video", {"folder": str(tmp_path)}, priority=Priority.LOW)
    first = home.submit("touch-video", {"folder": str(tmp_path)})
    second = home.submit("touch-video", {"folder": str(tmp_path)})
    urgent = home.submit("touch-video", {"folder": str(tmp_path)}, priority=Priority.URGENT)
    third = home.submit("touch-video", {"folder": str(tmp_path)})
    home.client.move_first([third])
    home.client.set_priority([low], Priority.HIGH)
    assert home.client.why(first)[0].reason == "paused"
    home.client.resume_queue("video")
    for job_id in (low, first, second, urgent, third):
        home.wait_final(job_id)
    ran = sorted((int(path.name.split("-")[1]), int(path.name.split("-")[0])) for path in tmp_path.iterdir())
    assert [job_id for _, job_id in ran] == [urgent, low, third, first, second]


def test_slots_up_and_down_live(busy_home: Home) -> None:
    home = busy_home

    def running() -> int:
        return sum(home.job(job_id).state is State.RUNNING for job_id in ids)

    home.client.set_slots("metadata", 1)
    wait_for(lambda: home.client.queues()[3].slots == 1)
    folder = home.out / "slots"
    folder.mkdir()
    ids = [home.submit("touch-metadata", {"folder": str(folder), "seconds": 0.5}) for _ in range(9)]
    wait_for(lambda: running() == 1)
    home.client.set_slots("metadata", 4)
    wait_for(lambda: running() == 4, what="four at once")
    home.client.set_slots("metadata", 1)
    wait_for(lambda: running() == 1, what="one at once again")
    while not all(home.job(job_id).final for job_id in ids):
        assert running() <= 1
        time.sleep(0.01)
    home.client.set_slots("metadata", 0)
    wait_for(lambda: "metadata has 0 slots now" in home.log(), what="the worker has heard of it")
    stuck = home.submit("touch-metadata", {"folder": str(folder)})
    wait_for(lambda: [why.reason for why in home.client.why(stuck)] == ["slot"])
    beside = home.submit("noop")  # another queue goes on, so the worker has had its chance
    assert home.wait_final(beside).state is State.SUCCEEDED
    assert home.job(stuck).state is State.QUEUED
    home.client.set_slots("metadata", 2)
    assert home.wait_final(stuck).state is State.SUCCEEDED


def test_queue_paused_softly_lets_run_what_runs(busy_home: Home, tmp_path: Path) -> None:
    home = busy_home
    runs = home.submit("touch-images", {"folder": str(tmp_path), "seconds": 0.5})
    home.wait_running(runs)
    home.client.pause_queue("images", by="anna")
    waits = home.submit("touch-images", {"folder": str(tmp_path)})
    assert home.wait_final(runs).state is State.SUCCEEDED
    assert home.job(waits).state is State.QUEUED
    assert "anna" in home.client.why(waits)[0].detail
    home.client.resume_queue("images")
    assert home.wait_final(waits).state is State.SUCCEEDED


def test_queue_paused_hard_stops_what_runs_and_ends_in_time(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ShiftedClock(home.root / "clock")
    clock.install(monkeypatch.setattr)
    home.start({"clock": str(home.root / "clock"), "daemon": {"SWEEP_S": 0.2}})
    runs = home.submit("touch-images", {"folder": str(tmp_path), "seconds": 1.0})
    home.wait_running(runs)
    until = int((time.time() + 3600) * 1000)
    home.client.pause_queue("images", until=until, soft=False)
    home.wait_state(runs, State.PAUSED)
    waits = home.submit("touch-images", {"folder": str(tmp_path)})
    beside = home.submit("noop")  # another queue goes on, so the worker has had its chance
    assert home.wait_final(beside).state is State.SUCCEEDED
    assert home.job(waits).state is State.QUEUED and home.job(runs).state is State.PAUSED
    clock.sleep(3_600_000)
    job = home.wait_final(waits)
    assert job.started_at is not None and until <= job.started_at
    assert home.wait_final(runs).state is State.SUCCEEDED
    assert not next(queue for queue in home.client.queues() if queue.name == "images").paused


def test_several_queues_at_once(busy_home: Home, tmp_path: Path) -> None:
    home = busy_home
    names = ("touch", "touch-video", "touch-images", "touch-metadata", "touch-downloads")
    ids = [home.submit(name, {"folder": str(tmp_path), "seconds": 60}) for name in names]
    wait_for(lambda: all(home.job(job_id).state is State.RUNNING for job_id in ids), what="all five at once")
    home.client.cancel(ids)
    assert all(home.wait_final(job_id).state is State.CANCELLED for job_id in ids)


def test_edit_of_a_waiting_job(busy_home: Home, tmp_path: Path) -> None:
    home = busy_home
    job_id = home.submit("touch", {"folder": str(tmp_path / "missing")}, hold=True)
    assert home.client.edit(job_id, {"folder": str(tmp_path)}).ok
    home.client.unhold([job_id])
    assert home.wait_final(job_id).state is State.SUCCEEDED
    assert len(list(tmp_path.iterdir())) == 1
