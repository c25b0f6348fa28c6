from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pexpect
import pytest

from tests.console.cli.conftest import ROOT, Ran
from workers.client import Client
from workers.jobs import Priority, State


@pytest.fixture
def four(client: Client) -> Client:
    for number in range(4):
        client.submit("download", {"inputs": [f"http://127.0.0.1:9/{number}.mp4"]})
    return client


def states(client: Client) -> list[str]:
    return [client.job(job_id).state.value for job_id in client.job_ids(sort="id")]


def test_ids_are_cancelled_without_a_question(spool: Callable[..., Ran], four: Client) -> None:
    ran = spool("cancel", "1", "3-4")
    assert (ran.code, ran.lines) == (0, ["1: cancelled", "3: cancelled", "4: cancelled"])
    assert states(four) == ["cancelled", "queued", "cancelled", "cancelled"]


def test_a_query_is_not_cancelled_unasked(spool: Callable[..., Ran], four: Client) -> None:
    ran = spool("cancel", "state:queued")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "spool: cancel of 4 jobs needs --yes where nobody can be asked; nothing was done\n"
    assert states(four) == ["queued"] * 4
    assert spool("cancel", "state:queued", "--yes").code == 0
    assert states(four) == ["cancelled"] * 4


def test_a_query_cancels_what_has_not_ended(spool: Callable[..., Ran], four: Client) -> None:
    four.cancel([1, 2])
    assert "cancel of 2 jobs needs --yes" in spool("cancel", "queue:downloads").err
    ran = spool("cancel", "queue:downloads", "--yes")
    assert (ran.code, ran.err) == (0, "") and sorted(ran.lines) == ["3: cancelled", "4: cancelled"]
    for flags in ([], ["--yes"]):
        ran = spool("cancel", "queue:downloads", *flags)
        assert ran == Ran(0, "", "all jobs that match have ended; nothing was done\n")
    assert spool("cancel", "4").code == 1  # named one by one, each is meant


def test_rm_asks_even_for_an_id(spool: Callable[..., Ran], four: Client) -> None:
    four.cancel([1, 2])
    assert spool("rm", "1").code == 2
    assert four.count() == 4
    assert spool("rm", "-y", "1").code == 0
    assert list(four.job_ids(sort="id")) == [2, 3, 4]


def test_a_refused_change_is_told_and_fails(spool: Callable[..., Ran], four: Client) -> None:
    ran = spool("resume", "1", "99")
    assert ran.code == 1
    assert ran.err.startswith("spool: job 1: ") and "spool: there is no job 99;" in ran.err
    ran = spool("rm", "--yes", "2", "--json")
    assert ran.code == 1
    (answer,) = ran.objects
    assert (answer["id"], answer["ok"]) == (2, False)


def test_nothing_found_is_no_failure(spool: Callable[..., Ran], four: Client) -> None:
    assert spool("cancel", "state:failed") == Ran(0, "", "no job matches; nothing was done\n")
    assert spool("cancel").code == 2


@pytest.mark.parametrize("verb", ["cancel", "pause", "resume", "retry", "hold", "rm", "now"])
def test_a_word_that_means_no_job_is_a_mistake(spool: Callable[..., Ran], four: Client, verb: str) -> None:
    ran = spool(verb, "abc")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("spool: no job has 'abc' in its title; nothing was done")
    assert spool(verb, "500-600").err == "spool: there is no job 500-600; nothing was done; `spool jobs` lists them\n"
    assert spool("priority", "abc", "high").code == spool("schedule", "abc", "--at", "now").code == 2


def test_hold_unhold_retry(spool: Callable[..., Ran], four: Client) -> None:
    assert spool("hold", "1-4").code == 0
    assert all(four.job(number).hold for number in (1, 2, 3, 4))
    assert spool("unhold", "2").code == 0
    assert not four.job(2).hold
    four.cancel([3])
    assert spool("retry", "state:cancelled").code == 0
    assert four.job(3).state is State.QUEUED


