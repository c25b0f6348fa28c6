from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from console.cli.submit import request_of
from tests.console.cli.conftest import Ran
from workers.client import Client
from workers.jobs import Priority, State

URL = "http://127.0.0.1:9/film.mp4"


def test_a_submission_prints_the_id_alone(spool: Callable[..., Ran], client: Client) -> None:
    ran = spool("download", URL)
    assert (ran.code, ran.out) == (0, "1\n")
    assert "no worker runs" in ran.err
    assert client.job(1).params["inputs"] == [URL]


def test_several_addresses_are_a_job_each_and_several_files_one_job(spool: Callable[..., Ran], client: Client) -> None:
    assert spool("download", URL, URL + "?2", URL + "?3").lines == ["1", "2", "3"]
    for name in ("a.png", "b.png"):
        Path(name).touch()
    assert spool("thumbnail", "a.png", "b.png").lines == ["4"]
    here = os.getcwd()
    assert client.job(4).params["inputs"] == [f"{here}/a.png", f"{here}/b.png"]


def test_every_flag_of_a_job_arrives(spool: Callable[..., Ran], client: Client) -> None:
    first = client.submit("download", {"inputs": [URL]})
    before = int(time.time() * 1000)
    ran = spool(
        *("download", URL, "--quality", "720p", "--no-metadata", "-o", "films", "--priority", "high", "--at", "+1h"),
        *("--after", str(first.id), "--batch", "b", "--hold", "--json"),
    )
    (shown,) = ran.objects
    job = client.job(int(shown["id"]))
    assert (job.params["quality"], job.params["metadata"], job.params["output"]) == (
        "720p", False, f"{os.getcwd()}/films",
    )  # fmt: skip
    assert (job.priority, job.batch, job.after, job.hold) == (Priority.HIGH, "b", (1,), True)
    assert job.run_after is not None and 3_600_000 <= job.run_after - before < 3_660_000
    assert {reason["reason"] for reason in shown["waiting"]} >= {"hold", "schedule", "dependency", "no_worker"}


def test_every_problem_is_told_at_once_and_nothing_is_submitted(spool: Callable[..., Ran], client: Client) -> None:
    ran = spool(
        *("download", URL, "ftp://x", "nothing", "--quality", "huge", "--rate-limit", "fast"),
        *("--at", "soon", "--after", "one"),
    )
    assert ran.code == 2
    assert ran.out == ""
    lines = ran.err.splitlines()
    for start in ("--at", "--after", "--quality", "--rate-limit", "'ftp://x'", "'nothing'"):
        assert sum(line.startswith(f"spool: download: {start}: ") for line in lines) == 1, start
    assert len(lines) == 6
    assert client.count() == 0


def test_a_batch_has_a_name_that_can_be_shown(spool: Callable[..., Ran], client: Client) -> None:
    ran = spool("download", "http://127.0.0.1:9/x.mp4", "--batch", "a\nb\x1b[31m")
    assert ran.code == 2 and client.count() == 0
    assert "--batch: 'a\\nb\\x1b[31m' holds characters that cannot be shown" in ran.err
    assert spool("download", "http://127.0.0.1:9/x.mp4", "--batch", "Ä b").code == 0


def test_a_job_that_cannot_come_first_is_told(spool: Callable[..., Ran], client: Client) -> None:
    ran = spool("download", URL, "--after", "7")
    assert ran.code == 2
    assert "no such job" in ran.err
    assert client.count() == 0


def test_a_job_cannot_be_waited_for_in_two_ways(spool: Callable[..., Ran], client: Client) -> None:
    first = str(client.submit("download", {"inputs": [URL]}).id)
    ran = spool("download", URL, "--after", first, "--after-ended", first)
    assert (ran.code, ran.out) == (2, "")
    assert "download: --after: job 1 is named by --after-ended too" in ran.err
    assert client.count() == 1


def test_without_inputs_the_help_is_shown(spool: Callable[..., Ran]) -> None:
    ran = spool("download")
    assert ran.code == 2
    assert ran.out == ""
    assert "Usage: spool download" in ran.err
    assert ran.err.splitlines()[-1] == "spool: download: INPUT… is missing"
    ran = spool("download", "--quality", "720p")
    assert ran.code == 2
    assert ran.err.startswith("spool: download: INPUT: ")


def test_inputs_come_from_stdin(spool: Callable[..., Ran], client: Client, stdin: Callable[[bytes], None]) -> None:
    stdin(b"http://127.0.0.1:9/a\r\n\n  \nhttp://127.0.0.1:9/b")
    assert spool("download", "-", URL).lines == ["1", "2", "3"]
    assert [client.job(number).params["inputs"] for number in (1, 2)] == [
        ["http://127.0.0.1:9/a"],
        ["http://127.0.0.1:9/b"],
    ]
    stdin("a b\n.png\0ü.png\0".encode())
    for name in ("a b\n.png", "ü.png"):
        Path(name).touch()
    assert spool("thumbnail", "-0", "-").lines == ["4"]
    assert client.job(4).params["inputs"] == [f"{os.getcwd()}/a b\n.png", f"{os.getcwd()}/ü.png"]


def test_nothing_on_stdin_is_no_job(spool: Callable[..., Ran], client: Client, stdin: Callable[[bytes], None]) -> None:
    stdin(b"\n")
    assert spool("download", "-").code == 2
    assert client.count() == 0
    assert spool("thumbnail", "-0", "a.png").code == 2


def test_a_name_that_is_no_utf8_is_kept(spool: Callable[..., Ran], client: Client) -> None:
    name = os.fsdecode(b"caf\xe9\x1b[2J.png")
    Path(name).touch()
    ran = spool("thumbnail", name)
    assert ran.code == 0
    (key,) = client.job(1).params["inputs"]
    assert key.startswith("bytes:") and key.endswith("caf%E9%1B%5B2J.png")
    shown = spool("show", "1")
    assert "\x1b" not in shown.out


