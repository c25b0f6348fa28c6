"""Secrets in the words of a failure: nowhere on the disk, and in no notice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.home import CONFIG, opened, wait_for
from tests.support.receivers import Program, webhook
from workers.jobs import State, job_as_json

WORDS = "403 for https://me:SENTINEL1@example.org/v?token=SENTINEL2: Authorization: Bearer SENTINEL3"


def _found(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and b"SENTINEL" in path.read_bytes()]


@pytest.mark.fault("48", "secrets of a failing job: in no log, database, hook or notice")
@pytest.mark.parametrize(
    ("operation", "way"),
    [("leak", "failure"), ("leak", "exception"), ("leak-items", "failure"), ("leak-items", "exception")],
)
def test_secrets_of_a_failure_are_told_nowhere(tmp_path: Path, operation: str, way: str) -> None:
    source = tmp_path / "source"
    source.write_text(WORDS)
    program = Program(tmp_path)
    with webhook() as server:
        notify = {"on": ["failed"], "urls": [server.url], "command": program.command}
        lines = "\n".join(f"{name} = {json.dumps(value)}" for name, value in notify.items())
        text = f"{CONFIG}attempts = 1\n[notify]\n{lines}\n"
        with opened(tmp_path / "home", text, "tests.support.secret_operations") as home:
            worker = home.start()
            job = home.wait_final(home.submit(operation, {"source": str(source), "way": way}))
            assert job.state is State.FAILED and job.failure is not None
            assert "example.org/v" in job.failure.message, "what is no secret is told"
            wait_for(lambda: program.told and server.got, what=home.log())
            shown = [job_as_json(job), home.client.log(job.id), home.client.events(job_id=job.id)]
            assert "SENTINEL" not in repr((shown, program.told, server.got))
            worker.stop()
            assert _found(home.root) == [] and _found(program.folder) == []
