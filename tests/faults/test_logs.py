"""Tools that flood their logs, and a worker's log that is moved away while it works."""

from __future__ import annotations

import contextlib

import pytest

from tests.support.home import CONFIG, Home, wait_for
from workers.jobs import State
from workers.logs import old_part


def _kept(home: Home, job_id: int) -> int:
    path, size = home.settings.paths.job_log(job_id), 0
    for part in (path, old_part(path)):
        with contextlib.suppress(FileNotFoundError):  # a new part begins just now
            size += part.stat().st_size
    return size


@pytest.mark.fault("T24", "two tools flood their logs with 40 MB each")
def test_a_flood_fills_no_disk_and_stops_nobody(home: Home) -> None:
    """Two tools print 40 MB each as fast as they can; a third job runs, and a reader follows over every turn."""
    (home.root / "config.toml").write_text(CONFIG + "log_mib = 0.5\n")
    home.start()
    floods = [home.submit("flood", {"megabytes": 40, "word": word}) for word in ("x" * 79, "y" * 79)]
    others: list[int] = []
    offset, lines, gone = 0, 0, 0
    while not home.job(floods[0]).final:
        for job_id in floods:
            assert _kept(home, job_id) <= (1 << 19) + 256
        if not others or home.job(others[-1]).final:
            others.append(home.submit("noop"))
        text, offset = home.client.log(floods[0], offset)
        for line in text.splitlines():
            if line.startswith("--- ") and line.endswith("no longer kept"):
                gone += int(line.split()[1].replace(",", ""))
            else:
                lines += 1
                assert set(line) == {"x"} or "the flood" in line or line.startswith("---"), line
    assert len(others) > 1 and home.job(others[0]).state is State.SUCCEEDED
    for job_id in floods:
        assert home.wait_final(job_id, 60).state is State.SUCCEEDED
        text, end = home.client.log(job_id, -200)
        flood, last = text.splitlines()[-2:]
        assert flood == ("x" if job_id == floods[0] else "y") * 79 and last.endswith(" after the flood")
        assert end > 40_000_000 and (1 << 18) < _kept(home, job_id) <= (1 << 19) + 256
    assert lines > 0 and gone > 0
    home.client.remove(floods)
    assert not any(home.settings.paths.job_logs.glob(f"{floods[0]}.log*"))


@pytest.mark.fault("52", "the worker's log is moved away")
def test_the_workers_log_may_be_moved(home: Home) -> None:
    home.start()
    path = home.settings.paths.worker_log
    moved = path.with_name("moved")
    wait_for(lambda: "takes jobs" in path.read_text())
    path.rename(moved)
    home.client.set_slots("video", 2)
    wait_for(path.exists)
    wait_for(lambda: "video has 2 slots" in path.read_text())
    assert "takes jobs" in moved.read_text() and "slots" not in moved.read_text()
