"""Ten thousand jobs under SIGKILLs and SIGSTOPs of everybody: nothing lost, nothing done twice, nothing left behind.

`python -m tests.faults.soak [--jobs N] [--kills N] [--stops N] [--seed N]`; `make soak` runs it whole. Victims are the
worker, its forkserver, runners with what they started, and a console in a terminal of its own. The worker is started
again each time it dies. Ends with exit code 1 when a promise was broken, and prints the seed, so that it can be
repeated.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.support.home import CONFIG, Home, WorkerProcess, gone, opened
from tests.support.pty import Terminal
from workers.jobs import Move, State
from workers.launch import worker_pid

CHAOS = CONFIG.replace("default = 4", "default = 6").replace("images = 2", "images = 1") + "attempts = 100\n"
ITEMS = 6  # of a bulk job
ORIGINALS = 20  # pictures that jobs replace
_FINAL = ("succeeded", "failed", "cancelled", "skipped")


class Soak:
    """One run: jobs come in by a thread of their own while harm is done."""

    def __init__(self, home: Home, jobs: int, kills: int, stops: int, seed: int) -> None:
        self.home = home
        self.jobs = jobs
        self.chance = random.Random(seed)
        self.harm = ["kill"] * kills + ["stop"] * stops
        self.chance.shuffle(self.harm)
        self.done: Counter[str] = Counter()
        self.kinds: dict[int, str] = {}
        self.worker: WorkerProcess = home.start()
        self.console: Terminal | None = None
        self.originals = self._make_originals()

    # ---------------------------------------------------------------- work

    def _make_originals(self) -> dict[Path, bytes]:
        from PIL import Image

        folder = self.home.root / "originals"
        folder.mkdir()
        found = {}
        for number in range(ORIGINALS):
            path = folder / f"{number}.png"
            picture = Image.effect_noise((64, 64), 30.0 + number).convert("RGB")
            picture.save(path, compress_level=0)
            found[path] = path.read_bytes()
        return found

    def submit_all(self) -> None:
        """Hand in the jobs, from a connection of this thread's own."""
        from workers.client import open_client

        client = open_client(self.home.settings, self.home.registry)
        chance = random.Random(self.chance.random())
        originals = list(self.originals)
        for number in range(self.jobs):
            kind = chance.choices(("noop", "publish", "items", "replace"), (70, 20, 9.8, 0.2))[0]
            target = self.home.out / f"{number}"
            if kind == "publish":
                values = {"target": str(target), "pause_s": chance.uniform(0, 0.02)}
            elif kind == "items":
                values = {"count": ITEMS, "folder": str(target), "processes": 2}
            elif kind == "replace" and originals:
                values = {"inputs": [str(originals.pop())], "replace": True}
            else:
                kind, values = "noop", {}
            name = "optimize-image" if kind == "replace" else kind
            self.kinds[client.submit(name, values, submission_key=f"soak {number}").id] = kind
        client.close()

    # ---------------------------------------------------------------- harm

    def run(self) -> None:
        """Do all the harm while jobs are done, then let the rest be done in peace."""
        submitting = threading.Thread(target=self.submit_all)
        submitting.start()
        share = self.jobs / (len(self.harm) + 1)  # harm is spread over the work
        for number, harm in enumerate(self.harm):
            self._await(lambda due=share * number: self._ended() >= due)
            self._hurt(harm)
        submitting.join()
        self._await(lambda: self._ended() >= self.jobs)

    def _await(self, reached: object) -> None:
        assert callable(reached)
        deadline = time.monotonic() + 600
        while not reached():
            assert time.monotonic() < deadline, (
                f"no progress: {self._ended()} of {self.jobs} ended; {self.home.log()[-3000:]}"
            )
            self._keep_alive()
            time.sleep(0.02)

    def _ended(self) -> int:
        return self.home.client.count("state:succeeded,failed,cancelled,skipped")

    def _keep_alive(self) -> None:
        if self.worker.process.poll() is not None:
            self.worker = self._started()
            # By design a job that three workers died of counts as poison, and no innocent one is to be.
            hit = f"SELECT count(*) FROM job WHERE worker_deaths > 0 AND state NOT IN {_FINAL!r}"
            deadline = time.monotonic() + 120
            while self.home.sql(hit) != [(0,)]:
                assert time.monotonic() < deadline, f"stuck: {self._stuck()}"
                if self.console is not None:
                    self.console.drain(0.0)
                time.sleep(0.05)
        if self.console is None or self.console.poll() is not None:
            if self.console is not None:
                self.console.hang_up()
            command = [sys.executable, "-m", "console"]
            self.console = Terminal(
                command, size=(100, 30), environ=self.home.environment() | {"TERM": "xterm-256color"}
            )
        self.console.drain(0.0)

    def _started(self) -> WorkerProcess:
        """A worker of ours. A console that opened while there was none has started one: it shares the fate of all."""
        while (worker := self.home.spawn()).answer != "ready":
            assert "is running on this home" in worker.answer, f"{worker.answer!r}; {self.home.log()}"
            if (pid := worker_pid(self.home.settings)) is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                self.done["a worker of the console killed"] += 1
        return worker

    def _stuck(self) -> str:
        ids = [row[0] for row in self.home.sql("SELECT id FROM job WHERE worker_deaths > 0")]
        jobs = [job for job in self.home.client.jobs_by_id(ids).values() if not job.final]
        told = [f"{job}: {self.home.client.why(job.id)}, {self.home.moves(job.id)}" for job in jobs[:5]]
        return "\n".join([*told, self.home.log()[-6000:]])

    def _hurt(self, harm: str) -> None:
        """Do it to somebody who lives: who was drawn may have ended since, and then somebody else is drawn."""
        deadline = time.monotonic() + 60
        while not self._hit(harm):
            assert time.monotonic() < deadline, f"nobody was there to {harm}"
            self._keep_alive()

    def _hit(self, harm: str) -> bool:
        who = self.chance.choices(("worker", "runner", "forkserver", "console"), (4, 4, 1, 1))[0]
        pid = self._find(who)
        if pid is None or gone(pid):
            return False
        try:
            os.kill(pid, signal.SIGKILL if harm == "kill" else signal.SIGSTOP)
            if harm == "stop":
                time.sleep(self.chance.uniform(0.05, 0.5))
                os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            return False
        self.done[f"{harm} {who}"] += 1
        if who == "worker" and harm == "kill":
            self.worker.wait()
        return True

    def _find(self, who: str) -> int | None:
        if who == "worker":
            return self.worker.pid
        if who == "console":
            return self.console.pid if self.console else None
        servers = [pid for pid, command in self.home.processes().items() if "runner.forkserver" in command]
        mine = [pid for pid in servers if _parent(pid) == self.worker.pid]
        if who == "forkserver":
            return mine[0] if mine else None
        runners = [pid for pid in self.home.processes() if pid not in mine and _parent(pid) in servers]
        return self.chance.choice(runners) if runners else None

    # ---------------------------------------------------------------- the verdict

    def problems(self) -> Iterator[str]:
        """Every promise that was broken, in words."""
        home = self.home
        if self.console is not None:
            self.console.__exit__(None)
        yield from self._undone()
        jobs = {job.id: job for job in home.client.jobs()}
        lost = self.jobs - len(jobs)
        if lost:
            yield f"{lost} jobs are lost"
        for job in jobs.values():
            if job.state is not State.SUCCEEDED:
                yield f"job {job.id} ({self.kinds[job.id]}) is {job.state.value}: {job.failure}"
        ends: Counter[int] = Counter(
            row[0] for row in home.sql(f"SELECT job_id FROM job_event WHERE move IN {_FINAL!r}")
        )
        yield from (f"job {job_id} ended {count} times" for job_id, count in ends.items() if count != 1)
        yield from self._files()
        yield from self._originals()
        if self.worker.stop() != 0:
            yield "the worker did not stop politely"
        with contextlib.suppress(AssertionError):
            home.assert_no_process()
        yield from (f"a stray process: {command}" for command in home.processes().values())
        yield from (f"left behind: {path}" for path in home.leftovers())
        if home.sql("PRAGMA integrity_check") != [("ok",)]:
            yield "the database is damaged"

    def _undone(self) -> Iterator[str]:
        """Harm that was asked for and was not done: what held without it proves less."""
        for harm in ("kill", "stop"):
            done = sum(count for what, count in self.done.items() if what.startswith(harm))
            if done != self.harm.count(harm):
                yield f"only {done} of {self.harm.count(harm)} times somebody was hit: {harm}"

    def _files(self) -> Iterator[str]:
        wanted = set()
        for job_id, kind in self.kinds.items():
            name = str(self.home.job(job_id).params.get("target") or self.home.job(job_id).params.get("folder") or "")
            if kind == "publish":
                wanted.add(str(Path(name).relative_to(self.home.out)))
            elif kind == "items":
                folder = Path(name).relative_to(self.home.out)
                wanted |= {str(folder / f"ok{number:06}.txt") for number in range(ITEMS)}
        made = set(self.home.made())
        yield from (f"missing: {name}" for name in sorted(wanted - made)[:10])
        yield from (f"made twice or astray: {name}" for name in sorted(made - wanted)[:10])

    def _originals(self) -> Iterator[str]:
        from PIL import Image

        kept = {entry.original: entry for entry in self.home.client.trash.entries()}
        for path, before in self.originals.items():
            try:
                with Image.open(path) as picture:
                    picture.load()
            except OSError as error:
                yield f"an original was harmed: {path}: {error}"
                continue
            if path.read_bytes() != before and str(path) not in kept:
                yield f"an original was replaced, and the trash does not have it: {path}"


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[1])
    except OSError:
        return 0


