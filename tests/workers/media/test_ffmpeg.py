"""Finding ffmpeg, running it, and reading why it failed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from tests.support.media import CONCAT_TEXT, HLS_TEXT, Media
from workers.errors import ErrorClass, JobFailed
from workers.jobs import Progress
from workers.media.ffmpeg import Told, find, locate, parse_progress, run, split_level, why_failed


def forever() -> list[str]:
    """A command that encodes until it is stopped."""
    return [locate(), "-re", "-f", "lavfi", "-i", "testsrc2=size=64x64:rate=25", "-f", "null", "-"]


def children() -> list[psutil.Process]:
    return [p for p in psutil.Process().children() if "ffmpeg" in p.name()]


def gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def wait_until(condition: object, seconds: float = 10.0) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def test_the_one_that_comes_with_spool_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    found = find()
    assert "imageio_ffmpeg" in found.path
    assert {"libx264", "aac", "libvpx-vp9"} <= found.encoders
    assert "scale" in found.filters
    assert found.version


def test_the_path_comes_before_the_wheel_and_the_setting_before_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = locate()
    for name in ("path", "setting"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "ffmpeg").symlink_to(real)
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    assert locate() == str(tmp_path / "path" / "ffmpeg")
    assert locate(str(tmp_path / "setting")) == str(tmp_path / "setting" / "ffmpeg")
    assert find(str(tmp_path / "setting" / "ffmpeg")).encoders


def test_a_setting_that_is_wrong_is_told(tmp_path: Path) -> None:
    with pytest.raises(JobFailed, match=r"correct tools[.]ffmpeg, or SPOOL_FFMPEG") as caught:
        locate(str(tmp_path / "nothing"))
    assert caught.value.failure.error_class is ErrorClass.TOOL
    shutil.copy("/bin/true", tmp_path / "ffmpeg")
    with pytest.raises(JobFailed, match="no ffmpeg that works"):
        find(str(tmp_path / "ffmpeg"))


def test_progress_is_told_to_the_end(media: Media) -> None:
    told: list[Progress] = []
    command = [
        locate(),
        "-re",
        "-f",
        "mp4",
        "-i",
        f"file:{media.vp9.with_name('clip.mp4')}",
        "-t",
        "1.5",
        "-f",
        "null",
        "-",
    ]
    assert media.clip.exists()
    run(command, duration_s=1.5, on_progress=told.append)
    fractions = [p.fraction for p in told if p.fraction is not None]
    assert len(told) >= 3
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert any(p.rate and p.eta_s is not None for p in told)
    assert all(p.total == 1500 and p.unit == "ms" for p in told)


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ({"out_time_us": "2000000", "speed": "2.0x"}, Progress(0.2, "encoding", 2000, 10_000, 2000.0, 4.0, "ms")),
        ({"out_time_us": "N/A", "speed": "N/A"}, Progress(None, "encoding", None, 10_000, None, None, "ms")),
        ({"out_time_us": "-5", "speed": "0x"}, Progress(0.0, "encoding", 0, 10_000, 0.0, None, "ms")),
        ({"out_time_us": "99000000"}, Progress(1.0, "encoding", 10_000, 10_000, None, None, "ms")),
        ({}, Progress(None, "encoding", None, 10_000, None, None, "ms")),
    ],
)
def test_blocks_of_progress(block: dict[str, str], expected: Progress) -> None:
    assert parse_progress(block, 10.0) == expected


@pytest.mark.parametrize(
    ("code", "lines", "expected"),
    [
        (0, [], None),
        (0, ["av_interleaved_write_frame(): No space left on device"], ErrorClass.DISK),
        (228, ["[out#0/mp4 @ 0x5] Error writing trailer: No space left on device"], ErrorClass.DISK),
        (183, ["[mov @ 0x55] moov atom not found", "Error opening input"], ErrorClass.BAD_INPUT),
        (1, ["Decoder (codec av2) not found for input stream"], ErrorClass.UNSUPPORTED),
        (-9, [], ErrorClass.CRASHED),
        (1, ["Unrecognized option 'foo'."], ErrorClass.TOOL),
        (-signal.SIGXFSZ, [], ErrorClass.UNSUPPORTED),
        (0, ["[out#0/nut @ 0x1] Error writing trailer: File too large"], ErrorClass.UNSUPPORTED),
    ],
)
def test_why_it_failed(code: int, lines: list[str], expected: ErrorClass | None) -> None:
    found = why_failed(code, lines)
    assert (found and found[0]) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("[h264 @ 0x55ab] [error] no frame!", ("error", "[h264 @ 0x55ab] no frame!")),
        ("[error] Conversion failed!", ("error", "Conversion failed!")),
        ("[in#0 @ 0x1] [h264 @ 0x2] [warning] odd", ("warning", "[in#0 @ 0x1] [h264 @ 0x2] odd")),
        ("Svt[error]: words", ("", "Svt[error]: words")),
        ("film [error] .mp4", ("", "film [error] .mp4")),
    ],
)
def test_levels_of_lines(line: str, expected: tuple[str, str]) -> None:
    assert split_level(line) == expected


def test_errors_are_counted_and_the_first_is_kept() -> None:
    assert Told().damage == ""
    assert Told(("a", "b"), 1, "a").damage == "1 message, the first: a"
    assert Told(("a", "b"), 2, "a").damage == "2 messages, the first: a"


def test_its_last_lines_are_the_detail(media: Media, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mkv"
    broken.write_bytes(b"\x1a\x45\xdf\xa3" + b"\x5a" * 5000)
    with pytest.raises(JobFailed) as caught:
        run([locate(), "-f", "matroska", "-i", f"file:{broken}", "-f", "null", "-"], source="KEY")
    failure = caught.value.failure
    assert failure.error_class is ErrorClass.BAD_INPUT
    assert failure.input == "KEY"
    assert "Invalid data" in failure.detail


@pytest.mark.parametrize("text", [HLS_TEXT, CONCAT_TEXT])
def test_the_format_given_refuses_scripts(media: Media, tmp_path: Path, text: str) -> None:
    script = tmp_path / "innocent.mp4"
    script.write_text(text.format(secret=media.clip))
    guard = ["-f", "mp4", "-protocol_whitelist", "file,pipe"]
    with pytest.raises(JobFailed) as caught:
        run([locate(), *guard, "-i", f"file:{script}", "-f", "null", "-"])
    assert caught.value.failure.error_class is ErrorClass.BAD_INPUT


def test_what_the_listener_raises_ends_the_program() -> None:
    def stop(progress: Progress) -> None:
        raise KeyError("enough")

    with pytest.raises(KeyError):
        run(forever(), on_progress=stop)
    assert not children()


def test_a_killed_program_is_a_crash() -> None:
    killed: list[int] = []

    def kill(progress: Progress) -> None:
        for child in children():
            killed.append(child.pid)
            child.kill()

    with pytest.raises(JobFailed, match="SIGKILL") as caught:
        run(forever(), on_progress=kill)
    assert killed
    assert caught.value.failure.error_class is ErrorClass.CRASHED
    assert caught.value.failure.retryable


def test_it_stays_in_our_process_group() -> None:
    groups: set[int] = set()

    def look(progress: Progress) -> None:
        groups.update(os.getpgid(child.pid) for child in children())
        raise StopIteration

    with pytest.raises(StopIteration):
        run(forever(), on_progress=look)
    assert groups == {os.getpgid(0)}


@pytest.mark.skipif(sys.platform != "linux", reason="the death signal is one of Linux")
@pytest.mark.parametrize("stopped", [False, True], ids=["running", "stopped"])
def test_it_dies_with_its_runner(stopped: bool) -> None:
    code = f"""
        from workers.media.ffmpeg import run
        run({forever()!r}, on_progress=lambda progress: print("going", flush=True))
    """
    runner = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, start_new_session=True
    )
    try:
        assert runner.stdout is not None
        assert runner.stdout.readline() == b"going\n"
        (child,) = psutil.Process(runner.pid).children()
        if stopped:
            os.killpg(runner.pid, signal.SIGSTOP)
            wait_until(lambda: child.status() == psutil.STATUS_STOPPED)
        runner.kill()
        wait_until(lambda: gone(child))
    finally:
        runner.kill()
        runner.wait()
        assert runner.stdout is not None
        runner.stdout.close()
