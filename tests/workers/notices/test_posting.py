from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.home import gone, wait_for
from workers.notices.answer import Answer
from workers.notices.posting import Posting, all_answers
from workers.notices.ways import Way
from workers.notices.words import Notice

NOTICE = Notice("title", "body")


def _sh(script: str) -> Way:
    return Way("command sh", command=("/bin/sh", "-c", script))


def test_answers_come_in_the_order_of_the_questions() -> None:
    slow = Posting(_sh("sleep 0.3; echo slow"), NOTICE, limit_s=20)
    quick = Posting(_sh("echo quick"), NOTICE, limit_s=20)
    assert [answer.output for answer in all_answers([slow, quick])] == ["slow", "quick"]
    slow.end()  # harmless after the end
    assert all_answers([]) == []


def test_a_courier_that_says_nothing_in_time_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pids = tmp_path / "pids"
    posting = Posting(_sh(f"echo $PPID $$ > {pids}.new; mv {pids}.new {pids}; sleep 999"), NOTICE, limit_s=600)
    wait_for(pids.exists, what="the program's start")
    assert posting.hear() is None
    monkeypatch.setattr(posting, "_deadline", 0.0)
    assert posting.hear() == Answer(False, True, "no answer in time")
    for pid in pids.read_text().split():
        wait_for(lambda pid=pid: gone(int(pid)), what=f"the end of {pid}")  # type: ignore[misc]


@pytest.mark.parametrize("said", [b"", b"not JSON", b"[1]", b'{"ok": true}', b"\xff"])
def test_an_answer_that_is_none_counts_as_not_told(said: bytes) -> None:
    posting = Posting(_sh("exit 0"), NOTICE, limit_s=20)
    all_answers([posting])
    posting._said = said
    answer = posting._answer()
    assert not answer.ok and answer.again and "without an answer" in answer.said