def test_priority(spool: Callable[..., Ran], four: Client) -> None:
    assert spool("priority", "1", "2-3", "urgent").code == 0
    assert [four.job(number).priority for number in (1, 2, 3, 4)] == [Priority.URGENT] * 3 + [Priority.NORMAL]
    for words in (("priority", "1", "top"), ("priority", "high"), ("priority",)):
        assert spool(*words).code == 2


def test_edit(spool: Callable[..., Ran], four: Client) -> None:
    assert spool("edit", "1", "quality=480p", "--playlist=true", "output=films").code == 0
    params = four.job(1).params
    assert (params["quality"], params["playlist"], params["output"]) == ("480p", True, f"{os.getcwd()}/films")
    assert spool("edit", "1", "quality=").code == 0
    assert four.job(1).params["quality"] == "best"
    for change, said in [("qualty=x", "did you mean quality?"), ("quality=x", "480p"), ("quality", "option=value")]:
        ran = spool("edit", "1", change)
        assert ran.code == 2
        assert said in ran.err
    four.cancel([2])
    assert spool("edit", "2", "quality=480p").code == 1


def test_new_inputs_are_checked_as_at_submission(spool: Callable[..., Ran], client: Client, tmp_path: Path) -> None:
    there, absent = tmp_path / "there", tmp_path / "absent"
    there.touch()
    job_id = client.submit("transcode", {"inputs": [str(there)]}).id
    ran = spool("edit", str(job_id), f"inputs={absent}", f"output={there}")
    assert ran.code == 2 and f"{str(absent)!r}: there is no such file or folder" in ran.err
    assert "is a file, and must be a folder" in ran.err
    assert list(client.job(job_id).params["inputs"]) == [str(there)]
    client.hold([job_id])
    assert spool("edit", str(job_id), f"inputs={absent}").code == 2
    later = client.submit("transcode", {"inputs": [str(there)]}, after=[job_id]).id
    ran = spool("edit", str(later), f"inputs={absent}")  # what goes before it may make it
    assert ran.code == 0 and f"{str(absent)!r}: there is no such file or folder yet" in ran.err


@pytest.mark.parametrize(("typed", "left"), [("y", 0), ("n", 2), ("", 2), ("\x04", 2)])
def test_with_a_terminal_the_count_is_shown_and_asked(four: Client, typed: str, left: int) -> None:
    four.cancel([1, 2])
    child = pexpect.spawn(sys.executable, ["-m", "console", "rm", "state:cancelled"], cwd=str(ROOT), timeout=30)
    child.expect_exact("rm 2 jobs? [y/N]")
    child.send(typed if typed == "\x04" else typed + "\r")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == (0 if typed == "y" else 1)
    assert four.count("state:cancelled") == left


def test_ctrl_c_at_the_question_is_130_and_touches_nothing(four: Client) -> None:
    child = pexpect.spawn(sys.executable, ["-m", "console", "cancel", "state:queued"], cwd=str(ROOT), timeout=30)
    child.expect_exact("[y/N]")
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
    assert states(four) == ["queued"] * 4


def test_stdin_that_is_no_terminal_cannot_agree(four: Client) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "console", "cancel", "state:queued"], input="y\n", capture_output=True, text=True
    )
    assert ran.returncode == 2
    assert states(four) == ["queued"] * 4


@pytest.mark.parametrize("verb", ["cancel", "pause", "retry", "hold"])
def test_a_job_that_is_not_there_is_told_as_everywhere(spool: Callable[..., Ran], client: Client, verb: str) -> None:
    ran = spool(verb, "999")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "spool: there is no job 999; `spool jobs` lists them\n" == spool("show", "999").err
    client.submit("download", {"inputs": ["http://127.0.0.1:9/film.mp4"]})
    assert spool("cancel", "1", "999").code == 1
