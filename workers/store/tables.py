"""The tables, as peewee models that are bound to no database: every query names the one it runs on.

The same models serve SQLite and PostgreSQL, threads in the worker and asyncio in the console. Times are
milliseconds since 1970 in UTC. JSON columns hold ASCII-only JSON text, so that any file name fits.
"""

from __future__ import annotations

from collections.abc import Iterable

from peewee import (
    SQL,
    AutoField,
    BigIntegerField,
    BooleanField,
    Check,
    CompositeKey,
    DoubleField,
    IntegerField,
    Model,
    TextField,
)

from workers.jobs import FINAL, LIVE, State

# As the column `state` of a job holds them.
LIVE_STATES = [state.value for state in State if state in LIVE]
FINAL_STATES = [state.value for state in State if state in FINAL]


def listed(states: Iterable[State]) -> str:
    """States as SQL writes them between parentheses."""
    return ", ".join(f"'{state.value}'" for state in states)


class Counter(Model):
    """Numbers of the database itself.

    `schema`; `revision` of the last change; `job_id`, the last one given out; `back` and `front`, the outermost
    positions given out (no two jobs ever have the same position); `believed`, the time by which things are old, and
    `behind`, for how long the clock has been far behind it; and `noticed NAME`, the last revision that was told on a
    way of notifying.
    """

    key = TextField(primary_key=True)
    value = BigIntegerField()

    class Meta:
        table_name = "meta"


class JobRow(Model):
    """One job. Only `workers.store` writes it; its state changes only through `workers.store.moves.move`."""

    # Given out by the counter `job_id` in meta, never again after a removal: logs and scripts would mean another job.
    id = IntegerField(primary_key=True)
    submission_key = TextField(null=True, unique=True)
    operation = TextField()
    queue = TextField()
    state = TextField(constraints=[Check(f"state IN ({listed(State)})")])
    priority = IntegerField()
    position = DoubleField()  # order within a priority
    title = TextField()
    folded = TextField()  # the title as it is looked for
    params = TextField()  # JSON object
    submitted_by = TextField()
    submitted_at = BigIntegerField()
    started_at = BigIntegerField(null=True)
    finished_at = BigIntegerField(null=True)
    run_after = BigIntegerField(null=True)
    window = TextField(null=True)  # when in the week it may start, as `workers.windows.canonical` writes it
    hold = BooleanField(default=False)
    pause_until = BigIntegerField(null=True)  # when its hold or pause ends by itself
    attempts = IntegerField(default=0)
    failures = IntegerField(default=0)
    worker_deaths = IntegerField(default=0)
    runner_deaths = IntegerField(default=0)
    max_attempts = IntegerField(default=3)
    lease = IntegerField(default=0)
    wish = TextField(default="")
    wish_by = TextField(default="")
    worker_id = IntegerField(null=True)
    runner_pid = IntegerField(null=True)
    runner_start = BigIntegerField(null=True)  # clock ticks after boot
    fraction = DoubleField(null=True)
    phase = TextField(default="")
    done = BigIntegerField(null=True)
    total = BigIntegerField(null=True)
    rate = DoubleField(null=True)
    eta_s = DoubleField(null=True)
    unit = TextField(default="")
    items_total = IntegerField(default=0)
    items_done = IntegerField(default=0)
    items_failed = IntegerField(default=0)
    items_skipped = IntegerField(default=0)
    items_cached = IntegerField(default=0)
    error_class = TextField(null=True)
    error_message = TextField(default="")
    error_input = TextField(default="")
    error_detail = TextField(default="")
    outputs = TextField(default="[]")  # JSON list of paths
    detail = TextField(default="{}")  # JSON object: facts of the result
    published = TextField(default="[]")  # JSON list: what a runner was allowed to rename into place
    staging = TextField(default="[]")  # JSON list of folders to remove if the runner dies
    batch = TextField(null=True, index=True)
    site = TextField(null=True)
    revision = BigIntegerField(index=True)

    class Meta:
        table_name = "job"