def main() -> int:
    """Run it and print what came of it."""
    parser = argparse.ArgumentParser(description="Jobs under SIGKILLs and SIGSTOPs of everybody.")
    for name, value in (("jobs", 10_000), ("kills", 100), ("stops", 20), ("seed", random.randrange(1 << 30))):
        parser.add_argument(f"--{name}", type=int, default=value)
    asked = parser.parse_args()
    print(f"{asked.jobs:,} jobs, {asked.kills} SIGKILLs, {asked.stops} SIGSTOPs, --seed {asked.seed}", flush=True)
    with tempfile.TemporaryDirectory() as name, opened(Path(name) / "home", CHAOS) as home:
        soak = Soak(home, asked.jobs, asked.kills, asked.stops, asked.seed)
        began = time.monotonic()
        soak.run()
        passed = time.monotonic() - began
        rescued = home.sql("SELECT count(*) FROM job_event WHERE move = ?", Move.RESCUED.value)[0][0]
        tried = home.sql("SELECT count(*) FROM job_event WHERE move = ?", Move.RETRIED.value)[0][0]
        print(f"{passed:.0f} s; harm: {', '.join(f'{count} x {what}' for what, count in sorted(soak.done.items()))}")
        print(f"{dict(Counter(soak.kinds.values()))}; rescued {rescued} times, tried again {tried} times")
        problems = list(soak.problems())
    for problem in problems[:50]:
        print(f"BROKEN: {problem}")
    print(
        f"{len(problems)} promises broken" if problems else "0 lost, 0 ended twice, 0 left behind, 0 originals harmed"
    )
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
