"""The log of a running job: bounded, whole over a turn, and never in the way of the work."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.joblog import JobLog, LogFile
from workers.logs import old_part, open_log, read_log, remove_log


def read_all(path: Path, offset: int = 0) -> tuple[str, int]:
    text = ""
    while True:
        piece, after = read_log(path, offset, 4096, complete=True)
        if after == offset:
            return text, offset
        text, offset = text + piece, after


def test_both_parts_read_as_one_text(tmp_path: Path) -> None:
    path = tmp_path / "1.log"
    file = LogFile(path, 16384)
    lines = [f"line {number:05} {'x' * 80}\n" for number in range(150)]
    for line in lines:
        file.append(line.encode())
    file.close()
    assert old_part(path).exists()
    assert read_all(path)[0] == "".join(lines)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for part in (path, old_part(path)):
        assert part.stat().st_size <= 8192 + 64
        assert part.read_bytes().endswith(b"\n")
    remove_log(path)
    assert not list(tmp_path.iterdir())


def test_what_is_gone_is_told_and_the_end_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "1.log"
    file = LogFile(path, 8192)
    lines = [f"{number:09}\n" for number in range(5000)]
    file.append("".join(lines).encode())
    file.close()
    text, end = read_all(path)
    first, *rest = text.splitlines(keepends=True)
    assert end == 50_000 and rest == lines[-len(rest) :] and len(rest) > 400
    assert first == f"--- {50_000 - 10 * len(rest):,} bytes before this are no longer kept\n"
    assert read_log(path, -25) == ("000004998\n000004999\n", 50_000)


def test_the_next_attempt_goes_on_where_the_last_ended(tmp_path: Path) -> None:
    path = tmp_path / "1.log"
    lines = [f"{number:09}\n" for number in range(1000)]
    for start in range(0, 1000, 100):
        file = LogFile(path, 16384)
        file.append("".join(lines[start : start + 100]).encode())
        file.close()
    assert read_all(path) == ("".join(lines), 10_000)


@settings(max_examples=40)
@given(st.lists(st.binary(max_size=9000), max_size=12), st.integers(0, 20_000))
def test_no_byte_is_lost_or_doubled(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes], most_bytes: int
) -> None:
    path = tmp_path_factory.mktemp("log") / "1.log"
    file = LogFile(path, most_bytes)
    seen = b""
    for piece in (b"--- attempt 1\n", *pieces):
        seen += piece
        file.append(piece)
        kept = sum(part.stat().st_size for part in (path, old_part(path)) if part.exists())
        assert kept <= max(8192, most_bytes) + 128
        assert read_log(path, -1, complete=True)[1] == len(seen)
    file.close()
    whole = b"".join(_content(part) for part in (old_part(path), path) if part.exists())
    assert seen.endswith(whole)
    assert len(whole) == len(seen) or old_part(path).exists()


def _content(part: Path) -> bytes:
    data = part.read_bytes()
    return data.partition(b"\n")[2] if data.startswith(b"--- continued after ") else data


def test_a_reader_follows_while_parts_turn(tmp_path: Path) -> None:
    """The writer turns parts between any two steps of the reader; nothing is read twice and no gap goes untold."""
    path = tmp_path / "1.log"
    script = (
        "import sys; from pathlib import Path; from workers.joblog import LogFile\n"
        "file = LogFile(Path(sys.argv[1]), 65536)\n"
        "for n in range(60000): file.append(b'%09d\\n' % n)\n"
    )
    os.close(open_log(path))
    writer = subprocess.Popen([sys.executable, "-c", script, str(path)])
    offset, last = 0, -1
    while True:
        over = writer.poll() is not None
        text, after = read_log(path, offset, 8192)
        for line in text.splitlines():
            if line.startswith("---"):
                last += int(line.split()[1].replace(",", "")) // 10
            else:
                assert int(line) == last + 1
                last += 1
        if over and after == offset:
            break
        offset = after
    assert (writer.returncode, last) == (0, 59_999)


def test_a_log_that_was_moved_away_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "1.log"
    file = LogFile(path, 1 << 20)
    file.append(b"one\n")
    path.rename(tmp_path / "elsewhere")
    file.append(b"two\n")
    file.close()
    assert (tmp_path / "elsewhere").read_bytes() == b"one\n"
    assert read_log(path, 4) == ("two\n", 8)
    assert read_log(path)[0] == "--- 4 bytes before this are no longer kept\ntwo\n"


def test_a_full_disk_costs_lines_and_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "1.log"
    file = LogFile(path, 1 << 20)
    real = os.write

    def full(descriptor: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    file.append(b"lost\n")
    file.append(b"lost too\n")
    monkeypatch.setattr(os, "write", real)
    file.append(b"kept\n")
    file.close()
    assert read_log(path)[0] == "--- 14 bytes of log were lost: the disk refused them\nkept\n"


def test_what_stands_in_the_pipe_at_the_end_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "1.log"
    with JobLog(path, 1 << 20) as log:
        log.note("--- attempt 1")
        child = subprocess.Popen(
            ["sh", "-c", "echo out; echo err >&2; exec sleep 60"], stdout=log.writer, stderr=log.writer
        )
        log.let_go()
        while "err" not in read_log(path)[0]:
            assert child.poll() is None
        child.kill()
        child.wait()
    assert read_log(path)[0] == "--- attempt 1\nout\nerr\n"


def test_a_stray_writer_does_not_keep_the_log_open(tmp_path: Path) -> None:
    log = JobLog(tmp_path / "1.log", 8192)
    stray = subprocess.Popen(["yes"], stdout=log.writer)
    log.close()
    log.close()
    assert stray.wait(10) != 0  # nobody reads any more: the pipe told it so
