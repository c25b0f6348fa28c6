"""Lists of checksums, as the tools of several systems write them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.errors import ErrorClass, JobFailed
from workers.media.checksums import parse, read_list

FOLDER = Path("/in")
DIGEST = "0123456789abcdef" * 8


@pytest.mark.parametrize(
    ("line", "name", "algorithm"),
    [
        (f"{DIGEST[:64]}  a b.txt", "/in/a b.txt", "sha256"),
        (f"{DIGEST[:64].upper()} *a", "/in/a", "sha256"),
        (f"{DIGEST[:32]}  ./sub/../a", "/in/a", "md5"),
        (f"{DIGEST[:40]}  /other/a", "/other/a", "sha1"),
        (f"{DIGEST}  a", "/in/a", "sha512"),
        (f"\\\\{DIGEST[:64]}  new\\\\nline\\\\\\\\".replace("\\\\", "\\"), "/in/new\nline\\", "sha256"),
        (f"SHA1 (a (1).txt) = {DIGEST[:40]}", "/in/a (1).txt", "sha1"),
        (f"BLAKE2b (a) = {DIGEST}", "/in/a", "blake2b"),
        (f"XXH128 (a) = {DIGEST[:32]}", "/in/a", "xxh3"),
        (f"{DIGEST[:64]}  ends in a return\r", "/in/ends in a return", "sha256"),
    ],
)
def test_a_line(line: str, name: str, algorithm: str) -> None:
    found = parse(line.encode(), FOLDER, "sha256")
    (entry,) = found.entries
    assert (str(entry.path), entry.algorithm) == (name, algorithm)
    assert DIGEST.startswith(entry.digest)
    assert found.bad_lines == ()


@pytest.mark.parametrize("preferred", ["blake3", "xxh3", "blake2b"])
def test_the_preferred_one_of_a_length(preferred: str) -> None:
    length = {"blake3": 64, "xxh3": 32, "blake2b": 128}[preferred]
    (entry,) = parse(f"{DIGEST[:length]}  a".encode(), FOLDER, preferred).entries
    assert entry.algorithm == preferred


def test_lines_that_are_none() -> None:
    lines = ["# a comment", "", "words", f"{DIGEST[:50]}  odd length", f"CRC32 (a) = {DIGEST[:32]}",
             f"SHA256 (a) = {DIGEST[:32]}", f"{DIGEST[:64]}no blank", f"{DIGEST[:64]}  nul\0"]  # fmt: skip
    found = parse("\n".join(lines).encode(), FOLDER, "sha256")
    assert found.entries == ()
    assert found.bad_lines == (3, 4, 5, 6, 7, 8)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_list_or_bad_lines(data: bytes) -> None:
    found = parse(data, FOLDER, "sha256")
    assert len(found.bad_lines) <= data.count(b"\n") + 1


@given(st.binary(min_size=1, max_size=40).filter(lambda name: b"\0" not in name and b"/" not in name))
def test_names_come_back(name: bytes) -> None:
    written = name.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
    mark = b"\\" if written != name else b""
    (entry,) = parse(mark + DIGEST[:64].encode() + b"  " + written, FOLDER, "sha256").entries
    assert os.fsencode(entry.path) == os.path.normpath(b"/in/" + name)


def test_what_is_no_list(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "huge").touch()
    os.truncate(tmp_path / "huge", 1 << 30)
    for name in ("empty", "huge", "missing", "."):
        with pytest.raises(JobFailed) as caught:
            read_list(tmp_path / name, "sha256")
        assert caught.value.failure.error_class is ErrorClass.BAD_INPUT
