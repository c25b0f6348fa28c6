"""What a runner is given with its job: the bounds of its processes, and the message that says what to do."""

from __future__ import annotations

import json
import os
from dataclasses import asdict

from workers.itemdesk import begun
from workers.jobs import Job
from workers.media import environment
from workers.runner import wire
from workers.runner.limits import Limits
from workers.workshop import Workshop


def limits_of(shop: Workshop, job: Job) -> Limits:
    """What the processes of a job may take, by its options and the configuration."""
    bounds, polite = shop.settings.jobs, shop.settings.slots.polite
    file_bytes = int(bounds.file_size_gib * (1 << 30))
    return Limits(_memory_mib(shop, job) << 20, file_bytes, processes=bounds.processes, last=polite)


def _memory_mib(shop: Workshop, job: Job) -> int:
    """Of the whole job: as the person says, else the configuration, else the operation; 0 is no limit."""
    asked = job.params.get("memory_mib")
    operation = shop.operations.get(job.operation)
    return (
        (asked if isinstance(asked, int) else 0)
        or shop.settings.jobs.memory_mib
        or (operation.memory_mib if operation else 0)
    )


def message_for(shop: Workshop, job: Job, published: str, work: str, limits: Limits) -> wire.JobMessage:
    """The job as its runner hears it. `published` is the JSON list of what an earlier attempt was allowed to
    publish, `work` its private folder."""
    operation = shop.operations.get(job.operation)
    return wire.JobMessage(
        job_id=job.id,
        lease=job.lease,
        attempt=job.attempts,
        operation=job.operation,
        params=job.params,
        work_dir=work,
        settings=shop.settings.for_runner(shop.slots.get("video"))
        | {"umask": shop.umask, "sandbox": asdict(shop.sandbox)},
        resumed=begun(job.items),
        published=tuple(wire.Published(**entry) for entry in json.loads(published)),
        environment=environment.of_network(os.environ) if operation is not None and operation.network else {},
        memory_bytes=limits.memory_bytes,
    )
