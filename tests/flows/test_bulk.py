"""Jobs of many items, through a real worker."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

from PIL import Image

from tests.support.home import CONFIG, Home, cpu_s, gone, wait_for
from workers.jobs import Job, State


def _photos(folder: Path, count: int) -> None:
    folder.mkdir()
    first = folder / "0000.jpg"
    Image.effect_noise((64, 48), 40).convert("RGB").save(first)
    for number in range(1, count):
        (folder / f"{number:04}.jpg").write_bytes(first.read_bytes())


def _probe(home: Home, folder: Path, **more: object) -> Job:
    return home.wait_final(home.submit("probe", {"inputs": [str(folder)], **more}), 60)


def test_a_second_pass_over_unchanged_files_comes_from_the_cache(busy_home: Home, tmp_path: Path) -> None:
    home = busy_home
    _photos(tmp_path / "photos", 40)
    first = _probe(home, tmp_path / "photos")
    assert (first.items.done, first.items.cached) == (40, 0)
    again = _probe(home, tmp_path / "photos")
    assert (again.items.done, again.items.cached) == (0, 40)
    assert [item.detail for item in home.client.items(first.id)] == [
        item.detail for item in home.client.items(again.id)
    ]
    changed = tmp_path / "photos" / "0007.jpg"
    Image.new("RGB", (20, 10)).save(changed)
    third = _probe(home, tmp_path / "photos")
    assert (third.items.done, third.items.cached) == (1, 39)
    deeper = _probe(home, tmp_path / "photos", depth="decoded")
    assert deeper.items.cached == 0
    os.utime(changed, ns=(1, 1))
    assert _probe(home, tmp_path / "photos", cache="off").items.done == 40
    moved = _probe(home, tmp_path / "photos")
    assert (moved.items.done, moved.items.cached) == (1, 39)


def test_by_content_a_touched_file_is_known(busy_home: Home, tmp_path: Path) -> None:
    home = busy_home
    _photos(tmp_path / "photos", 3)
    assert _probe(home, tmp_path / "photos", cache="content").items.done == 3
    os.utime(tmp_path / "photos" / "0001.jpg", ns=(1, 1))
    assert _probe(home, tmp_path / "photos", cache="content").items.cached == 3


def test_a_single_file_is_kept_too(busy_home: Home, tmp_path: Path) -> None:
    home = busy_home
    _photos(tmp_path / "photos", 1)
    assert _probe(home, tmp_path / "photos").items.done == 1
    assert _probe(home, tmp_path / "photos").items.cached == 1


def test_two_jobs_that_want_the_same_have_it_made_once(busy_home: Home, tmp_path: Path) -> None:
    home = busy_home
    _photos(tmp_path / "photos", 60)
    jobs = [home.submit("probe", {"inputs": [str(tmp_path / "photos")], "depth": "decoded"}) for _ in range(2)]
    ended = [home.wait_final(job, 60) for job in jobs]
    assert sum(job.items.done for job in ended) == 60
    assert sum(job.items.cached for job in ended) == 60


def test_two_jobs_that_want_the_same_files_have_each_made_once(busy_home: Home, tmp_path: Path) -> None:
    home = busy_home
    (tmp_path / "photos").mkdir()
    for number in range(12):
        Image.effect_noise((500, 400), 60).convert("RGB").save(tmp_path / "photos" / f"{number}.jpg")
    given = {"inputs": [str(tmp_path / "photos")], "format": "webp", "processes": 2}
    jobs = [home.submit("convert-image", {**given, "output": str(tmp_path / name)}) for name in "ab"]
    ended = [home.wait_final(job, 60) for job in jobs]
    assert (sum(job.items.done for job in ended), sum(job.items.cached for job in ended)) == (12, 12)
    assert all(len(list((tmp_path / name).iterdir())) == 12 for name in "ab")


def test_what_a_paused_job_was_making_others_make(busy_home: Home, tmp_path: Path) -> None:
    home = busy_home
    _photos(tmp_path / "photos", 60)
    given = {"inputs": [str(tmp_path / "photos")], "seconds": 0.05, "processes": 2}
    paused = home.submit("files", given)
    wait_for(lambda: home.job(paused).items.done > 0, what="work")
    home.client.pause([paused])
    home.wait_state(paused, State.PAUSED)
    job = home.wait_final(home.submit("files", given))
    assert job.state is State.SUCCEEDED and job.items.done > 0
    home.client.resume([paused])
    first = home.wait_final(paused)
    assert first.items.done + first.items.cached == job.items.done + job.items.cached == 60


def test_a_small_job_beside_big_ones_ends_first(busy_home: Home) -> None:
    home = busy_home
    slots = next(queue.slots for queue in home.client.queues() if queue.name == "default")
    big = [home.submit("items", {"count": 3000, "seconds": 0.01}) for _ in range(slots)]
    for job in big:
        wait_for(lambda job=job: home.job(job).items.done > 0, what="the big jobs at work")  # type: ignore[misc]
    small = home.wait_final(home.submit("items", {"count": 3}), 60)
    assert small.state is State.SUCCEEDED
    assert not any(home.job(job).final for job in big)
    moves = [event for job in big for event in home.client.events(job_id=job) if event.move == "released"]
    assert moves and "room" in moves[0].reason
    made_room = home.job(moves[0].job_id)
    assert made_room.failures == 0
    home.client.cancel(big)
    for job in big:
        home.wait_final(job)


def test_what_made_room_goes_on_where_it_was(home: Home) -> None:
    home.start({"daemon": {"SHARE_S": 0.1}, "modules": {"workers.floor": {"QUANTUM_S": 0.4}}})
    slots = next(queue.slots for queue in home.client.queues() if queue.name == "default")
    big = [home.submit("items", {"count": 100, "seconds": 0.02}) for _ in range(slots + 1)]
    ended = [home.wait_final(job, 90) for job in big]
    assert all((job.state, job.items.done) == (State.SUCCEEDED, 100) for job in ended)
    assert any("released" in home.moves(job) for job in big)


def test_turns_do_not_fill_the_history(home: Home) -> None:
    (home.root / "config.toml").write_text(CONFIG.replace("default = 4", "default = 1"))
    home.start({"daemon": {"SHARE_S": 0.05}, "modules": {"workers.floor": {"QUANTUM_S": 0.1}}})
    big = [home.submit("items", {"count": 5000, "seconds": 0.02, "processes": 1}) for _ in range(2)]
    leases = "SELECT min(lease) FROM job"  # one more with each claim and each release
    wait_for(lambda: home.sql(leases)[0][0] >= 6, 60, what="three turns of each")
    told = ["submitted", "claimed", "released", "claimed"]
    assert [home.moves(job) for job in big] == [told, told]
    home.client.cancel(big)
    assert [home.wait_final(job).state for job in big] == [State.CANCELLED] * 2


def test_a_big_job_is_not_starved_by_small_ones_that_never_end(home: Home) -> None:
    (home.root / "config.toml").write_text(CONFIG.replace("default = 4", "default = 1"))
    home.start({"modules": {"workers.floor": {"QUANTUM_S": 0.3}, "workers.turn": {"_NEWER_S": 0.6}}})
    big = home.submit("items", {"count": 100_000, "seconds": 0.01, "processes": 1})
    home.wait_running(big)
    small: list[int] = []

    def begun_again() -> bool:
        while home.client.count("state:queued") < 4:
            small.append(home.submit("sleep", {"seconds": 0.1}))
        return bool(
            home.sql("SELECT lease FROM job WHERE id = ?", big)[0][0] > 6
        )  # one for each claim and each release

    wait_for(begun_again, 60, what="three turns more")
    assert home.client.count("state:succeeded") >= 3  # and the small ones have theirs
    home.client.cancel([big, *small])
    home.wait_final(big)


def test_a_job_that_takes_longer_to_list_than_its_turn_is_done_all_the_same(home: Home) -> None:
    (home.root / "config.toml").write_text(CONFIG.replace("default = 4", "default = 1"))
    home.start({"daemon": {"SHARE_S": 0.1}, "modules": {"workers.floor": {"QUANTUM_S": 0.4}}})
    slow = home.submit("items", {"count": 30, "list_s": 0.02})
    other = home.submit("items", {"count": 2000, "seconds": 0.02, "processes": 1})
    job = home.wait_final(slow, 60)
    assert (job.state, job.items.done) == (State.SUCCEEDED, 30)
    assert not home.job(other).final
    home.client.cancel([other])
    home.wait_final(other)


def test_what_is_more_urgent_need_not_wait_for_its_turn(busy_home: Home) -> None:
    from workers.jobs import Priority

    home = busy_home
    slots = next(queue.slots for queue in home.client.queues() if queue.name == "default")
    big = [home.submit("items", {"count": 3000, "seconds": 0.01}) for _ in range(slots)]
    for job in big:
        home.wait_running(job)
    urgent = home.client.submit("items", {"inputs": ["ok1"]}, priority=Priority.URGENT)
    assert home.wait_final(urgent.id).state is State.SUCCEEDED
    home.client.cancel(big)
    for job in big:
        home.wait_final(job)


def test_pause_stops_every_process_and_cancel_ends_them(busy_home: Home) -> None:
    home = busy_home
    job_id = home.submit("items", {"count": 100_000, "seconds": 0.001, "processes": 3})
    wait_for(lambda: home.job(job_id).items.done > 50, what="work")
    runner = home.runner_pid(job_id)
    crew = [int(pid) for pid in Path(f"/proc/{runner}/task/{runner}/children").read_text().split()]
    assert len(crew) == 3
    home.client.pause([job_id])
    home.wait_state(job_id, State.PAUSED)
    before = [cpu_s(pid) for pid in (runner, *crew)]
    time.sleep(0.3)  # a time in which they would use some
    assert [cpu_s(pid) for pid in (runner, *crew)] == before
    home.client.resume([job_id])
    done = home.job(job_id).items.done
    wait_for(lambda: home.job(job_id).items.done > done, what="work goes on")
    asked = time.monotonic()
    home.client.cancel([job_id])
    assert home.wait_final(job_id).state is State.CANCELLED
    assert time.monotonic() - asked < 2.0  # the bar is one second; a busy machine is given two
    wait_for(lambda: all(gone(pid) for pid in (runner, *crew)), what="all processes gone")


def test_cancel_within_a_long_call_of_c_with_the_graces_of_every_home(home: Home) -> None:
    (home.root / "config.toml").write_text(CONFIG.replace("grace_seconds = 0.3", ""))
    home.start()
    for inputs in (["long1"], ["long2", "long3"]):
        job_id = home.submit("items", {"inputs": inputs, "processes": 2})
        work = home.settings.paths.job_work(job_id)
        wait_for(lambda: all((work / name).exists() for name in inputs), what="all of them at it")  # noqa: B023
        asked = time.monotonic()
        home.client.cancel([job_id])
        assert home.wait_final(job_id).state is State.CANCELLED
        assert time.monotonic() - asked < 2.0  # the bar is one second; a busy machine is given two


def test_after_the_death_of_the_runner_it_goes_on_from_the_last_outcomes(home: Home) -> None:
    home.start()
    job_id = home.submit("items", {"count": 600, "seconds": 0.002, "folder": str(home.out / "bulk")})
    wait_for(lambda: home.job(job_id).items.done > 100, what="some outcomes")
    os.kill(home.runner_pid(job_id), signal.SIGKILL)
    home.wait_failure(job_id)
    done = home.job(job_id).items.done
    assert done > 100
    home.client.retry([job_id])
    job = home.wait_final(job_id, 90)
    assert (job.state, job.items.done, job.items.failed) == (State.SUCCEEDED, 600, 0)
    assert len(list((home.out / "bulk").iterdir())) == 600  # none twice


def test_after_the_death_of_the_runner_it_has_the_inputs_that_it_found_first(busy_home: Home, tmp_path: Path) -> None:
    home, folder = busy_home, tmp_path / "sums"
    folder.mkdir()
    (folder / "small").write_text("small")
    with (folder / "large").open("wb") as file:
        file.truncate(1 << 40)  # all of it a hole: it takes hours to read, and no room
    job_id = home.submit("hash", {"inputs": [str(folder)], "processes": 2})
    wait_for(lambda: home.job(job_id).items.done == 1 and home.job(job_id).items.total == 2, what="the small file")
    (folder / "new").write_text("made by another job meanwhile")
    os.kill(home.runner_pid(job_id), signal.SIGKILL)
    home.wait_failure(job_id)
    os.truncate(folder / "large", 1)
    home.client.retry([job_id])
    job = home.wait_final(job_id, 40)
    assert (job.state, job.attempts, job.items.total) == (State.SUCCEEDED, 2, 2)
    assert sorted(Path(item.key).name for item in home.client.items(job_id)) == ["large", "small"]
    assert not home.settings.paths.job_work(job_id).exists()


def test_an_item_that_failed_is_done_again_after_a_failure_of_the_job_only(home: Home) -> None:
    import signal

    def tries() -> int:
        return home.settings.paths.job_log(job_id).read_text().count("ValueError: a bug with bug1")

    worker = home.start()
    inputs = ["bug1", *(f"ok{number}" for number in range(400))]
    job_id = home.submit("items", {"inputs": inputs, "seconds": 0.01, "processes": 2})
    for done in (30, 60):
        wait_for(lambda done=done: home.job(job_id).items.done > done, what="some outcomes")  # type: ignore[misc]
        worker.stop()
        home.sql("UPDATE job SET items_total = 0 WHERE id = ?", job_id)  # it is told late
        worker = home.start()
    wait_for(lambda: home.job(job_id).items.done > 90, what="some outcomes more")
    assert (home.job(job_id).items.failed, tries()) == (1, 1)
    os.kill(home.runner_pid(job_id), signal.SIGKILL)
    home.wait_failure(job_id)
    home.client.retry([job_id])
    job = home.wait_final(job_id, 60)
    assert (job.state, job.items.done, job.items.failed, tries()) == (State.SUCCEEDED, 400, 1, 2)


def test_what_was_cancelled_and_is_tried_again_publishes_nothing_twice(busy_home: Home) -> None:
    home, folder = busy_home, busy_home.out / "cancelled"
    job_id = home.submit("items", {"count": 600, "seconds": 0.003, "processes": 2, "folder": str(folder)})
    wait_for(lambda: home.job(job_id).items.done > 100, what="some outcomes")
    home.client.cancel([job_id])
    assert home.wait_final(job_id).state is State.CANCELLED
    home.client.retry([job_id])
    job = home.wait_final(job_id, 60)
    assert (job.state, job.items.done) == (State.SUCCEEDED, 600)
    assert sorted(path.name for path in folder.iterdir()) == [f"ok{number:06}.txt" for number in range(600)]


def test_what_failed_can_be_tried_as_a_new_job(busy_home: Home) -> None:
    home = busy_home
    job = home.wait_final(home.submit("items", {"inputs": ["ok1", "bad1", "ok2", "bad2"]}))
    (answer,) = home.client.retry_anew([job.id])
    assert answer.ok
    new = home.wait_final(int(answer.message.split()[1]))
    assert (new.params["inputs"], new.params["items"]) == (job.params["inputs"], ["bad1", "bad2"])
    assert (new.state, new.items.failed) == (State.FAILED, 2)
    assert home.job(job.id) == job
    fine = home.wait_final(home.submit("items", {"inputs": ["ok1", "ok2"]}))
    (refused,) = home.client.retry_anew([fine.id])
    assert not refused.ok and "none of its inputs failed" in refused.message
    (missing,) = home.client.retry_anew([99_999])
    assert not missing.ok


def test_what_failed_and_is_tried_as_a_new_job_goes_where_the_rest_went(busy_home: Home, tmp_path: Path) -> None:
    home, folder, out = busy_home, tmp_path / "photos", tmp_path / "out"
    for name in ("2020/a", "2021/b"):
        (folder / name).mkdir(parents=True)
        Image.new("RGB", (30, 20), "red").save(folder / name / "good.jpg")
        (folder / name / "bad.jpg").write_bytes(b"garbage")
    given = {"inputs": [str(folder)], "format": "png", "output": str(out)}
    job = home.wait_final(home.submit("convert-image", given))
    assert (job.items.done, job.items.failed) == (2, 2)
    for name in ("2020/a", "2021/b"):
        Image.new("RGB", (30, 20), "blue").save(folder / name / "bad.jpg")
    (answer,) = home.client.retry_anew([job.id])
    new = home.wait_final(int(answer.message.split()[1]))
    assert (new.state, new.items.total, new.items.done) == (State.SUCCEEDED, 2, 2)
    made = sorted(str(path.relative_to(out)) for path in out.rglob("*.png"))
    assert made == ["2020/a/bad.png", "2020/a/good.png", "2021/b/bad.png", "2021/b/good.png"]


def test_partial_results_can_be_read_while_it_works(busy_home: Home) -> None:
    home = busy_home
    job_id = home.submit("items", {"count": 5000, "seconds": 0.002})
    items = wait_for(lambda: home.client.items(job_id, limit=10), what="first outcomes")
    assert not home.job(job_id).final
    assert json.dumps(dict(items[0].detail))
    progress = wait_for(lambda: p if (p := home.job(job_id).progress).rate and p.eta_s else None, what="a speed")
    assert (
        progress is not None and progress.unit == "items" and progress.total == 5000 and progress.phase.startswith("ok")
    )
    home.client.cancel([job_id])
    home.wait_final(job_id)
