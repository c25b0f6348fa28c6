"""How a job leaves its worker: the move that its end calls for, and what that leaves on the disk."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workers.delays import retry_delay_s
from workers.errors import ErrorClass, Failure
from workers.files import free_bytes, remove_staging, remove_tree
from workers.jobs import MOVES, Job, Move, State, Wish
from workers.runner import listing, wire
from workers.runner.failures import how_it_died
from workers.store import moves, reports
from workers.store.chains import freed_since
from workers.store.database import transaction
from workers.store.orders import LOOK_FOR_ROOM_MS
from workers.store.places import after_turn
from workers.store.questions import revision
from workers.store.records import error_fields, now_ms, storable, to_json
from workers.text import clean, redacted
from workers.workshop import Stop, Workshop

log = logging.getLogger(__name__)

_POISON_RUNNERS = 10  # a job that so many runners died of is given up, however many attempts it may have
_STAGED = re.compile(r"\.spool-\d+-(?P<lease>\d+)-.*", re.DOTALL)
_TAKEN_BACK = "it was to wait once it had ended what it had in hand, and was resumed before"
_BACK = (Move.RETRIED, Move.RELEASED)  # moves that give the job back to its queue


@dataclass(frozen=True, slots=True)
class End:
    """How the work on a job ended in its runner."""

    verdict: wire.Finished | wire.Failed | wire.Yielded | None  # what the runner said of it, if it could
    stop: Stop | None  # why it was stopped, if it was
    stop_by: str
    paused: bool  # whether its processes were stopped when it ended
    gave_way: bool  # whether it was told to make room for other jobs
    status: int | None  # exit code, or minus the signal; None when nobody saw it


class Departure:
    """Makes the last move of one attempt. The runner is gone when it begins."""

    def __init__(self, shop: Workshop, job: Job, end: End) -> None:
        self._shop = shop
        self._job = job
        self._end = end

    def leave(self) -> None:
        """Remove what is temporary, then make the move."""
        remove_recorded_staging(self._shop, self._job)
        match self._end.verdict, self._end.stop:
            case wire.Finished() as result, _:
                self._succeed(result)  # it was quicker than whoever wanted to stop it
            case _, Stop.CANCEL:
                self._move(Move.CANCELLED, by=self._end.stop_by)
            case _, Stop.RELEASE:
                self._move(Move.RELEASED, "the worker stopped")
            case wire.Yielded(), _:
                gave_way = self._end.gave_way
                self._move(Move.RELEASED, moves.TURN if gave_way else _TAKEN_BACK)
            case _, Stop.REFUSED:
                log.warning("job %d: the lease %d is lost; nothing was published", self._job.id, self._job.lease)
            case _, Stop.STALL:
                minutes = self._shop.settings.jobs.stall_minutes
                self._fail(Failure(ErrorClass.STALLED, f"no sign of progress for {minutes:g} minutes"))
            case wire.Failed(failure=failure), _:
                self._fail(failure)
            case _:
                self._died()

    def _succeed(self, result: wire.Finished) -> None:
        lost = self._persist(lambda: reports.failure_of_all_items(self._shop.db, self._job.id))
        if lost is not None:
            self._fail(lost)
            return
        outputs = list(result.outputs) or self._persist(lambda: reports.item_outputs(self._shop.db, self._job.id))
        fields = {"outputs": to_json(outputs), "detail": to_json(dict(result.detail)), "worker_deaths": 0}
        self._remove_work()  # before the move: after it another attempt may be at work there
        self._move(Move.SUCCEEDED, fields=fields)

    def _died(self) -> None:
        how = how_it_died(self._end.status)
        deaths = self._persist(lambda: reports.count_runner_death(self._shop.db, self._job.id, self._job.lease))
        if deaths < _POISON_RUNNERS:
            self._fail(Failure(ErrorClass.CRASHED, f"the runner died: {how}"))
            return
        failure = Failure(ErrorClass.CRASHED, f"{deaths} runners died while it ran, the last one: {how}")
        self._move(Move.FAILED, failure.message, fields=error_fields(failure))

    def _fail(self, failure: Failure) -> None:
        job = self._job
        failure = Failure(
            failure.error_class,
            clean(redacted(failure.message)),
            clean(redacted(failure.input, queries=False)),
            storable(redacted(failure.detail)),
            failure.retry_after_s,
            failure.short_of_room,
        )
        room = failure.error_class is not ErrorClass.DISK or not (failure.short_of_room or self._short_of_room())
        final = room and (not failure.retryable or job.failures + 1 >= job.max_attempts)
        operation = self._shop.operations.get(job.operation)
        if operation is None or not operation.can_resume:
            self._remove_work(but_inputs=not final)  # before the move: after it another may be at work there
        if not room:
            self._wait_for_room(failure)
            return
        if final:
            self._move(Move.FAILED, failure.message, fields=error_fields(failure))
            return
        delay = retry_delay_s(failure, job.failures + 1, self._shop.chance)
        due = now_ms() + int(delay * 1000)
        self._move(Move.RETRIED, failure.message, fields={**error_fields(failure), "run_after": due})
        self._shop.bells.ring(job.queue, at=due)

    def _short_of_room(self) -> bool:
        """Whether a disk that the job writes to has less room than must stay free."""
        least = max(self._shop.settings.jobs.min_free_mib << 20, 1 << 20)
        staged = self._persist(lambda: reports.staging_folders(self._shop.db, self._job.id))
        folders = [self._shop.settings.paths.output, self._shop.settings.paths.work, *(Path(path) for path in staged)]
        rooms = [room for room in map(free_bytes, folders) if room is not None]
        return any(room < least for room in rooms)

    def _wait_for_room(self, failure: Failure) -> None:
        """A full disk is no failure of the job: it waits, says so, and no attempt is counted."""
        due = now_ms() + LOOK_FOR_ROOM_MS
        self._move(Move.RELEASED, failure.message, fields={**error_fields(failure), "run_after": due})
        self._shop.bells.ring(self._job.queue, at=due)

    def _move(
        self, move: Move, reason: str = "", *, by: str = "worker", fields: Mapping[str, Any] | None = None
    ) -> None:
        """The job leaves by `move`; a wish that came too late for its runner still counts."""
        left = to_json(self._persist(self._left_in_place)) if move is not Move.SUCCEEDED else ""
        queues = self._persist(lambda: self._made(move, storable(reason), by, dict(fields or {}), left))
        if queues is None:
            log.warning("job %d: %s was refused: the world moved on", self._job.id, move.value)
        for queue in queues or ():
            self._shop.bells.ring(queue)

    def _made(self, move: Move, reason: str, by: str, fields: dict[str, Any], left: str) -> list[str] | None:
        """Make the move; `left` are the files in place. One transaction.

        The queues in which its end lets others start; None when the guard refused.
        """
        db, job = self._shop.db, self._job
        with transaction(db):
            before = revision(db)
            wish, wished_by = reports.wish_of(db, job.id)
            if move in _BACK and wish is Wish.CANCEL:
                move, reason, by, fields = Move.CANCELLED, "", wished_by, {}
            elif move in _BACK:
                # Who paused it says when it goes on.
                fields["hold"] = wish.holds(self._end.paused)
            if move is Move.RELEASED and wish is Wish.HOLD:
                reason = f"asked to wait by {wished_by}, once it had ended what it had in hand"
            yielded = isinstance(self._end.verdict, wire.Yielded) and self._end.gave_way
            if move is Move.RELEASED and not fields.get("hold") and yielded:
                fields["position"] = after_turn(db)
            if move is Move.CANCELLED:
                self._remove_work()  # before the move: after it another attempt may be at work there
            if move in (Move.CANCELLED, Move.FAILED):
                fields["outputs"] = left
            if self._end.paused and State.PAUSED not in MOVES[move].sources:
                moves.move(db, Move.RESUMED, job.id, by="worker", reason="its runner ended", lease=job.lease)
            made = moves.move(db, move, job.id, by=by, reason=reason, lease=job.lease, fields=fields)
            return freed_since(db, before) if made else None

    def _left_in_place(self) -> list[str]:
        """Whole files that the job had published before it was ended: they stay, so they are told."""
        db, job_id = self._shop.db, self._job.id
        published = [entry["path"] for entry in reports.published_entries(db, job_id) if _in_place(entry)]
        return list(dict.fromkeys([*reports.item_outputs(db, job_id), *published]))

    def _persist(self, write: Callable[[], Any]) -> Any:
        return self._shop.persist(self._job.id, write)

    def _remove_work(self, *, but_inputs: bool = False) -> None:
        """`but_inputs`: which inputs the job has is kept for its next attempt."""
        folder = self._shop.settings.paths.job_work(self._job.id)
        if but_inputs:
            listing.remove_others(folder)
        else:
            remove_tree(folder)


def abandon(shop: Workshop, job: Job, error: Exception) -> None:
    """The last resort, where what should have ended a job raised: it is not left as if it ran, and no slot knew it."""
    failure = Failure(ErrorClass.CRASHED, f"the worker failed to end it rightly: {clean(str(error))}")

    def write() -> list[str]:
        with transaction(shop.db):
            before = revision(shop.db)
            wish, by = reports.wish_of(shop.db, job.id)
            if wish is Wish.CANCEL:
                moves.move(shop.db, Move.CANCELLED, job.id, by=by, lease=job.lease)
            else:
                told, fields = failure.message, error_fields(failure)
                moves.move(shop.db, Move.FAILED, job.id, by="worker", reason=told, lease=job.lease, fields=fields)
            return freed_since(shop.db, before)

    for queue in shop.persist(job.id, write):
        shop.bells.ring(queue)


def remove_recorded_staging(shop: Workshop, job: Job) -> None:
    """Remove the staging folders that runners of a job said they would make, up to this attempt at it.

    Somebody else may have the job by now: what his runner makes bears a higher lease in its name.
    """
    for folder in shop.persist(job.id, lambda: reports.staging_folders(shop.db, job.id)):
        made = _STAGED.fullmatch(os.path.basename(folder))
        if made is None or int(made["lease"]) <= job.lease:
            remove_staging(Path(folder))


def _in_place(entry: Mapping[str, Any]) -> bool:
    try:
        facts = os.lstat(entry["path"])
    except OSError:
        return False
    return (facts.st_ino, facts.st_dev, facts.st_size) == (entry["inode"], entry["device"], entry["size"])
