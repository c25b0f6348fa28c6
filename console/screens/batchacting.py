"""What can be ordered of a batch as a whole: pause, hold, limit, cancel, delete."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from console import orders
from console.batching import delete_words, open_jobs
from console.format import plural
from console.limits import limit_of, limit_word
from console.orders import Order
from console.pausing import end_of, is_soft, question
from console.screens.ask import Asked, AskScreen, Question
from console.screens.base import SpoolScreen
from console.screens.confirm import LISTED, ConfirmScreen, job_line
from workers.client import Answer, Batch, Client
from workers.errors import SpoolError
from workers.jobs import FINAL, MOST_AT_ONCE, Scope, State
from workers.text import clean

Members = Mapping[int, State]


class BatchActing(SpoolScreen):
    """A screen whose keys change the batch that `chosen` names."""

    @property
    def chosen(self) -> Batch | None:
        """The batch that a key acts on, as it was last read."""
        raise NotImplementedError

    def look_again(self) -> None:
        """Something was ordered: read the batches at once."""

    def _act(self, work: Callable[[Batch], Awaitable[None]]) -> None:
        """Run an order on the batch under the cursor, as it stands now; errors in words."""
        if not self.spool.allowed():
            return
        batch = self.chosen
        if batch is None:
            self.say([(" There is no batch here.", "warn")])
            return
        self._run(lambda: self._on_fresh(batch.name, work))

    async def _on_fresh(self, name: str, work: Callable[[Batch], Awaitable[None]]) -> None:
        await work(await self.spool.feed.ask(Client.batch, name))

    def _run(self, work: Callable[[], Awaitable[None]]) -> None:
        async def run() -> None:
            try:
                await work()
            except SpoolError as error:
                self.spool.tell(str(error), bad=True)
            self.spool.feed.wake()
            self.look_again()

        self.run_worker(run(), group="orders")

    def _done(self, words: str) -> None:
        self.say([(f" {clean(words)}", "good")])

    def action_pause_batch(self) -> None:
        """Pause, softly, or go on."""

        async def work(batch: Batch) -> None:
            if batch.pause is not None:
                await self.spool.feed.ask(Client.resume_scope, Scope.BATCH, batch.name)
                self._done(f"{batch.name} goes on")
            else:
                await self._pause(batch.name, None, soft=True)

        self._act(work)

    async def _pause(self, name: str, until: int | None, *, soft: bool) -> None:
        answers = await self.spool.feed.ask(Client.pause_scope, Scope.BATCH, name, until=until, soft=soft)
        stopped = f"stops {plural(len(answers), 'running job')}" if answers else "nothing of it runs"
        self._done(f"{name} starts nothing new; {'what runs goes on' if soft else stopped}")

    def action_pause_for(self) -> None:
        """Pause for a time."""

        async def work(batch: Batch) -> None:
            def answered(asked: Asked | None) -> None:
                if asked is not None:
                    until = end_of(asked.text, self.spool.now_ms())
                    self._run(lambda: self._pause(batch.name, until, soft=is_soft(asked)))

            told = question(f"the batch {batch.name}", self.spool.now_ms, soft=True)
            self.app.push_screen(AskScreen(told), answered)

        self._act(work)

    def action_hold(self) -> None:
        """Hold its waiting jobs, or release them when all are held."""

        async def work(batch: Batch) -> None:
            members = await self.spool.feed.ask(Client.batch_members, batch.name)
            waiting = [job_id for job_id, state in members.items() if state is State.QUEUED]
            jobs = (await self.spool.feed.ask(Client.jobs_by_id, waiting)).values()
            if not jobs:
                self.say([(" None of its jobs waits.", "warn")])
                return
            await self._give(orders.holding(list(jobs)))

        self._act(work)

    async def _give(self, wanted: list[Order]) -> None:
        answers: list[tuple[Order, list[Answer]]] = []
        for order in wanted:
            answers.append((order, await self.spool.feed.ask(order.method, order.ids, *order.options, **order.named)))
        self.say(orders.answer_spans(answers))

    def action_limit(self) -> None:
        """How many of its jobs run at once."""

        async def work(batch: Batch) -> None:
            def answered(asked: Asked | None) -> None:
                if asked is not None:
                    self._run(lambda: self._limit(batch.name, limit_of(asked.text)))

            told = Question(
                f"How many jobs of {clean(batch.name)} run at once?",
                "At once",
                f"1 to {MOST_AT_ONCE}, auto or any",
                lambda asked: _limit_meaning(limit_of(asked.text)),
                limit_word(batch.limit),
            )
            self.app.push_screen(AskScreen(told), answered)

        self._act(work)

    async def _limit(self, name: str, limit: int | None) -> None:
        await self.spool.feed.ask(Client.limit_batch, name, limit)
        self._done(f"{name}: {_limit_meaning(limit)}")

    def action_cancel(self) -> None:
        """Cancel what has not ended, after a question."""

        async def work(batch: Batch) -> None:
            members = await self.spool.feed.ask(Client.batch_members, batch.name)
            able = [job_id for job_id, state in members.items() if state not in FINAL]
            if not able:
                self.say([(" Nothing to cancel: all its jobs have ended.", "warn")])
                return
            title = f"Cancel {plural(len(able), 'job')} of {clean(batch.name)}?"
            words = orders.cancel_words([members[job_id] for job_id in able])
            await self._confirmed(title, words, able, "Yes, cancel", lambda: self._cancel(batch.name))

        self._act(work)

    async def _cancel(self, name: str) -> None:
        self.say([(f" {clean(name)} is being cancelled …", "dim")])
        answers = await self.spool.feed.ask(Client.cancel_batch, name)
        ids = tuple(answer.job_id for answer in answers)
        self.say(orders.answer_spans([(Order(Client.cancel, ids, "cancelled"), answers)]))

    def action_delete(self) -> None:
        """Delete a batch that is over with all its jobs, after a question."""

        async def work(batch: Batch) -> None:
            left = open_jobs(batch)
            if left:
                self.say([(f" {left:,} of its jobs have not ended: cancel it first (X).", "warn")])
                return
            members = await self.spool.feed.ask(Client.batch_members, batch.name)
            title = f"Delete the batch {clean(batch.name)}?"
            await self._confirmed(
                title, delete_words(batch), list(members), "Yes, delete", lambda: self._delete(batch.name)
            )

        self._act(work)

    async def _delete(self, name: str) -> None:
        self.say([(f" {clean(name)} is being deleted …", "dim")])
        answers = await self.spool.feed.ask(Client.remove_batch, name)
        self._done(f"{name} is deleted, with {plural(sum(answer.ok for answer in answers), 'job')}")

    async def _confirmed(
        self, title: str, words: str, ids: list[int], yes: str, order: Callable[[], Awaitable[None]]
    ) -> None:
        known = await self.spool.feed.ask(Client.jobs_by_id, ids[:LISTED])
        lines = [job_line(job) for job in known.values()]
        if len(ids) > len(lines):
            lines.append([(f" and {len(ids) - len(lines):,} more", "dim")])

        def answered(agreed: bool | None) -> None:
            if agreed:
                self._run(order)
            else:
                self.say([(" Nothing was done.", "dim")])

        self.app.push_screen(ConfirmScreen(title, words, lines, len(ids), yes=yes), answered)


def _limit_meaning(limit: int | None) -> str:
    if limit is None:
        return "any number at once, as the queues have slots"
    return "as many at once as the host is good for" if limit == 0 else f"at most {limit} at once"
