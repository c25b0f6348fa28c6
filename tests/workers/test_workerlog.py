"""The worker's own log: bounded, reopened, not flooded."""

from __future__ import annotations

import logging
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from workers.workerlog import EqualLines, SafeFormatter, WorkerLogHandler


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    logger = logging.getLogger("test of the worker's log")
    logger.propagate = False
    logger.setLevel(logging.INFO)
    yield logger
    for handler in logger.handlers[:]:
        logger.removeHandler(handler)
        handler.close()


def _handler(path: Path, most_bytes: int) -> WorkerLogHandler:
    handler = WorkerLogHandler(path, most_bytes)
    handler.setFormatter(SafeFormatter("%(message)s"))
    return handler


def test_it_stays_bounded_and_keeps_the_newest(tmp_path: Path, logger: logging.Logger) -> None:
    path = tmp_path / "worker.log"
    logger.addHandler(_handler(path, 20_000))
    for number in range(3000):
        logger.info("line %d", number)
    parts = [tmp_path / "worker.log.1", path]
    assert sorted(tmp_path.iterdir()) == sorted(parts)
    assert sum(part.stat().st_size for part in parts) <= 20_200
    assert all(stat.S_IMODE(part.stat().st_mode) == 0o600 for part in parts)
    lines = "".join(part.read_text() for part in parts).splitlines()
    assert lines == [f"line {number}" for number in range(3000 - len(lines), 3000)] and len(lines) > 800


def test_a_moved_log_is_opened_anew_and_loses_nothing(tmp_path: Path, logger: logging.Logger) -> None:
    path = tmp_path / "worker.log"
    logger.addHandler(_handler(path, 1 << 20))
    logger.info("one")
    path.rename(tmp_path / "moved")
    logger.info("two")
    path.unlink()
    logger.info("three")
    assert (tmp_path / "moved").read_text() == "one\n" and path.read_text() == "three\n"


def test_what_the_process_prints_itself_goes_along(tmp_path: Path) -> None:
    path = tmp_path / "worker.log"
    script = (
        "import logging, os, sys; from pathlib import Path; from workers.workerlog import WorkerLogHandler\n"
        "handler = WorkerLogHandler(Path(sys.argv[1]), 1 << 20); path = Path(sys.argv[1])\n"
        "path.rename(path.with_name('moved'))\n"
        "handler.emit(logging.makeLogRecord({'msg': 'told'})); os.write(2, b'printed\\n')\n"
    )
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    try:
        subprocess.run([sys.executable, "-c", script, str(path)], stdout=descriptor, stderr=descriptor, check=True)
    finally:
        os.close(descriptor)
    assert path.read_text() == "told\nprinted\n" and (tmp_path / "moved").read_text() == ""


def test_equal_lines_are_counted_and_not_kept(tmp_path: Path, logger: logging.Logger) -> None:
    now = [0.0]
    handler = _handler(tmp_path / "worker.log", 1 << 20)
    handler.addFilter(EqualLines(lambda: now[0]))
    logger.addHandler(handler)
    for _ in range(215):
        logger.error("disk image is malformed")
        logger.error("the database refuses: %s", OSError(5, "Input/output error"))
        now[0] += 0.005
    logger.error("something else")
    now[0] = 61.0
    logger.error("disk image is malformed")
    lines = (tmp_path / "worker.log").read_text().splitlines()
    assert len(lines) == 3 + 3 + 1 + 1
    assert lines[-1] == "disk image is malformed (and 212 times more before this)"


def test_many_different_lines_need_no_memory(logger: logging.Logger) -> None:
    filter = EqualLines()
    record = logging.makeLogRecord({"msg": "%d"})
    for number in range(2000):
        record.args = (number,)
        assert filter.filter(record)
    assert len(filter._seen) <= 256
