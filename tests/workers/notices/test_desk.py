from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.receivers import Program
from workers.config import load_settings
from workers.errors import ReadOnlyError
from workers.notices.desk import NoticeDesk


def _desk(home: Path, command: list[str], **environ: str) -> NoticeDesk:
    (home / "config.toml").write_text(f'[notify]\non = ["failed"]\ncommand = {json.dumps(command)}\n')
    return NoticeDesk(load_settings({"SPOOL_HOME": str(home), **environ}))


def test_a_check_starts_nothing_and_a_test_does(tmp_path: Path) -> None:
    program = Program(tmp_path)
    desk = _desk(tmp_path, program.command)
    assert desk.events == ("failed",)
    (checked,) = desk.check()
    assert checked.ok and program.got == []
    (tried,) = desk.test()
    assert tried.ok and tried.way is desk.ways[0]
    assert [told["EVENT"] for told in program.told] == ["test"]


def test_what_a_program_says_is_passed_on(tmp_path: Path) -> None:
    (tried,) = _desk(tmp_path, ["/bin/sh", "-c", "echo hello $SPOOL_EVENT"]).test()
    assert (tried.ok, tried.said) == (True, "hello test")


def test_watchers_tell_nobody(tmp_path: Path) -> None:
    program = Program(tmp_path)
    desk = _desk(tmp_path, program.command, SPOOL_READ_ONLY="1")
    assert desk.check()[0].ok
    with pytest.raises(ReadOnlyError):
        desk.test()
    assert program.got == []
