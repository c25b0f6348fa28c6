"""RQ and Celery on a Redis of their own, where those are installed: their rounds for the throughput bench."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

Drain = Callable[[list[list[str]], dict[str, str], Path, Path, int], tuple[float, float]]
Round = Callable[[int], tuple[float, float]]

_NOOP = """
def noop():
    with open({done!r}, "ab", buffering=0) as done:
        done.write(b".")
"""
_RQ_SEND = """
import sys
from redis import Redis
from rq import Queue
from bench_rq import noop
queue = Queue("bench", connection=Redis(port={port}))
for _ in range(int(sys.argv[1])):
    queue.enqueue(noop, result_ttl=0)
"""
_CELERY = """
from celery import Celery
app = Celery("bench", broker="redis://127.0.0.1:{port}/1")
app.conf.update(task_ignore_result=True, worker_hijack_root_logger=False)
@app.task
def noop():
    with open({done!r}, "ab", buffering=0) as done:
        done.write(b".")
"""
_CELERY_SEND = """
import sys
from bench_celery import noop
for _ in range(int(sys.argv[1])):
    noop.delay()
"""


def missing() -> list[str]:
    """What is not here, each with the package that brings it."""
    found = [] if shutil.which("redis-server") else ["Debian package redis-server"]
    return found + [f"PyPI {name}" for name in ("rq", "celery", "redis") if importlib.util.find_spec(name) is None]


def _redis(stack: ExitStack, place: Path) -> int:
    """A Redis on loopback that keeps nothing on the disk; its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    words = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(place)]
    server = subprocess.Popen(["redis-server", *words], stdout=subprocess.DEVNULL)
    stack.callback(server.wait)
    stack.callback(server.terminate)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return port
        time.sleep(0.02)
    raise SystemExit("redis-server did not start")


def _send(place: Path, source: str, environ: dict[str, str], jobs: int) -> None:
    subprocess.run([sys.executable, "-c", source, str(jobs)], cwd=place, env=environ, check=True)


def rounds(stack: ExitStack, folder: Path, slots: int, drain: Drain) -> dict[str, Round]:
    """The systems by name. `drain` starts workers and measures how they empty what was sent."""
    place = folder / "redis"
    place.mkdir()
    done = place / "done"
    port = _redis(stack, place)
    environ = {**os.environ, "PYTHONPATH": str(place)}
    (place / "bench_rq.py").write_text(_NOOP.format(done=str(done)))
    (place / "bench_celery.py").write_text(_CELERY.format(port=port, done=str(done)))
    tools = Path(sys.executable).parent

    def rq(jobs: int) -> tuple[float, float]:
        done.write_bytes(b"")
        _send(place, _RQ_SEND.format(port=port), environ, jobs)
        worker = [str(tools / "rq"), "worker", "-q", "-u", f"redis://127.0.0.1:{port}/0", "bench"]
        return drain([worker] * slots, environ, place, done, jobs)

    def celery(jobs: int) -> tuple[float, float]:
        done.write_bytes(b"")
        _send(place, _CELERY_SEND, environ, jobs)
        worker = [str(tools / "celery"), "-A", "bench_celery", "worker", "-P", "prefork", "-c", str(slots)]
        return drain([[*worker, "--loglevel", "ERROR"]], environ, place, done, jobs)

    return {"rq (forks for each job)": rq, "celery -P prefork": celery}
