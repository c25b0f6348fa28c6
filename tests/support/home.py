"""A temporary home with a real worker: started, killed and stopped as processes, never by threads or stubs.

Every process of a home bears its SPOOL_HOME in its environment, so that strays are found wherever they hide.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from workers.client import Client, open_client
from workers.config import load_settings
from workers.jobs import Job, State
from workers.launch import worker_pid
from workers.settings import Settings

REGISTRY = "tests.support.fault_operations"
START_S = 60.0
PATIENCE_S = 45.0  # for what comes soon, on a busy machine; jobs that must be ended sleep longer
ROOT = Path(__file__).parents[2]
T = TypeVar("T")

CONFIG = """
[slots]
downloads = 2
video = 1
images = 2
metadata = 2
default = 4

[jobs]
grace_seconds = 0.3
min_free_mib = 0
"""


def wait_for(condition: Callable[[], T], timeout_s: float = PATIENCE_S, every_s: float = 0.01, what: str = "") -> T:
    """Wait until `condition` gives something true, which is returned; AssertionError when it does not in time."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what or condition} not within {timeout_s:g} s; last: {value!r}")
        time.sleep(every_s)
    return value


def cpu_s(pid: int) -> float:
    """Processor time of one process so far, in seconds; 0 when it is gone."""
    try:
        words = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return 0.0
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def state_letter(pid: int) -> str:
    """The kernel's letter for the state of a process: T is stopped, Z has ended; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0].decode()
    except OSError:
        return ""


def gone(pid: int) -> bool:
    """Whether a process has ended."""
    return state_letter(pid) in ("", "Z", "X")


@contextlib.contextmanager
def frozen(pid: int) -> Iterator[None]:
    """A process that does not run for the time of the block."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


