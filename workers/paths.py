"""Where the things of one home lie. Nothing here is made or read."""

from __future__ import annotations

import os
import tempfile
from hashlib import blake2s
from pathlib import Path

from pydantic import BaseModel, ConfigDict

_SOCKET_PATH_LIMIT = 100  # sun_path holds 108 bytes on Linux and fewer elsewhere


class Paths(BaseModel):
    """Where things lie. Derived from SPOOL_HOME or the XDG folders, except `output`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    config: Path
    state: Path
    cache: Path
    runtime: Path
    output: Path

    @property
    def database(self) -> Path:
        """The jobs table."""
        return self.state / "spool.db"

    @property
    def backups(self) -> Path:
        """Folder of the copies of the jobs table."""
        return self.state / "backups"

    @property
    def rings(self) -> Path:
        """Folder of the queues' ring files."""
        return self.state / "rings"

    @property
    def lock(self) -> Path:
        """Held by the one worker of this home."""
        return self.state / "worker.lock"

    @property
    def worker_config(self) -> Path:
        """Which configuration the worker has read, see `workers.configmark`."""
        return self.state / "worker.config"

    @property
    def job_logs(self) -> Path:
        """Folder of one log per job."""
        return self.state / "logs" / "jobs"

    @property
    def worker_log(self) -> Path:
        """The worker's own log."""
        return self.state / "logs" / "worker.log"

    @property
    def work(self) -> Path:
        """Folder of the jobs' partial work."""
        return self.state / "work"

    @property
    def wake_socket(self) -> Path:
        """The datagram socket that wakes the worker; moved to a short folder when the path is too long for one."""
        path = self.runtime / "wake"
        if len(os.fsencode(path)) <= _SOCKET_PATH_LIMIT:
            return path
        digest = blake2s(os.fsencode(path), digest_size=8).hexdigest()
        return Path(tempfile.gettempdir()) / f"spool-{os.getuid()}-{digest}" / "wake"

    def job_log(self, job_id: int) -> Path:
        """The log file of one job."""
        return self.job_logs / f"{job_id}.log"

    def job_work(self, job_id: int) -> Path:
        """The private work folder of one job."""
        return self.work / str(job_id)
