"""Files that lead to other files, or unpack to very much, through every operation that takes files."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support import disguised
from tests.support.home import CONFIG, Home, opened
from tests.support.media import H264, ffmpeg, film_source
from tests.support.memory import Memory
from tests.support.site import running_site
from workers.errors import ErrorClass
from workers.jobs import Outcome, State
from workers.operations.registry import REGISTRY

OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "probe": {"depth": "decoded"},
    "validate": {"level": "full"},
    "trim": {"start": "0.5", "end": "1.5"},
    "convert-image": {"format": "webp"},
    "enrich": {"sidecar": "json"},
}
_WHOLE = {"hash", "duplicates"}  # take files as bytes, whatever they are
_CALLS = "open,openat,openat2,connect"


def _values(home: Home, operation: Any, inputs: list[str]) -> dict[str, Any]:
    values: dict[str, Any] = {"inputs": inputs, "processes": 1, **OPTIONS.get(operation.name, {})}
    if "output" in operation.params.model_fields:
        values["output"] = str(home.out / (f"{operation.name}.mp4" if operation.items is None else operation.name))
    return values


def _tracer(log: Path) -> list[str]:
    """The command that writes down which files and addresses a worker and all below it open; skips where it cannot."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("not run: strace is not installed")
    command = [strace, "-f", "-qq", "--seccomp-bpf", "-s", "4096", "-e", f"trace={_CALLS}", "-e", "signal=none"]
    if subprocess.run([*command, "-o", "/dev/null", "true"], capture_output=True, check=False).returncode:
        pytest.skip("not run: strace may not trace here")
    return [*command, "-o", str(log)]


@pytest.mark.fault("41", "playlists and references in disguise: every operation, and no other file or address opened")
def test_nothing_that_a_file_leads_to_is_opened(tmp_path: Path) -> None:
    secret, log = tmp_path / "secret" / "film.mp4", tmp_path / "opened"
    secret.parent.mkdir()
    ffmpeg(*film_source(1), *H264, secret)
    files = disguised.make(tmp_path / "files", secret)
    operations = [operation for operation in REGISTRY if operation.takes_many and operation.name != "download"]
    with opened(tmp_path / "home", CONFIG + "attempts = 1\n") as home:
        home.start(prefix=_tracer(log))
        for queue in ("video", "images", "metadata", "default"):
            home.client.set_slots(queue, 1)
        ids = {}
        for operation in operations:
            whole = operation.items is None
            for inputs in [[str(path) for path in files[:2]]] if whole else [[str(path) for path in files]]:
                ids[home.submit(operation.name, _values(home, operation, inputs))] = operation.name
        for job_id, name in ids.items():
            job = home.wait_final(job_id, 120)
            items = home.client.items(job_id, limit=1000)
            assert items or job.failure is not None or name in _WHOLE, name
            failures = [item.failure for item in items if item.outcome is Outcome.FAILED and item.failure is not None]
            assert name in _WHOLE or all(f.error_class in _REFUSALS for f in failures), (name, failures)
        with running_site(tmp_path / "site") as site:
            addresses = [site.add(path) for path in files if path.suffix in (".mp4", ".mp3")]
            for job_id in [home.submit("download", {"inputs": [one], "output": str(home.out)}) for one in addresses]:
                assert home.wait_final(job_id, 60).state is State.FAILED
            port = site.base.rpartition(":")[2]
    calls = log.read_text(errors="replace").splitlines()
    assert sum(str(files[0]) in call for call in calls) >= len(operations) - 2, "the trace shows what was opened"
    assert [call for call in calls if str(secret.parent) in call] == []
    assert {found for call in calls for found in re.findall(r"sin6?_port=htons\((\d+)\)", call)} <= {port}
    assert not list(home.out.rglob(".spool-*"))


_REFUSALS = (ErrorClass.BAD_INPUT, ErrorClass.UNSUPPORTED)


@pytest.mark.fault("44", "image bombs of 12,000 and 50,000 dots a side: refused by every operation on pictures")
def test_bombs_are_refused_and_memory_stays(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    for side in (12_000, 50_000):
        (folder / f"{side}.png").write_bytes(disguised.bomb(side, side))
    pictures = [o for o in REGISTRY if o.items is not None and (o.queue == "images" or o.name in ("probe", "validate"))]
    assert len(pictures) >= 6
    with opened(tmp_path / "home", CONFIG + "memory_mib = 1024\nattempts = 1\n") as home:
        worker = home.start()
        home.client.set_slots("images", 1)
        with Memory(worker.pid) as memory:
            ids = [home.submit(o.name, _values(home, o, [str(folder)])) for o in pictures]
            jobs = [home.wait_final(job_id, 60) for job_id in ids]
        for operation, job in zip(pictures, jobs, strict=True):
            items = {Path(item.key).name: item for item in home.client.items(job.id)}
            assert set(items) == {"12000.png", "50000.png"}, (operation.name, job.failure)
            worst = items["50000.png"]
            if worst.failure is not None:
                assert worst.failure.error_class in _REFUSALS, (operation.name, worst.failure)
            else:
                assert operation.name in ("probe", "validate"), operation.name
        assert memory.peak < (1024 + 300) << 20
        assert worker.process.poll() is None and home.made() == []