def test_a_hostile_title_is_shown_harmlessly(spool: Callable[..., Ran], client: Client) -> None:
    Path("a\x1b]0;owned\x07\u202eb.png").touch()
    spool("thumbnail", "a\x1b]0;owned\x07\u202eb.png")
    for arguments in (("jobs",), ("jobs", "--json"), ("show", "1"), ("show", "1", "--json"), ("events",)):
        out = spool(*arguments).out
        assert not any(char in out for char in "\x1b\x07\u202e"), arguments
    assert client.job(1).state is State.QUEUED


def test_secrets_are_not_shown(spool: Callable[..., Ran], client: Client) -> None:
    proxy = "http://user:hunter2@127.0.0.1:1"
    outputs = [spool("download", URL, "--proxy", proxy, "--json").out]
    outputs += [spool(*words).out for words in (("show", "1"), ("show", "1", "--json"), ("jobs", "--json"))]
    assert client.job(1).params["proxy"] == proxy
    assert not any("hunter2" in out for out in outputs)


@pytest.mark.parametrize("level", ["low", "normal", "high", "urgent"])
def test_a_request_is_plain_data(level: str) -> None:
    from workers.client import load_registry

    download = next(operation for operation in load_registry() if operation.name == "download")
    given = {
        "inputs": (URL,), "job_at": None, "job_after": ("3", "4"), "job_priority": level, "job_batch": None,
        "job_hold": False, "job_nul": False, "job_window": None, "job_after_ended": (),
    }  # fmt: skip
    request = request_of(download, given)
    assert request.values == ({"inputs": [URL]},)
    assert (request.priority.word, request.after, request.run_after) == (level, (3, 4), None)


def test_a_file_that_is_not_there_is_told_at_once(spool: Callable[..., Ran], client: Client) -> None:
    ran = spool("transcode", "no.mkv", "neither.mkv")
    assert (ran.code, client.count()) == (2, 0)
    assert "no.mkv': there is no such file or folder" in ran.err and "neither.mkv" in ran.err
    for flags in (["--hold"], ["--at", "+1h"]):
        assert spool("transcode", "no.mkv", *flags).code == 2 and client.count() == 0
    Path("there.mkv").touch()
    (first,) = spool("transcode", "there.mkv", "--hold").lines
    for flag in ("--after", "--after-ended"):  # what goes before it may make it
        ran = spool("transcode", "later.mkv", flag, first)
        assert ran.code == 0 and "later.mkv': there is no such file or folder yet; the job fails unless" in ran.err
    assert "no such file" not in spool("transcode", "there.mkv", "--after", first).err


@pytest.mark.parametrize(
    "words",
    [
        ("probe", ""),
        ("probe", "", "good.mp4"),
        ("optimize-image", "", "--replace", "--hold"),
        ("optimize-image", " ", "--hold"),
        ("concat", "", "good.mp4", "--output", "x.mp4"),
        ("probe", "--at", "+1h", "\t"),
    ],
)
def test_an_empty_name_is_refused(spool: Callable[..., Ran], client: Client, words: tuple[str, ...]) -> None:
    Path("good.mp4").touch()
    ran = spool(*words)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"spool: {words[0]}: INPUT: the name is empty; nothing was done\n"
    assert client.count() == 0


def test_a_file_may_be_called_a_blank(spool: Callable[..., Ran], client: Client) -> None:
    Path(" ").touch()
    assert spool("probe", " ").code == 0
    assert client.job(1).params["inputs"] == [f"{os.getcwd()}/ "]


def test_an_edit_to_an_empty_name_is_refused(spool: Callable[..., Ran], client: Client) -> None:
    Path("a.png").touch()
    assert spool("probe", "a.png", "--hold").code == 0
    ran = spool("edit", "1", "inputs= ")
    assert ran.code != 0 and "the name is empty" in ran.err
    assert client.job(1).params["inputs"] == [f"{os.getcwd()}/a.png"]


def test_an_output_that_is_a_file_is_refused_at_once(spool: Callable[..., Ran], client: Client) -> None:
    for name in ("a.mp4", "file"):
        Path(name).touch()
    for output, words in (("file", "is a file, and must be a folder"), ("n" * 300, "File name too long")):
        ran = spool("transcode", "a.mp4", "--output", output)
        assert ran.code == 2 and ran.err.startswith("spool: transcode: --output: ") and words in ran.err
    assert client.count() == 0
    assert spool("transcode", "a.mp4", "--output", "new/folder").code == 0
    assert spool("concat", "a.mp4", "a.mp4", "--output", "whole.mp4").code == 0


def test_a_missing_file_whose_name_is_no_utf8_is_refused(spool: Callable[..., Ran], client: Client) -> None:
    name = os.fsdecode(b"caf\xe9.mp4")
    ran = spool("probe", name)
    assert ran.code == 2 and "caf%E9.mp4': there is no such file or folder" in ran.err
    assert client.count() == 0
    Path(name).touch()
    assert spool("probe", name).code == 0


def test_what_is_wrong_is_told_in_our_words(spool: Callable[..., Ran], client: Client) -> None:
    Path("a.mp4").touch()
    assert spool("concat", "a.mp4", "a.mp4").err == "spool: concat: --output: this is required\n"
    assert spool("thumbnail", "a.mp4", "--size", "5").err == "spool: thumbnail: --size: must be at least 16\n"
    ran = spool("transcode", "a.mp4", "--vmaf", "95", "--size-mib", "9")
    assert ran.err == "spool: transcode: --vmaf and --size-mib exclude each other: each decides the quality\n"
    assert client.count() == 0