class WorkerProcess:
    """One life of a worker, as its parent sees it."""

    def __init__(self, process: subprocess.Popen[bytes], answer: str) -> None:
        self.process = process
        self.answer = answer  # "ready", or what it said of why not

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    def signal(self, signum: int) -> None:
        """Send it a signal."""
        self.process.send_signal(signum)

    def kill(self) -> None:
        """SIGKILL, and wait for its end."""
        self.process.kill()
        self.process.wait(PATIENCE_S)

    def wait(self, timeout_s: float = PATIENCE_S) -> int:
        """Its exit code, once it has ended."""
        return self.process.wait(timeout_s)

    def stop(self) -> int:
        """A polite stop; its exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()


class Home:
    """A home under one folder. `close` ends every process of it, by pid."""

    def __init__(self, folder: Path, config: str = CONFIG, registry: str = REGISTRY) -> None:
        self.root = folder
        self.registry = registry
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.toml").write_text(config)
        self.settings: Settings = load_settings({"SPOOL_HOME": str(folder)})
        self.out = folder / "made"
        self.out.mkdir(exist_ok=True)
        self._workers: list[WorkerProcess] = []
        self._clients: list[Client] = []

    # ---------------------------------------------------------------- the worker

    def environment(self, hooks: Mapping[str, Any] | None = None) -> dict[str, str]:
        """The environment of the home's processes; `hooks` as `tests.support.fault_operations` reads them."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith("SPOOL_")}
        return {**environ, "SPOOL_HOME": str(self.root), "SPOOL_TEST_HOOKS": json.dumps(dict(hooks or {}))}

    def spawn(
        self, hooks: Mapping[str, Any] | None = None, *, prefix: Iterable[str] = (), **options: Any
    ) -> WorkerProcess:
        """Start a worker and wait for its first word: "ready", or why it cannot start."""
        reader, writer = os.pipe()
        command = [sys.executable, "-m", "workers", "--registry", self.registry, "--ready-fd", str(writer)]
        try:
            with (self.root / "stderr").open("ab") as stderr:
                process = subprocess.Popen(
                    [*prefix, *command],
                    env=self.environment(hooks),
                    cwd=ROOT,
                    pass_fds=(writer,),
                    stdin=subprocess.DEVNULL,
                    stdout=stderr,
                    stderr=stderr,
                    **options,
                )
        finally:
            os.close(writer)
        try:
            ready, _, _ = select.select([reader], [], [], START_S)
            answer = os.read(reader, 65536).decode() if ready else ""
        finally:
            os.close(reader)
        worker = WorkerProcess(process, answer)
        self._workers.append(worker)
        return worker

    def start(
        self, hooks: Mapping[str, Any] | None = None, *, prefix: Iterable[str] = (), **options: Any
    ) -> WorkerProcess:
        """Start a worker that must come to take jobs."""
        worker = self.spawn(hooks, prefix=prefix, **options)
        assert worker.answer == "ready", f"{worker.answer!r}; {self.log()}"
        return worker

    def log(self) -> str:
        """The worker's own log and what it printed, so far."""
        texts = []
        for path in (self.settings.paths.worker_log, self.root / "stderr"):
            with contextlib.suppress(FileNotFoundError):
                texts.append(path.read_text(errors="replace"))
        return "\n".join(texts)

    # ---------------------------------------------------------------- the front door

    @property
    def client(self) -> Client:
        """A client of this home, one for the whole test."""
        if not self._clients:
            self._clients.append(open_client(self.settings, self.registry))
        return self._clients[0]

    def submit(self, operation: str, values: Mapping[str, Any] | None = None, **more: Any) -> int:
        """Submit a job; its id."""
        return self.client.submit(operation, dict(values or {}), **more).id

    def job(self, job_id: int) -> Job:
        """The job now."""
        return self.client.job(job_id)

    def wait_state(self, job_id: int, *states: State, timeout_s: float = PATIENCE_S) -> Job:
        """Wait until the job is in one of these states; the job."""
        try:
            wait_for(lambda: self.job(job_id).state in states, timeout_s, what=f"job {job_id} in {states}")
        except AssertionError as error:
            raise AssertionError(f"{error}; {self.job(job_id)}; {self.log()[-4000:]}") from None
        return self.job(job_id)

    def wait_final(self, job_id: int, timeout_s: float = PATIENCE_S) -> Job:
        """Wait until the job has ended; the job."""
        return self.wait_state(
            job_id, State.SUCCEEDED, State.FAILED, State.CANCELLED, State.SKIPPED, timeout_s=timeout_s
        )

    def wait_running(self, job_id: int, timeout_s: float = PATIENCE_S) -> Job:
        """Wait until the operation's own code runs (it has reported something); the job."""
        self.wait_state(job_id, State.RUNNING, timeout_s=timeout_s)
        wait_for(lambda: self.job(job_id).progress.phase != "", timeout_s, what=f"progress of job {job_id}")
        return self.job(job_id)

    def hanging(self, **values: Any) -> int:
        """Submit a job that ignores every signal it can, and wait until its own code runs; its id."""
        job_id = self.submit("hang", values)
        self.wait_running(job_id)
        return job_id

    def wait_failure(self, job_id: int, timeout_s: float = PATIENCE_S) -> Job:
        """Wait until an attempt at the job has failed; the job."""
        wait_for(lambda: self.job(job_id).failures > 0, timeout_s, what=f"a failure of job {job_id}")
        return self.job(job_id)

    def wait_phase(self, job_id: int, timeout_s: float = PATIENCE_S) -> str:
        """Wait until the job has told a phase; the phase."""
        return wait_for(lambda: self.job(job_id).progress.phase, timeout_s, what=f"a phase of job {job_id}")

    def moves(self, job_id: int) -> list[str]:
        """The names of everything that happened to a job, in order."""
        return [event.move for event in self.client.events(job_id=job_id, limit=100_000)]

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Read or change the database behind everybody's back."""
        import sqlite3

        with contextlib.closing(sqlite3.connect(self.settings.paths.database, timeout=20)) as connection:
            connection.execute("PRAGMA wal_autocheckpoint=0")
            rows = connection.execute(statement, values).fetchall()
            connection.commit()
            return rows

    def runner_pid(self, job_id: int) -> int:
        """The process that runs a job; waits until it is known."""
        return int(
            wait_for(
                lambda: self.sql("SELECT runner_pid FROM job WHERE id=?", job_id)[0][0], what=f"runner of {job_id}"
            )
        )

    # ---------------------------------------------------------------- what is left

    def processes(self) -> dict[int, str]:
        """Every living process of this home and its command line, the workers included."""
        mark = f"SPOOL_HOME={self.root}".encode()
        found = {}
        for name in os.listdir("/proc"):
            if not name.isdigit() or int(name) == os.getpid():
                continue
            with contextlib.suppress(OSError):
                if mark in Path(f"/proc/{name}/environ").read_bytes().split(b"\0") and not gone(int(name)):
                    command = Path(f"/proc/{name}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    found[int(name)] = command.strip()
        return found

    def forkserver_pid(self) -> int:
        """The warm process of the worker that runs: the child of it that bears the forkserver's command."""
        pid = worker_pid(self.settings)

        def found() -> int:
            for number, command in self.processes().items():
                stat = Path(f"/proc/{number}/stat")
                with contextlib.suppress(OSError):
                    if "runner.forkserver" in command and int(stat.read_bytes().rpartition(b")")[2].split()[1]) == pid:
                        return number
            return 0

        return wait_for(found, what="a forkserver")

    def assert_no_process(self, timeout_s: float = PATIENCE_S) -> None:
        """No process of this home is left, or is gone in a moment."""
        wait_for(lambda: not self.processes(), timeout_s, what=f"no process of {self.root}: {self.processes()}")

    def leftovers(self) -> list[str]:
        """Staging and work folders that are there. A failed job may keep its partial work for a person's retry."""
        work = self.settings.paths.work
        failed = {str(job.id) for job in self.client.jobs("state:failed")}
        found = [str(path) for path in work.iterdir() if path.name not in failed] if work.is_dir() else []
        for folder in (self.out, self.settings.paths.output):
            found += [str(path) for path in folder.rglob(".spool-*")]
        return found

    def made(self) -> list[str]:
        """Names of the files that jobs published into `out`."""
        return sorted(str(path.relative_to(self.out)) for path in self.out.rglob("*") if path.is_file())

    def assert_clean(self) -> None:
        """Nothing temporary is left: no folder, no process of a runner."""
        wait_for(lambda: not self.leftovers(), what=f"no leftovers: {self.leftovers()}")

    def close(self) -> None:
        """End whatever is left of this home, by pid."""
        for client in self._clients:
            client.close()
        for worker in self._workers:
            if worker.process.poll() is None:
                worker.process.kill()
            worker.process.wait(10)
        deadline = time.monotonic() + 10
        while (left := self.processes()) and time.monotonic() < deadline:
            for pid in left:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)


@contextlib.contextmanager
def opened(folder: Path, config: str = CONFIG, registry: str = REGISTRY) -> Iterator[Home]:
    """A home for the time of the block."""
    home = Home(folder, config, registry)
    try:
        yield home
    finally:
        home.close()


def final_moves(events: Iterable[str]) -> list[str]:
    """Those of these moves that end a job."""
    return [name for name in events if name in ("succeeded", "failed", "cancelled", "skipped")]
