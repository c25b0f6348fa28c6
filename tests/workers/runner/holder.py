"""A small worker for the tests that kill it: holds runners that hang, each with a grandchild.

`python -m tests.workers.runner.holder MODE` prints one line of JSON with all pids, then waits for its end. MODE:
`running`, or `stopped`, where the groups of the runners are paused.
"""

from __future__ import annotations

import json
import os
import select
import sys
import tempfile
import time

from workers.runner.process import Forkserver, Runner
from workers.runner.wire import JobMessage, Progressed


def hanging(forkserver: Forkserver, work_dir: str) -> tuple[Runner, int]:
    """A runner that hangs, and the pid of its grandchild."""
    runner = forkserver.spawn(2)
    runner.send(JobMessage(1, 1, 1, "hang", {"grandchild": True}, work_dir))
    while True:
        select.select([runner], [], [])
        for message in runner.messages():
            if isinstance(message, Progressed):
                return runner, int(message.progress.phase)


def main() -> None:
    """Start, tell, wait."""
    forkserver = Forkserver()
    forkserver.start("tests.support.operations")
    with tempfile.TemporaryDirectory() as work_dir:
        held = [hanging(forkserver, work_dir) for _ in range(2)]
        if sys.argv[1] == "stopped":
            for runner, _ in held:
                runner.stop()
        pids = {
            "worker": os.getpid(),
            "forkserver": forkserver.pid,
            "runners": [runner.pid for runner, _ in held],
            "grandchildren": [grandchild for _, grandchild in held],
        }
        sys.stdout.write(json.dumps(pids) + "\n")
        sys.stdout.flush()
        time.sleep(600)


if __name__ == "__main__":
    main()
