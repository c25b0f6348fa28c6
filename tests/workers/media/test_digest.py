"""Checksums, beside those of the standard library over the same bytes."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
import xxhash
from blake3 import blake3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workers.errors import ErrorClass, JobFailed
from workers.media.digest import END_BYTES, Algorithm, digest, ends


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.binary(max_size=2000),
    times=st.sampled_from([0, 1, 600, 3000]),
    algorithm=st.sampled_from(["sha256", "blake2b", "sha512", "sha1", "md5", "blake3", "xxh3"]),
)
def test_it_is_the_checksum_of_all_bytes(tmp_path: Path, data: bytes, times: int, algorithm: Algorithm) -> None:
    path = tmp_path / "file"
    path.write_bytes(data * times)
    if algorithm == "blake3":
        wanted = blake3(data * times).hexdigest()
    elif algorithm == "xxh3":
        wanted = xxhash.xxh3_128_hexdigest(data * times)
    else:
        wanted = hashlib.new(algorithm, data * times).hexdigest()
    assert digest(path, algorithm) == (wanted, len(data) * times)


def test_known_values(tmp_path: Path) -> None:
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    assert digest(path)[0] == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert digest(path, "xxh3")[0] == "06b05ab6733a618578af5f94892f3950"
    assert digest(path, "blake3")[0] == "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"
    assert digest(path, "md5")[0] == "900150983cd24fb0d6963f7d28e17f72"


def test_progress_is_told(tmp_path: Path) -> None:
    path = tmp_path / "big"
    size = (40 << 20) + 7
    path.touch()
    os.truncate(path, size)
    seen: list[tuple[int, int]] = []
    digest(path, pulse=lambda done, total: seen.append((done, total)))
    assert seen == [(16 << 20, size), (32 << 20, size)]


def test_a_file_that_grows_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "growing"
    path.touch()
    os.truncate(path, 20 << 20)

    def grow(done: int, total: int) -> None:
        os.truncate(path, total + 1)

    with pytest.raises(JobFailed, match="changed while it was read"):
        digest(path, pulse=grow)


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "folder", "missing\x1b[2J"):
        with pytest.raises(JobFailed) as caught:
            digest(tmp_path / name)
        assert caught.value.failure.error_class is ErrorClass.BAD_INPUT
        assert caught.value.failure.message.isprintable()


@pytest.mark.parametrize("size", [1, END_BYTES - 1, END_BYTES, END_BYTES + 1, 2 * END_BYTES, 3 * END_BYTES + 5])
def test_the_ends_tell_files_apart(tmp_path: Path, size: int) -> None:
    plain = os.urandom(size)
    path = tmp_path / "file"
    path.write_bytes(plain)
    same = ends(path, size)
    for at in {0, size - 1, min(END_BYTES - 1, size - 1), max(size - END_BYTES, 0)}:
        path.write_bytes(plain[:at] + bytes([plain[at] ^ 1]) + plain[at + 1 :])
        assert ends(path, size) != same
    path.write_bytes(plain)
    assert ends(path, size) == same
    with pytest.raises(JobFailed, match="changed while it was read"):
        ends(path, size + 1)
