"""The acting keys, shared by the list and by a job's own screen: they take the jobs that `targets` names."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

from console import orders
from console.batching import batch_question
from console.format import plural
from console.orders import Order
from console.pausing import end_of, is_soft, question
from console.screens.ask import Asked, AskScreen
from console.screens.base import SpoolScreen
from console.screens.confirm import confirm_jobs
from workers.client import Client
from workers.errors import SpoolError
from workers.jobs import FINAL, Job


class ActingScreen(SpoolScreen):
    """A screen whose keys change jobs."""

    def target_ids(self) -> list[int]:
        """The ids that a key acts on: marks, else the cursor's job."""
        raise NotImplementedError

    def steady(self) -> bool:
        """Whether what is seen under the cursor may be acted on."""
        return True

    def forget_marks(self) -> None:
        """After an action on marks."""

    def _act(self, work: Callable[[list[Job]], Awaitable[None]]) -> None:
        """Run an action on the targets; one at a time, errors in words."""
        if not self.spool.allowed():
            return
        ids = self.target_ids()
        if not ids:
            self.say([(" There is no job here.", "warn")])
            return
        if not self.steady():
            self.say([(" The list has just moved: look again, then press the key.", "warn")])
            return

        async def run() -> None:
            try:
                known = await self.spool.feed.ask(Client.jobs_by_id, ids)
                jobs = [known[job_id] for job_id in ids if job_id in known]
                if jobs:
                    await work(jobs)
                else:
                    self.say([(" These jobs are gone.", "warn")])
            except SpoolError as error:
                self.spool.tell(str(error), bad=True)

        self.run_worker(run(), group="orders", exit_on_error=True)

    async def give(self, wanted: Sequence[Order], *, keep_marks: bool = True) -> None:
        """Give orders and tell what became of them."""
        answers = []
        for order in wanted:
            answers.append((order, await self.spool.feed.ask(order.method, order.ids, *order.options, **order.named)))
        self.say(orders.answer_spans(answers))
        self.spool.feed.wake()
        if not keep_marks:
            self.forget_marks()
        self.refresh_now()

    def _give_later(self, wanted: Sequence[Order], *, keep_marks: bool = True) -> None:
        """Give orders after a question was answered."""
        self._in_words(self.give(wanted, keep_marks=keep_marks))

    def _in_words(self, work: Coroutine[Any, Any, None]) -> None:
        """Run it beside the screen; errors in words."""

        async def run() -> None:
            try:
                await work
            except SpoolError as error:
                self.spool.tell(str(error), bad=True)

        self.run_worker(run(), group="orders", exit_on_error=True)

    def action_pause(self) -> None:
        """Pause, or resume when all are paused."""

        async def work(jobs: list[Job]) -> None:
            await self.give(orders.pausing(jobs))

        self._act(work)

    def action_pause_for(self) -> None:
        """Pause for a time, or softly."""

        async def work(jobs: list[Job]) -> None:
            able = [job for job in jobs if not job.final]
            if not able:
                self.say([(" Nothing to pause: " + _ended_words(jobs), "warn")])
                return

            def answered(asked: Asked | None) -> None:
                if asked is not None:
                    until = end_of(asked.text, self.spool.now_ms())
                    self._give_later(orders.pausing_for(able, until, soft=is_soft(asked)))

            what = f"job {able[0].id}" if len(able) == 1 else plural(len(able), "job")
            self.app.push_screen(AskScreen(question(what, self.spool.now_ms, soft=False)), answered)

        self._act(work)

    def action_batch(self) -> None:
        """Put jobs into a batch, or out of theirs."""

        async def work(jobs: list[Job]) -> None:
            known = [batch.name for batch in await self.spool.feed.ask(Client.batches)]

            def answered(asked: Asked | None) -> None:
                if asked is not None:
                    self._give_later(orders.batching(jobs, asked.text), keep_marks=False)

            self.app.push_screen(AskScreen(batch_question(jobs, known)), answered)

        self._act(work)

    def action_hold(self) -> None:
        """Hold, or release when all are held."""

        async def work(jobs: list[Job]) -> None:
            await self.give(orders.holding(jobs))

        self._act(work)

    def action_retry(self) -> None:
        """Run ended jobs again."""

        async def work(jobs: list[Job]) -> None:
            await self.give(orders.simple(Client.retry, jobs, "will run again"))

        self._act(work)

    def action_first(self) -> None:
        """First in their queues, in the order in which they are marked."""

        async def work(jobs: list[Job]) -> None:
            await self.give(orders.simple(Client.move_first, jobs, "moved to the front"))

        self._act(work)

    def action_move_up(self) -> None:
        """One place up."""

        async def work(jobs: list[Job]) -> None:
            await self.give(orders.simple(Client.move_up, jobs, "moved up"))

        self._act(work)

    def action_move_down(self) -> None:
        """One place down."""

        async def work(jobs: list[Job]) -> None:
            await self.give(orders.simple(Client.move_down, orders.in_order(jobs, backwards=True), "moved down"))

        self._act(work)

    def action_priority(self, by: int) -> None:
        """More or less urgent."""

        async def work(jobs: list[Job]) -> None:
            await self.give(orders.stepping(jobs, by))

        self._act(work)

    def action_cancel(self) -> None:
        """Cancel, after a question."""

        async def work(jobs: list[Job]) -> None:
            able = [job for job in jobs if orders.can_cancel(job)]
            if not able:
                self.say([(" Nothing to cancel: " + _ended_words(jobs), "warn")])
                return
            staying = [(job, "has ended") for job in jobs if not orders.can_cancel(job)]
            words = orders.cancel_words([job.state for job in able])
            self._confirm("Cancel", words, able, staying, Order(Client.cancel, (), "cancelled"))

        self._act(work)

    def action_remove(self) -> None:
        """Remove ended jobs, after a question."""

        async def work(jobs: list[Job]) -> None:
            able = [job for job in jobs if job.state in FINAL]
            if not able:
                self.say([(" Only ended jobs can be removed: cancel first (X).", "warn")])
                return
            staying = [(job, "has not ended: cancel it first") for job in jobs if not job.final]
            words = "Their history and logs go too. Files that they made stay."
            self._confirm("Remove", words, able, staying, Order(Client.remove, (), "removed"))

        self._act(work)

    def _confirm(self, verb: str, words: str, jobs: list[Job], staying: list[tuple[Job, str]], order: Order) -> None:
        """Show what would be done and what would not; then do it to those that are still as they were shown."""

        async def give() -> None:
            now = await self.spool.feed.ask(Client.jobs_by_id, [job.id for job in jobs])
            same = tuple(job.id for job in jobs if _as_shown(job, now.get(job.id)))
            if same:
                await self.give([replace(order, ids=same)], keep_marks=False)
            again = len(now) - len(same)
            if again:
                self.spool.tell(f"{plural(again, 'job')} ran again since you were asked: left alone.", bad=True)

        def answered(yes: bool | None) -> None:
            if yes:
                self._in_words(give())
            else:
                self.say([(" Nothing was done.", "dim")])

        self.app.push_screen(confirm_jobs(verb, words, jobs, staying), answered)


def _as_shown(before: Job, now: Job | None) -> bool:
    """Whether an order still means what it meant; of a job that had ended it does not once it has been run again."""
    if now is None:
        return False
    return not before.final or (now.final and (before.lease, before.finished_at) == (now.lease, now.finished_at))


def _ended_words(jobs: Sequence[Job]) -> str:
    return f"job {jobs[0].id} has ended: {jobs[0].state.value}." if len(jobs) == 1 else "all of these have ended."