JobRow.add_index(
    JobRow.index(
        JobRow.queue,
        JobRow.priority.desc(),
        JobRow.position,
        JobRow.id,
        where=SQL("state = 'queued'"),
        name="job_waiting",
    )
)
JobRow.add_index(JobRow.index(JobRow.state, JobRow.id, name="job_state"))
JobRow.add_index(JobRow.index(JobRow.queue, JobRow.state, name="job_queue_state"))
JobRow.add_index(JobRow.index(JobRow.finished_at, JobRow.id, name="job_finished"))
JobRow.add_index(JobRow.index(JobRow.id, where=SQL("wish <> ''"), name="job_wish"))
JobRow.add_index(JobRow.index(JobRow.site, where=SQL("state IN ('running', 'paused')"), name="job_site"))


class After(Model):
    """`job_id` waits until `on_id` has succeeded, or with `ended` until it has ended in any way."""

    job_id = IntegerField()
    on_id = IntegerField(index=True)
    ended = BooleanField(default=False)

    class Meta:
        table_name = "job_after"
        primary_key = CompositeKey("job_id", "on_id")


class EventRow(Model):
    """One line of a job's history; never changed."""

    id = AutoField()
    revision = BigIntegerField(index=True)
    job_id = IntegerField(index=True)
    at = BigIntegerField()
    move = TextField()
    before = TextField()
    after = TextField()
    by = TextField()
    reason = TextField(default="")

    class Meta:
        table_name = "job_event"


class ItemRow(Model):
    """How one input of a job ended. `key` is JSON text, so that any file name fits."""

    job_id = IntegerField()
    key = TextField()
    outcome = TextField()
    outputs = TextField(default="[]")
    error_class = TextField(null=True)
    error_message = TextField(default="")
    error_detail = TextField(default="")
    detail = TextField(default="{}")

    class Meta:
        table_name = "item"
        primary_key = CompositeKey("job_id", "key")


class RemovedRow(Model):
    """A job that is gone, so that consoles can forget it too."""

    job_id = IntegerField(primary_key=True)
    revision = BigIntegerField(index=True)

    class Meta:
        table_name = "removed"


class WorkerRow(Model):
    """One life of a worker daemon."""

    id = AutoField()
    host = TextField()
    pid = IntegerField()
    pid_start = BigIntegerField()  # clock ticks after boot
    boot_id = TextField()
    version = TextField()
    started_at = BigIntegerField()
    stopped_at = BigIntegerField(null=True)
    heartbeat = BigIntegerField()
    figures = TextField(default="null")  # JSON: host figures, see workers.health
    report = TextField(default="[]")  # JSON list: what it rescued and removed at its start
    operations = TextField(default="[]")  # JSON list of the operations it knows

    class Meta:
        table_name = "worker"


class QueueRow(Model):
    """What a person set for a queue; a missing row means the configuration holds."""

    queue = TextField(primary_key=True)
    slots = IntegerField(null=True)

    class Meta:
        table_name = "queue_setting"


class PauseRow(Model):
    """A queue, a site or a batch of which nothing starts."""

    scope = TextField()  # see workers.jobs.Scope
    name = TextField()
    since = BigIntegerField()
    until = BigIntegerField(null=True)  # it ends by itself; null: when somebody says so
    by = TextField(default="")
    soft = BooleanField(default=True, constraints=[SQL("DEFAULT TRUE")])  # what ran when it began goes on

    class Meta:
        table_name = "pause"
        primary_key = CompositeKey("scope", "name")


class BatchRow(Model):
    """What a person set for a batch; jobs may name a batch that has no row."""

    name = TextField(primary_key=True)
    limit = IntegerField(null=True)  # of its jobs that run at once; 0: as many as the host is good for; null: none

    class Meta:
        table_name = "batch"


class TemplateRow(Model):
    """Jobs of a batch, kept to be submitted again."""

    name = TextField(primary_key=True)
    jobs = TextField()  # JSON object: limit, and jobs, a list of objects, see workers.batching
    by = TextField(default="")
    at = BigIntegerField()

    class Meta:
        table_name = "batch_template"


class WindowRow(Model):
    """Every window that some job named, so that few texts are asked whether they are open."""

    text = TextField(primary_key=True)

    class Meta:
        table_name = "job_window"


TABLES: tuple[type[Model], ...] = (
    Counter,
    JobRow,
    After,
    EventRow,
    ItemRow,
    RemovedRow,
    WorkerRow,
    QueueRow,
    PauseRow,
    BatchRow,
    TemplateRow,
    WindowRow,
)
