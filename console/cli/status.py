"""`spool status`: the worker, the queues and the numbers of jobs on one page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from console.cli.output import say, say_json
from console.cli.queue import queue_as_json, queue_lines
from console.cli.words import door, json_option

if TYPE_CHECKING:
    from workers.client import HostFigures, WorkerStatus


@click.command()
@json_option
def status(as_json: bool) -> None:
    """Show the worker, the queues and how many jobs are in each state."""
    client = door()
    worker, queues, counts = client.worker(), client.queues(), client.counts()
    if as_json:
        say_json(
            {
                "worker": worker_as_json(worker),
                "jobs": {state.value: count for state, count in counts.items()},
                "queues": [queue_as_json(queue) for queue in queues],
            }
        )
        return
    say(worker_line(worker))
    if worker.stale_config:
        say(f"  {worker.stale_words}")
    for line in worker.report if worker.running else ():
        say(f"  {line}")
    if worker.running and worker.figures:
        say(f"  {figures_line(worker.figures)}")
    say(f"jobs: {', '.join(f'{count:,} {state.value}' for state, count in counts.items() if count) or 'none yet'}")
    for line in queue_lines(queues):
        say(line)


def worker_line(worker: WorkerStatus) -> str:
    """One sentence about the worker."""
    from console.format import clock

    if not worker.running:
        return "worker: none runs; `spool worker --detach` starts one"
    silent = f", silent for {worker.age_s:.0f} s" if worker.silent else ""
    return (
        f"worker: running since {clock(worker.started_at)}, pid {worker.pid} on {worker.host}, "
        f"version {worker.version}{silent}"
    )


def figures_line(figures: HostFigures) -> str:
    """The health of the host in one line."""
    from console.format import size

    return (
        f"host: CPU {figures.cpu_percent:.0f} %, load {figures.load1:.1f}, memory {figures.memory_percent:.0f} %, "
        f"{size(figures.disk_free)} free in {figures.disk_path}"
    )


def worker_as_json(worker: WorkerStatus) -> dict[str, object]:
    """The one JSON form of the worker."""
    from dataclasses import asdict

    from workers.jobs import rfc3339

    return {
        "running": worker.running,
        "pid": worker.pid,
        "host": worker.host,
        "version": worker.version,
        "started_at": rfc3339(worker.started_at),
        "heartbeat": rfc3339(worker.heartbeat),
        "age_s": worker.age_s,
        "report": list(worker.report),
        "figures": asdict(worker.figures) if worker.figures else None,
        "stale_config": worker.stale_config,
    }
