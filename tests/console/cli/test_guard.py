from __future__ import annotations

import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from console.cli import guard, root
from tests.console.cli.conftest import Ran
from workers.client import Client
from workers.errors import ConfigError, InvalidParams, SpoolError, StoreError
from workers.version import VERSION

Process = Callable[..., "subprocess.CompletedProcess[str]"]


def raising(error: BaseException) -> Callable[..., int]:
    def answer(arguments: object) -> int:
        raise error

    return answer


def test_the_version(spool: Callable[..., Ran]) -> None:
    assert spool("--version") == Ran(0, f"spool {VERSION}\n", "")
    assert spool("--version", "jobs").out == f"spool {VERSION}\n"


@pytest.mark.parametrize(
    ("error", "code"), [(StoreError("locked"), 1), (ConfigError("bad key"), 78), (SpoolError("a\x1b[2J\nb"), 1)]
)
def test_an_error_on_purpose_is_one_line(
    spool: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch, error: SpoolError, code: int
) -> None:
    monkeypatch.setattr(guard, "_answer", raising(error))
    ran = spool("jobs")
    assert ran.code == code
    assert ran.out == ""
    assert ran.err.startswith("spool: ") and ran.err.endswith("\n")
    assert ran.err[:-1].isprintable()


def test_every_wrong_option_is_a_line(spool: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> None:
    error = InvalidParams("download", [("--quality", "no such"), ("", "all wrong")])
    monkeypatch.setattr(guard, "_answer", raising(error))
    ran = spool("download", "x")
    assert ran.code == 2
    assert ran.err.splitlines() == ["spool: download: --quality: no such", "spool: download: all wrong"]


def test_a_crash_is_one_line_and_a_private_report(
    spool: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    monkeypatch.setattr(guard, "_answer", raising(RuntimeError("what?\x1b[2J")))
    ran = spool("download", "--proxy", "http://user:secret@host")
    assert ran.code == 1
    assert len(ran.err.splitlines()) == 1
    assert "RuntimeError" in ran.err and "\x1b" not in ran.err
    (report,) = (home / "state").glob("crash-*.txt")
    assert str(report) in ran.err
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    text = report.read_text()
    assert "Traceback" in text and VERSION in text and "verb: download" in text
    assert "secret" not in text


def test_a_crash_without_a_place_for_the_report_is_still_one_line(
    spool: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    (home / "state").write_text("in the way")
    monkeypatch.setattr(guard, "_answer", raising(RuntimeError("what?")))
    ran = spool("jobs")
    assert (ran.code, ran.err) == (1, "spool: unexpected RuntimeError: what?\n")


def test_an_interruption_is_130_without_a_word(spool: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "_answer", raising(KeyboardInterrupt()))
    assert spool("jobs") == Ran(130, "", "")


def test_wrong_words_are_usage(spool: Callable[..., Ran]) -> None:
    for arguments, said in [
        (("jbos",), "did you mean 'jobs'?"),
        (("show",), "missing argument 'ID'"),
        (("jobs", "--limit", "x"), "--limit"),
        (("--nonsense",), "--nonsense"),
        (("show", "x"), "not the id of a job"),
        (("show", "99"), "no job 99"),
        (("jobs", "stat:failed"), "did you mean state:?"),
    ]:
        ran = spool(*arguments)
        assert (ran.code, ran.out) == (2, ""), arguments
        assert said in ran.err
        assert len(ran.err.splitlines()) == 1


def test_a_wrong_configuration_ends_with_78(spool: Callable[..., Ran], home: Path) -> None:
    (home / "config.toml").write_text("[jobs]\natempts = 3\n")
    for arguments in (("resume", "1"), ("worker",), ("config", "--check"), ("download", "http://127.0.0.1:9/x.mp4")):
        ran = spool(*arguments)
        assert ran.code == 78, arguments
        assert "did you mean 'attempts'?" in ran.err
        assert len(ran.err.splitlines()) == 1


def test_a_home_that_cannot_be_made_is_told(spool: Callable[..., Ran], home: Path) -> None:
    (home / "state").write_text("in the way")
    ran = spool("jobs")
    assert ran.code == 78
    assert str(home / "state") in ran.err


@pytest.mark.parametrize("verb", [["--version"], ["jobs"], ["jobs", "--json"], ["--help"], ["queue"]])
def test_a_full_disk_is_one_line(process: Process, client: Client, verb: list[str]) -> None:
    client.submit("download", {"inputs": ["http://127.0.0.1:9/x.mp4"]}, hold=True)
    with open("/dev/full", "w") as full:
        ran = process(*verb, stdout=full)
    assert ran.returncode == 1
    assert ran.stderr == "spool: cannot write the output: No space left on device\n"


def test_a_reader_that_goes_away_is_no_traceback(home: Path, client: Client) -> None:
    for number in range(300):  # more than a pipe holds
        client.submit("download", {"inputs": [f"http://127.0.0.1:9/{'x' * 200}{number}.mp4"]}, hold=True)
    command = subprocess.Popen(
        [sys.executable, "-m", "console", "jobs", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert command.stdout is not None and command.stderr is not None
    assert command.stdout.readline().startswith("{")
    command.stdout.close()
    assert command.stderr.read() == ""
    assert command.wait(30) == 1
    command.stderr.close()


def test_closed_streams_are_no_traceback(home: Path) -> None:
    ran = subprocess.run(
        ["sh", "-c", f"exec '{sys.executable}' -m console status >&- 2>&-"], capture_output=True, text=True, timeout=60
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (1, "", "")


def test_ctrl_c_while_following_is_130(home: Path, client: Client) -> None:
    client.submit("download", {"inputs": ["http://127.0.0.1:9/x.mp4"]}, hold=True)
    command = subprocess.Popen(
        [sys.executable, "-m", "console", "events", "--follow"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert command.stdout is not None
    assert "submitted" in command.stdout.readline()
    command.send_signal(signal.SIGINT)
    out, err = command.communicate(timeout=30)
    assert (command.returncode, out, err.strip()) == (130, "", "")


def test_completion_is_answered(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_SPOOL_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "spool transcode --preset a")
    monkeypatch.setenv("COMP_CWORD", "3")
    ran = process()
    assert ran.stdout.splitlines() == ["plain,archive", "plain,audio"]
    assert ran.returncode == 0


def test_the_verbs_of_the_table_are_commands(home: Path) -> None:
    for name in root.VERBS:
        command = root.spool.get_command(root.spool.make_context("spool", []), name)
        assert command is not None and command.name == name
        assert command.help
