"""Secrets in the words of a failure: nowhere on the disk, and in no notice."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from tests.support.home import CONFIG, opened, wait_for
from tests.support.receivers import Program, webhook
from workers.jobs import State, job_as_json

WORDS = """\
403 for https://me:SENTINEL1@example.org/v?token=SENTINEL2: Authorization: Bearer SENTINEL3
PRIVATE-TOKEN: SENTINEL4
client_secret: 'SENTINEL5 SENTINEL6', password = 'SENTINEL7 SENTINEL8
\x1b[1mAuthorization\x1b[0m: Digest response="SENTINEL9"
ask --password SENTINEL10 -key SENTINEL11 for https://me:SENTINEL12/SENTINEL12@example.org/"""


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


@pytest.mark.fault("48", "secrets that tools print themselves: at no time in their log")
def test_secrets_of_tools_never_come_into_their_log(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_text(WORDS)
    with opened(tmp_path / "home", CONFIG, "tests.support.secret_operations") as home:
        home.start()
        job_id = home.submit("leak-by-tools", {"source": str(source)})
        wait_for(lambda: "told\n" in home.client.log(job_id)[0], what=home.log())
        path = home.settings.paths.job_log(job_id)
        followed, offset = home.client.log(job_id)
        assert followed.count("403 for https://example.org/v?…") == 3, "all else of the lines is there, while it runs"
        assert b"SENTINEL" not in path.read_bytes() and stat.S_IMODE(path.stat().st_mode) == 0o600
        Path(f"{source}.go").touch()
        assert home.wait_final(job_id).state is State.SUCCEEDED
        rest, end = home.client.log(job_id, offset)
        assert rest.startswith("403 for https://example.org/v?…") and end == path.stat().st_size
        assert _found(home.root) == []
