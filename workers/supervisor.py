"""One job from claim to final state, in the consumer thread that holds its slot.

It gives the job to a runner, answers what the runner asks, passes on what people want of it, and makes the move
that the end calls for. Whatever happens to the runner, the job ends or waits for its next attempt.
"""

from __future__ import annotations

import logging
import select
import signal
from collections.abc import Callable

from workers.departure import Departure, End
from workers.errors import DISK_ERRNOS, ErrorClass, Failure, SpoolError
from workers.files import private_folder
from workers.handover import limits_of, message_for
from workers.itemdesk import ItemDesk
from workers.joblog import JobLog
from workers.jobs import Move, Progress, Wish
from workers.runner import wire
from workers.runner.census import end_family
from workers.runner.process import NotWanted, Runner
from workers.runner.processes import kill_group
from workers.runner.stop import Ending, graces
from workers.silence import Silence
from workers.store import moves, reports
from workers.store.claims import Claimed
from workers.store.database import transaction
from workers.text import clean
from workers.wishes import Wishes
from workers.workshop import Stop, Workshop

log = logging.getLogger(__name__)

_MOST_S = {Stop.CANCEL: 6.0, Stop.RELEASE: 13.0}  # of all graces: a cancel ends in 10 s, the worker's stop in 20 s


class Supervisor:
    """Runs one claimed job. `run` blocks until the job has left this worker; `tell` may come from any thread."""

    def __init__(self, shop: Workshop, claimed: Claimed) -> None:
        self._shop = shop
        self.job = claimed.job
        self._published = claimed.published
        self._wishes = Wishes()
        self._runner: Runner | None = None
        self._log: JobLog | None = None
        self._ending: Ending | None = None
        self._stop: Stop | None = None
        self._stop_by = ""
        self._hurried = False
        self._paused = False
        self._verdict: wire.Finished | wire.Failed | wire.Yielded | None = None
        self._yielding = False
        self._gave_way = False  # whether that is for the sake of other jobs
        self._desk = ItemDesk(shop, claimed.job)
        self._silence = Silence()

    # ---------------------------------------------------------------- from other threads

    def tell(self, wish: Wish | Stop, by: str) -> None:
        """Pass on what somebody wants; heard within milliseconds."""
        self._wishes.add(wish, by)

    def hurry(self) -> None:
        """Release the job at once, without graces. May be called from any thread, and from a signal handler."""
        self._hurried = True
        self.tell(Stop.RELEASE, "worker")
        if self._runner is not None:
            self._runner.signal_group(signal.SIGKILL)

    def may_yield(self) -> bool:
        """Whether the job has many items, and was not asked to make room yet."""
        return self._desk.total > 1 and not (self._yielding or self._paused or self._stop)

    @property
    def yielding(self) -> bool:
        """Whether the job is making room."""
        return self._yielding

    def had_turn(self, quantum_s: float) -> bool:
        """Whether the job has had its turn at the slot, which is to be so many seconds."""
        return self._desk.had_turn(quantum_s)

    def _wanted(self) -> bool:
        """Whether it is worth waiting for a runner that does not answer."""
        return self._stop is None and self._wishes.given_up() is None

    # ---------------------------------------------------------------- the job's life

    def run(self) -> None:
        """From the claim to the final move."""
        try:
            try:
                self._work()
            except NotWanted:
                self._stop, self._stop_by = self._wishes.given_up() or (Stop.RELEASE, "worker")
            except Exception as error:
                self._verdict = self._verdict or wire.Failed(self._explain(error))
                if self._runner is not None:
                    self._runner.signal_group(signal.SIGKILL)
            self._finish()
        finally:
            self._shop.recorder.forget(self.job.id, self.job.lease)
            self._desk.release()
            self._close_log()
            if self._runner is not None:
                self._runner.close()
            self._wishes.close()

    def _work(self) -> None:
        settings = self._shop.settings
        self._log = JobLog(settings.paths.job_log(self.job.id), int(settings.jobs.log_mib * (1 << 20)))
        self._start(self._log)
        self._log.let_go()
        self._watch()

    def _close_log(self) -> None:
        if self._log is not None:
            self._log.close()

    def _explain(self, error: Exception) -> Failure:
        """Why the job could not be given to a runner, or not be watched: trouble of ours, not of the job."""
        what = "no runner could be started" if self._runner is None else "the runner was lost"
        if not isinstance(error, SpoolError | OSError):
            log.exception("job %d: its supervision failed", self.job.id)
        full = isinstance(error, OSError) and error.errno in DISK_ERRNOS
        return Failure(ErrorClass.DISK if full else ErrorClass.CRASHED, f"{what}: {error}")

    def _start(self, job_log: JobLog) -> None:
        paths, job = self._shop.settings.paths, self.job
        work = private_folder(paths.job_work(job.id))
        if job.items.failed:
            self._shop.persist(job.id, lambda: reports.forget_failed(self._shop.db, job.id, job.lease))
        job_log.note(f"--- attempt {job.attempts} of job {job.id}, {job.operation}")
        limits = limits_of(self._shop, job)
        self._runner = self._shop.forkserver.spawn(job_log.writer, limits, wanted=self._wanted)
        # Recorded before it is given work: a worker that dies after this finds it again.
        identity = self._runner.pid, self._runner.start_ticks
        self._shop.persist(self.job.id, lambda: reports.set_runner(self._shop.db, job.id, job.lease, *identity))
        self._runner.send(message_for(self._shop, job, self._published, str(work), limits))
        self._silence = Silence()

    def _watch(self) -> None:
        """Until the runner has said all and is gone."""
        runner = self._runner
        assert runner is not None
        poll = select.poll()
        poll.register(runner.fileno(), select.POLLIN)
        poll.register(self._wishes.fileno(), select.POLLIN)
        while not runner.ended:
            poll.poll(self._patience_s() * 1000)
            self._silence.look()
            # What it has said comes first: after a long sleep of the machine it must not be taken for a stall.
            for message in runner.messages():
                self._hear(message)
            self._heed_wishes()
            self._desk.flush(force=False)
            self._check_stall()
            self._check_crowd(runner)
            if self._ending is not None:
                self._ending.step()
                if self._ending.over:
                    break
        for message in runner.messages():
            self._hear(message)

    def _patience_s(self) -> float:
        waits = [1.0]
        if self._ending is not None:
            waits.append(self._ending.step())
        if (due_s := self._desk.due_s) is not None:
            waits.append(due_s)
        return min(waits)

    # ---------------------------------------------------------------- what the runner says

    def _hear(self, message: wire.Up) -> None:
        self._silence.broken()
        job, db, runner = self.job, self._shop.db, self._runner
        assert runner is not None
        match message:
            case wire.Progressed(progress=progress):
                self._shop.recorder.note(job.id, job.lease, _cleaned(progress))
            case wire.Titled(title=title):
                self._shop.persist(job.id, lambda: reports.set_title(db, job.id, job.lease, title))
            case wire.Staging(path=path, gone=gone):
                self._answer(path, lambda: reports.add_staging(db, job.id, job.lease, path, gone))
            case wire.Publishing(path=path):
                entry = {name: getattr(message, name) for name in ("item", "path", "inode", "device", "size")}
                self._answer(path, lambda: reports.add_published(db, job.id, job.lease, entry, durable=message.durable))
            case wire.Total(items=total):
                self._desk.count(total)
            case wire.Offered():
                runner.send(self._desk.known(message))
            case wire.ItemsEnded(items=items):
                self._desk.ended(items)
            case wire.FilesKept():
                self._shop.cache.note_files(
                    message.category,
                    hits=message.hits,
                    misses=message.misses,
                    bytes=message.size,
                    saved_s=message.saved_s,
                )
            case wire.Finished() | wire.Failed() | wire.Yielded():
                if self._verdict is None:
                    self._verdict = message

    def _answer(self, path: str, record: Callable[[], bool]) -> None:
        """Say yes to a runner only after what it is about to do has been recorded under our lease."""
        runner = self._runner
        assert runner is not None
        # Once it is to be stopped it must publish nothing: a cancelled job leaves no file.
        if self._stop is None and self._shop.persist(self.job.id, record):
            runner.send(wire.Granted(path))
            return
        runner.send(wire.Refused("lease_lost", path))
        if self._stop is None:
            self._end(Stop.REFUSED, "worker")

    # ---------------------------------------------------------------- what people want

    def _heed_wishes(self) -> None:
        for wish, by in self._wishes.take():
            match wish:
                case Wish.CANCEL:
                    self._end(Stop.CANCEL, by)
                case Wish.PAUSE:
                    self._pause(by)
                case Wish.RESUME:
                    self._resume(by)
                case Stop.YIELD:
                    self._make_room()
                    self._gave_way = self._yielding
                case Wish.HOLD:
                    self._make_room()
                case Stop():
                    self._end(wish, by)

    def _make_room(self) -> None:
        """Let the runner end what it has in hand and no more; the job goes on when it is its turn again."""
        if self._runner is not None and not self._paused and self._stop is None and not self._yielding:
            self._yielding = self._runner.send(wire.Yield())

    def _keep_slot(self) -> None:
        """What was to wait once it had ended what it had in hand goes on, if it still can."""
        if self._runner is not None and self._yielding and not self._gave_way:
            self._yielding = not self._runner.send(wire.Yield(wanted=False))

    def _pause(self, by: str) -> None:
        runner = self._runner
        if self._paused or self._stop is not None or self._verdict is not None:
            return
        if runner is None or not runner.stop():
            return
        self._shop.recorder.forget(self.job.id, self.job.lease)
        self._paused = self._move_as_wished(Wish.PAUSE, Move.PAUSED, by)
        if self._paused:
            self._desk.release()
        else:
            runner.cont()

    def _resume(self, by: str) -> None:
        if not self._paused:
            self._keep_slot()
            job, db = self.job, self._shop.db
            self._shop.persist(job.id, lambda: reports.clear_wish(db, job.id, job.lease, Wish.RESUME))
            return
        if self._stop is None and self._move_as_wished(Wish.RESUME, Move.RESUMED, by):
            self._paused = False
            self._silence.broken()
            if self._runner is not None:
                self._runner.cont()

    def _move_as_wished(self, wish: Wish, move: Move, by: str) -> bool:
        """Make a move that somebody wished for, unless the wish was taken back before it was heard."""
        job, db = self.job, self._shop.db

        def write() -> bool:
            with transaction(db):
                if reports.wish_of(db, job.id)[0] is not wish:
                    return False
                return moves.move(db, move, job.id, by=by, lease=job.lease)

        return bool(self._shop.persist(self.job.id, write))

    def _end(self, stop: Stop, by: str) -> None:
        sooner = stop is Stop.CANCEL and self._stop is Stop.STALL  # which takes its time
        if self._runner is None or (self._stop is not None and not sooner):
            return
        self._stop, self._stop_by = stop, by
        operation = self._shop.operations.get(self.job.operation)
        of_items = operation is not None and operation.process is not None
        seconds = graces(self._shop.settings.jobs.grace_seconds, of_items=of_items, most_s=_MOST_S.get(stop))
        self._ending = Ending(self._runner, *seconds)
        self._ending.step()

    def _check_stall(self) -> None:
        """End a runner that had been silent for too long when its pipe was last looked into."""
        limit = self._shop.settings.jobs.stall_minutes * 60
        if not self._paused and self._stop is None and self._silence.seconds > limit:
            self._end(Stop.STALL, "worker")

    def _check_crowd(self, runner: Runner) -> None:
        """End a job that breeds processes, before it leaves no room for others."""
        many = 0 if self._verdict else self._shop.census.crowd(runner.pid)
        if many:
            most = self._shop.settings.jobs.processes
            why = f"it had {many} processes at once, where `processes` in [jobs] allows {most}"
            self._verdict = wire.Failed(Failure(ErrorClass.CRASHED, why))
            end_family(runner.pid)

    # ---------------------------------------------------------------- the end

    def _finish(self) -> None:
        status = None if self._runner is None else self._end_runner(self._runner)
        self._close_log()  # before the last move: who follows it reads all once the job has ended
        self._desk.flush(force=True)
        if self._stop is None and self._hurried:
            self._stop = Stop.RELEASE
        Departure(
            self._shop, self.job, End(self._verdict, self._stop, self._stop_by, self._paused, self._gave_way, status)
        ).leave()

    def _end_runner(self, runner: Runner) -> int | None:
        """See to it that nothing of the runner is left; how it ended."""
        if not runner.exited and self._verdict is None and self._ending is None:
            runner.signal_group(signal.SIGKILL)
        # A forkserver that does not answer must not hold up a cancel, for which nobody asks how it ended.
        status = runner.exit_status(1.0 if self._stop is Stop.CANCEL else 5.0)
        if status is None and not (self._ending is not None and self._ending.over):
            kill_group(runner.identity)  # the forkserver, which ends what a runner leaves, died with it
        return status


def _cleaned(progress: Progress) -> Progress:
    return Progress(
        progress.fraction,
        clean(progress.phase)[:200],
        progress.done,
        progress.total,
        progress.rate,
        progress.eta_s,
        progress.unit,
    )
