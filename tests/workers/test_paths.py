from __future__ import annotations

import os
from pathlib import Path

from workers.config import load_settings


def test_a_long_home_has_a_short_socket(tmp_path: Path) -> None:
    short = load_settings({"SPOOL_HOME": "/tmp/h"}).paths.wake_socket
    assert short == Path("/tmp/h/run/wake")
    homes = [tmp_path / ("x" * 120) / name for name in "ab"]
    sockets = [load_settings({"SPOOL_HOME": str(home)}).paths.wake_socket for home in homes]
    assert sockets[0] != sockets[1] and all(len(os.fsencode(path)) <= 100 for path in sockets)


def test_what_belongs_to_a_job_bears_its_number(tmp_path: Path) -> None:
    paths = load_settings({"SPOOL_HOME": str(tmp_path)}).paths
    assert paths.job_log(7) == tmp_path / "state" / "logs" / "jobs" / "7.log"
    assert paths.job_work(7) == tmp_path / "state" / "work" / "7"
    assert paths.database.parent == paths.backups.parent == paths.rings.parent == paths.lock.parent == paths.state
