"""What becomes of an item besides its outcome."""

from __future__ import annotations

import json
from pathlib import Path

from tests.workers.runner.conftest import Begin
from workers.jobs import Outcome
from workers.runner.messages import Finished


def test_links_that_lead_nowhere_are_counted_and_fail_nothing(begin: Begin, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "whole.bin").write_bytes(b"x" * 1000)
    for name in ("lost-1", "lost-2"):
        (folder / name).symlink_to(tmp_path / "absent" / name)
    talk = begin("hash", {"inputs": [str(folder)], "processes": 1})
    assert talk.finish() == Finished((), {"items": 3, "done": 3, "failed": 0})
    skipped = [record for record in talk.records() if record.outcome is Outcome.SKIPPED]
    assert sorted(Path(record.key).name for record in skipped) == ["lost-1", "lost-2"]
    assert all("leads nowhere" in json.loads(record.detail)["why"] for record in skipped)


def test_a_link_that_was_named_fails_by_name(begin: Begin, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "whole.bin").write_bytes(b"x")
    named = folder / "lost"
    named.symlink_to(tmp_path / "absent")
    talk = begin("hash", {"inputs": [str(folder), str(named)], "processes": 1})
    assert talk.finish() == Finished((), {"items": 2, "done": 1, "failed": 1})
    (failed,) = [record for record in talk.records() if record.outcome is Outcome.FAILED]
    assert failed.key == str(named) and failed.failure is not None and failed.failure.message
