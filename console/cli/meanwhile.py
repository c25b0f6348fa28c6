"""What changed while a person was asked: an order is given only for what was listed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from console.cli.output import tell

if TYPE_CHECKING:
    from workers.client import Client
    from workers.jobs import Job

_PAGE = 500  # jobs looked at in one question


class Listed:
    """Jobs as they stood when a person was asked about them."""

    def __init__(self, client: Client, ids: Sequence[int]) -> None:
        self._client, self._ids = client, ids
        self._ended = {job.id: (job.lease, job.finished_at) for job in self._jobs() if job.final}

    def _jobs(self) -> Iterator[Job]:
        for start in range(0, len(self._ids), _PAGE):
            yield from self._client.jobs_by_id(self._ids[start : start + _PAGE]).values()

    def unchanged(self) -> list[int]:
        """The jobs of which an order still means what it meant; of the others it is told why not."""
        now = {job.id: job for job in self._jobs()}
        return [job_id for job_id in self._ids if job_id not in now or self._same(now[job_id])]

    def _same(self, job: Job) -> bool:
        before = self._ended.get(job.id)
        if before is None or (job.final and before == (job.lease, job.finished_at)):
            return True
        tell(f"spool: job {job.id}: was run again while you were asked, and is {job.state.value}: left as it is")
        return False
