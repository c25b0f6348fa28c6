from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.logs import open_log, read_log
from workers.text import clean_lines


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "1.log"
    path.write_bytes("one\nzwei ü\n\x1b[31mthree\npart".encode())
    return path


def test_a_missing_log_is_empty(tmp_path: Path) -> None:
    assert read_log(tmp_path / "none") == ("", 0) == read_log(tmp_path / "none", -10)


def test_whole_lines_made_safe(log: Path) -> None:
    text, after = read_log(log)
    assert text == "one\nzwei ü\n\\x1b[31mthree\n"
    assert read_log(log, after) == ("", after)
    with log.open("ab") as file:
        file.write(b"ial\n")
    assert read_log(log, after)[0] == "partial\n"


def test_the_last_line_of_a_complete_log_needs_no_end(log: Path) -> None:
    text, after = read_log(log, complete=True)
    assert text.endswith("\npart") and after == log.stat().st_size
    assert read_log(log, after, complete=True) == ("", after)
    assert read_log(log, 0, 5, complete=True) == ("one\n", 4)


def test_from_the_end(log: Path) -> None:
    size = log.stat().st_size
    assert read_log(log, -6) == ("", size - 4)
    assert read_log(log, -18)[0] == "\\x1b[31mthree\n"
    assert read_log(log, -10_000)[0].startswith("one\n")
    middle_of_the_umlaut = len(b"one\nzwei ") + 1 - size
    assert read_log(log, middle_of_the_umlaut)[0] == "\\x1b[31mthree\n"


def test_offsets_beyond_the_end(log: Path) -> None:
    assert read_log(log, 10_000) == ("", log.stat().st_size)
    assert read_log(log, 0, 0) == ("", 0)


def test_a_line_longer_than_the_limit_comes_in_whole_characters(tmp_path: Path) -> None:
    path = tmp_path / "long"
    path.write_bytes(("ä€😀" * 50).encode())
    for limit in range(4, 30):
        text, offset = "", 0
        while True:
            part, after = read_log(path, offset, limit, complete=True)
            text += part
            if after == offset:
                break
            offset = after
        assert text == "ä€😀" * 50


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r")), max_size=8), st.integers(8, 40))
def test_any_log_comes_whole_in_pieces(tmp_path_factory: pytest.TempPathFactory, lines: list[str], limit: int) -> None:
    path = tmp_path_factory.mktemp("logs") / "log"
    content = "\n".join(lines)
    path.write_bytes(content.encode())
    text, offset = "", 0
    while offset < path.stat().st_size:
        part, after = read_log(path, offset, limit, complete=True)
        assert after > offset
        text, offset = text + part, after
    assert text == clean_lines(content)


def test_bytes_that_are_no_text_are_shown_as_such(tmp_path: Path) -> None:
    (tmp_path / "raw").write_bytes(b"\xff\xfe\x80 ok\n" + b"\xff" * 100)
    assert read_log(tmp_path / "raw")[0] == "\ufffd\ufffd\ufffd ok\n"
    assert read_log(tmp_path / "raw", 7, 50)[1] > 7


def test_a_log_is_private_and_appended_to(tmp_path: Path) -> None:
    for text in (b"one\n", b"two\n"):
        descriptor = open_log(tmp_path / "log")
        os.write(descriptor, text)
        os.close(descriptor)
    assert (tmp_path / "log").read_bytes() == b"one\ntwo\n"
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o600
