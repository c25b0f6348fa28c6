"""A job as a line: columns by width, what must be painted again, notes in place of bars."""

from __future__ import annotations

from dataclasses import replace

import pytest

from console.format import width_of
from console.rows import changed_edge, header, layout_for, note_of, role_of, row
from tests.support.fake_client import NOW_MS, make_job
from workers.errors import ErrorClass, Failure
from workers.jobs import ItemCounts, Job, Pause, Priority, Progress, Scope, State, Wish

WIDTHS = [58, 60, 79, 80, 99, 100, 120, 156, 200, 300]


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("width", WIDTHS)
def test_every_line_fits_every_width(width: int, wide: bool) -> None:
    layout = layout_for(width, 6, wide=wide)
    assert width_of(header(layout)) <= width
    for state in State:
        for title in ("short.mov", "映画" * 80, "x" * 400):
            for marked in (False, True):
                line = row(make_job(123_456, state, title=title, site="a.example"), layout, NOW_MS, marked=marked)
                assert width_of(line.spans) <= width
                assert line.edges[-1] == width_of(list(line.live))
                assert line.edges[-1] == 2 + 1 + layout.zone or not make_job(1, state).live


def test_columns_join_as_the_width_grows() -> None:
    names = [[name for name, _ in layout_for(width).extras] for width in (60, 80, 100, 120, 200)]
    assert names[0] == [] and names[1] == ["age"] and names[3] == ["operation", "queue", "age"]
    assert layout_for(60).speed == 0
    assert set(names[-1]) > set(names[3])


def running(**changes: object) -> Job:
    progress = Progress(0.5, "encoding", 30, 60, 2400.0, 12.0, "ms")
    return make_job(7, State.RUNNING, progress=replace(progress, **changes))  # type: ignore[arg-type]


def test_only_cells_up_to_the_last_change_are_painted() -> None:
    layout = layout_for(200)
    before = row(running(), layout, NOW_MS)
    assert changed_edge(before, row(running(), layout, NOW_MS), 200) == 0
    percent = changed_edge(before, row(running(fraction=0.501), layout, NOW_MS), 200)
    bars = changed_edge(before, row(running(fraction=0.9), layout, NOW_MS), 200)
    eta = changed_edge(before, row(running(eta_s=5.0), layout, NOW_MS), 200)
    assert 0 < percent < bars < eta < 60
    assert changed_edge(before, row(replace(running(), title="other"), layout, NOW_MS), 200) == 200
    assert changed_edge(None, before, 200) == 200
    assert changed_edge(before, row(make_job(7, State.SUCCEEDED), layout, NOW_MS), 200) == 200


@pytest.mark.parametrize(
    ("job", "note"),
    [
        (make_job(1), "waiting"),
        (make_job(1, hold=True), "held"),
        (make_job(1, hold=True, pause_until=NOW_MS + 3_600_000), "held until 15:13 (1h00m)"),
        (make_job(1, priority=Priority.URGENT), "urgent, waiting"),
        (make_job(1, after=(4, 5)), "after 4 +1"),
        (make_job(1, run_after=NOW_MS + 3_600_000), "starts in 1h00m"),
        (make_job(1, run_after=NOW_MS - 1), "waiting"),
        (
            make_job(1, run_after=NOW_MS + 35_000, failures=1, failure=Failure(ErrorClass.THROTTLED, "slow down")),
            "throttled, again in 35s",
        ),
        (make_job(1, State.SUCCEEDED), "took 1m15s"),
        (make_job(1, State.SUCCEEDED, items=ItemCounts(12, 10, 2)), "12 items, took 1m15s (2 failed)"),
        (make_job(1, State.FAILED, attempts=3), "network, 3 tries"),
        (make_job(1, State.CANCELLED), "cancelled"),
        (make_job(1, State.SKIPPED), "skipped"),
    ],
)
def test_notes(job: Job, note: str) -> None:
    assert note_of(job, NOW_MS) == note


def test_wishes_and_items_show_on_live_jobs() -> None:
    layout = layout_for(100)
    texts = [
        "".join(text for text, _ in row(job, layout, NOW_MS).spans)
        for job in (
            replace(running(), wish=Wish.CANCEL),
            make_job(7, State.RUNNING, progress=Progress(), items=ItemCounts(10, 4, 1)),
            make_job(7, State.RUNNING, progress=Progress(phase="probing")),
            make_job(7, State.PAUSED, progress=Progress(0.3)),
        )
    ]
    assert "ending" in texts[0] and " 50.0 " in texts[1] and "probing" in texts[2] and "paused" in texts[3]


@pytest.mark.parametrize("width", [58, 80, 200])
def test_timed_pauses_count_down(width: int) -> None:
    layout = layout_for(width)

    def shown(job: Job) -> str:
        line = row(job, layout, NOW_MS)
        assert line.edges[-1] == width_of(list(line.live)) == 2 + 1 + layout.zone
        return "".join(text for text, _ in line.live)

    paused = make_job(7, State.PAUSED, progress=Progress(0.3), pause_until=NOW_MS + 1_750_000)
    assert shown(paused).endswith(" 29m10s")
    assert shown(replace(paused, pause_until=None)).rstrip().endswith("paused")
    held = shown(make_job(1, hold=True, pause_until=NOW_MS + 3_600_000))
    assert "held until 15:13" in held and "…" not in held
    softly = replace(running(), wish=Wish.HOLD, pause_until=NOW_MS + 1_750_000)
    assert " holds " in shown(softly) + " " and "29m10s" not in shown(softly)


def test_pauses_of_many_show_on_each() -> None:
    layout = layout_for(80)
    video = Pause(Scope.QUEUE, "video", 0, NOW_MS + 1_750_000, "ada")
    batch = Pause(Scope.BATCH, "b", 0, None, "ada")
    waits = make_job(1, batch="b")
    assert note_of(waits, NOW_MS, [video]) == "queue paused until 14:42 (29m10s)"
    assert note_of(waits, NOW_MS, [video, batch]) == "batch paused"  # the one that lasts longest
    assert note_of(replace(waits, queue="images"), NOW_MS, [video]) == "waiting"
    assert note_of(replace(waits, hold=True), NOW_MS, [video]) == "held"
    paused = make_job(2, State.PAUSED, progress=Progress(0.3))
    assert "".join(text for text, _ in row(paused, layout, NOW_MS, pauses=[video]).live).endswith("paused 29m10s")


@pytest.mark.parametrize("width", [58, 100, 200])
def test_without_a_worker_nothing_looks_alive(width: int) -> None:
    layout = layout_for(width)
    for job in (running(), replace(running(), wish=Wish.CANCEL), running(fraction=None)):
        line = row(job, layout, NOW_MS, rate_now=2400.0, worker=False)
        text = "".join(text for text, _ in line.live)
        assert text.endswith(" no worker") and "12s" not in text and "2.4x" not in text and "ending" not in text
        assert line.edges[-1] == width_of(list(line.live)) == 2 + 1 + layout.zone
    paused = make_job(7, State.PAUSED, progress=Progress(0.3))
    assert row(paused, layout, NOW_MS, worker=False) == row(paused, layout, NOW_MS)


def test_ascii_rows_are_ascii() -> None:
    layout = layout_for(120, ascii_only=True)
    for state in State:
        line = row(make_job(3, state, title="映画 café" * 20), layout, NOW_MS, marked=True)
        assert "".join(text for text, _ in line.spans).isascii()


def test_every_state_has_a_letter_and_a_role_of_its_own() -> None:
    assert len({state.letter for state in State}) == len(State) == len({role_of(state) for state in State})
