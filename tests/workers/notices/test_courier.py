"""Couriers as real processes: programs good and bad, a webhook, a mail server, and a leash that is let go."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.support.home import gone, wait_for
from tests.support.receivers import Program, mail_server, webhook
from workers.notices.answer import Answer
from workers.notices.courier import calling_nobody
from workers.notices.posting import Posting, all_answers
from workers.notices.posting import wait_for as wait_for_answer
from workers.notices.ways import Way
from workers.notices.words import Notice

NASTY = '<b>it\'s</b> "$(touch pwned)" `touch pwned` %s &amp; {{7*7}} *x*'
NOTICE = Notice(f"Spool: {NASTY}", f"transcode: {NASTY}\non vm", "failure", {"SPOOL_TITLE": NASTY, "SPOOL_EVENT": "x"})


def _sh(script: str) -> Way:
    return Way("command sh", command=("/bin/sh", "-c", script))


def _answers(*ways: Way, limit_s: float = 20.0) -> list[Answer]:
    return all_answers([Posting(way, NOTICE, limit_s=limit_s) for way in ways])


def test_a_webhook_and_a_mail_server_get_plain_text() -> None:
    with webhook() as hook, mail_server() as mail:
        assert _answers(Way("hook", url=hook.url), Way("mail", url=mail.url)) == [Answer(True), Answer(True)]
        (posted,) = hook.got
        assert (posted["title"], posted["message"], posted["type"]) == (NOTICE.title, NOTICE.body, "failure")
        ((to, letter),) = mail.got
        assert to == ["me@example.org"] and letter["From"].addresses[0].addr_spec == "spool@example.org"
        assert letter["Subject"] == NOTICE.title
        assert letter.get_content_type() == "text/plain"
        assert letter.get_content().split() == NOTICE.body.split()


def test_services_that_refuse_or_are_not_there_are_named_without_secrets() -> None:
    with webhook() as hook:
        hook.status = 403
        url = hook.url
        (refused,) = _answers(Way("hook", url=url))
    dead, unknown = _answers(Way("hook", url=url), Way("none", url="nosuch://Tr0ub4dor"))
    for answer in (refused, dead, unknown):
        assert not answer.ok and answer.said and "Tr0ub4dor" not in answer.said and "k3yk3yk3y" not in answer.said
    assert refused.again and dead.again and not unknown.again
    assert "403" in refused.said


def test_a_program_gets_arguments_and_variables_as_they_are(tmp_path: Path) -> None:
    program = Program(tmp_path)
    way = Way("command", command=(*program.command, "$HOME", "a b", "*"))
    assert _answers(way) == [Answer(True)]
    (got,) = program.got
    assert got["arguments"] == ["$HOME", "a b", "*"]
    assert got["variables"]["SPOOL_TITLE"] == NASTY
    assert not Path("pwned").exists()


def test_a_title_calls_nobody_in_a_chat() -> None:
    assert calling_nobody("<@123> <@&4> @Everyone @here me@example.org @allan") == (
        "<@\u2060123> <@\u2060&4> @\u2060Everyone @\u2060here me@example.org @allan"
    )


def test_how_programs_end() -> None:
    good, bad, again, shot, missing, loud = _answers(
        _sh("echo fine; echo here >&2; cat; exit 0"),
        _sh("exit 3"),
        _sh("exit 75"),
        _sh("kill -9 $$"),
        Way("command", command=("/no/such/program",)),
        _sh("head -c 3000000 /dev/zero | tr '\\0' x; echo end"),
    )
    assert good == Answer(True, output="fine\nhere"), "and its stdin is empty"
    assert bad == Answer(False, False, "ended with exit code 3")
    assert again.again and not again.ok
    assert shot == Answer(False, False, "was ended by signal 9")
    assert missing == Answer(False, True, "cannot be started: No such file or directory")
    assert loud.ok and loud.output.endswith("xend") and len(loud.output) <= 8192


def test_a_program_that_leaves_something_behind_is_not_waited_for(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    (answer,) = _answers(_sh(f"sleep 999 & echo $! > {pid}; echo started"))
    assert answer == Answer(True, output="started")
    left = int(pid.read_text())
    assert not gone(left), "what it put behind deliberately goes on"
    os.kill(left, signal.SIGKILL)


def test_a_program_that_hangs_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    stubborn = (
        f"trap '' TERM INT; echo $$ > {pids}; sleep 999 & echo $! >> {pids}; echo waiting; while :; do sleep 1; done"
    )
    (answer,) = _answers(_sh(stubborn), limit_s=0.5)
    assert answer == Answer(False, False, "not done after 0.5 s, and killed", "waiting")
    for pid in pids.read_text().split():
        wait_for(lambda pid=pid: gone(int(pid)), what=f"the end of {pid}")  # type: ignore[misc]


_PARENT = """
import sys, time
from workers.notices.posting import Posting, all_answers
from workers.notices.posting import wait_for as wait_for_answer
from workers.notices.ways import Way
from workers.notices.words import Notice
posting = Posting(Way("command", command=("/bin/sh", "-c", sys.argv[1])), Notice("", ""), limit_s=600)
time.sleep(600)
"""


def test_all_of_it_ends_with_the_worker(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"trap '' TERM; sleep 999 & echo $PPID $$ $! > {pids}.new; mv {pids}.new {pids}; wait"
    parent = subprocess.Popen([sys.executable, "-c", _PARENT, script])
    wait_for(pids.exists, what="the program's start")
    parent.kill()
    parent.wait()
    for pid in pids.read_text().split():
        wait_for(lambda pid=pid: gone(int(pid)), what=f"the end of {pid}")  # type: ignore[misc]


def test_a_courier_that_is_killed_or_ended_counts_as_no_answer(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"echo $PPID $$ > {pids}.new; mv {pids}.new {pids}; sleep 999"
    posting = Posting(_sh(script), NOTICE, limit_s=600)
    wait_for(pids.exists, what="the program's start")
    courier, program = map(int, pids.read_text().split())
    assert posting.hear() is None
    os.kill(courier, signal.SIGKILL)
    wait_for(lambda: gone(program), what="the end of the program")
    wait_for_answer([posting], 20)
    answer = posting.hear()
    assert answer is not None and not answer.ok and answer.again and "without an answer" in answer.said
    posting.end()


def test_an_errand_that_never_comes_ends_it() -> None:
    command = [sys.executable, "-m", "workers.notices.courier"]
    for text in (b"", b'{"url": "json://'):
        ran = subprocess.run(command, input=text, capture_output=True, timeout=60, check=False)
        assert (ran.returncode, ran.stdout, ran.stderr) == (1, b"", b"")


def test_a_courier_of_a_service_ends_with_its_leash() -> None:
    with webhook() as hook:
        errand = {"url": f"{hook.url}?rto=60", "command": [], "check": False, "title": "", "body": "b", "kind": "info"}
        hook.answering.clear()  # it takes the request and does not answer
        process = subprocess.Popen(
            [sys.executable, "-m", "workers.notices.courier"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert process.stdin is not None
        process.stdin.write(json.dumps({**errand, "variables": {}, "limit_s": 1}).encode() + b"\n")
        process.stdin.flush()
        assert hook.asked.wait(60)
        process.stdin.close()
        assert process.wait(30) == 1, "the service may take a minute"
        hook.answering.set()
