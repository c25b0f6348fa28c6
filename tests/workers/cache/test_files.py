from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workers.cache.files import entry_path, keep, recall

KEY, STAMP = bytes(range(16)), b"\1" * 16
FACTS = {"width": 320, "words": ["a", "é"]}


def kept(tmp_path: Path, body: bytes) -> Path:
    made = tmp_path / "made.jpg"
    made.write_bytes(body)
    assert keep(tmp_path / "cache", "thumbnail", KEY, STAMP, FACTS, made, 1.5) > len(body)
    return entry_path(tmp_path / "cache", "thumbnail", KEY)


@pytest.mark.parametrize("size", [0, 1, 5000, (1 << 20) + 1])
def test_a_kept_file_comes_back_with_its_facts(tmp_path: Path, size: int) -> None:
    body = os.urandom(size)
    path = kept(tmp_path, body)
    assert path == tmp_path / "cache/files/thumbnail/00" / KEY.hex()
    assert path.stat().st_mode & 0o777 == 0o600 and list(path.parent.iterdir()) == [path]
    into = tmp_path / "staged.jpg"
    facts = recall(tmp_path / "cache", "thumbnail", KEY, STAMP, into)
    assert facts == {**FACTS, "cost_s": 1.5}
    assert into.read_bytes() == body


def test_what_was_made_too_long_ago_is_a_miss(tmp_path: Path) -> None:
    kept(tmp_path, b"picture")
    into = tmp_path / "staged.jpg"
    assert recall(tmp_path / "cache", "thumbnail", KEY, STAMP, into, made_after=time.time() + 5) is None
    assert not into.exists()
    assert recall(tmp_path / "cache", "thumbnail", KEY, STAMP, into, made_after=time.time() - 60) is not None


def test_use_is_noted_in_the_time_of_the_file(tmp_path: Path) -> None:
    path = kept(tmp_path, b"picture")
    os.utime(path, (1000, 1000))
    assert recall(tmp_path / "cache", "thumbnail", KEY, STAMP, tmp_path / "into")
    assert path.stat().st_mtime > 1_000_000


def test_another_stamp_key_or_category_is_a_miss_and_harms_nothing(tmp_path: Path) -> None:
    path = kept(tmp_path, b"picture")
    folder, into = tmp_path / "cache", tmp_path / "into"
    assert recall(folder, "thumbnail", KEY, b"\2" * 16, into) is None
    assert recall(folder, "thumbnail", bytes(16), STAMP, into) is None
    assert recall(folder, "conversion", KEY, STAMP, into) is None
    assert not into.exists() and path.exists()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 400), bit=st.integers(0, 7), cut=st.booleans())
def test_whatever_is_broken_is_a_miss_and_goes(tmp_path: Path, place: int, bit: int, cut: bool) -> None:
    path, into = kept(tmp_path, b"picture" * 30), tmp_path / "into"
    data = bytearray(path.read_bytes())
    place %= len(data)
    data[place] ^= 1 << bit
    path.write_bytes(data[:place] if cut else data)
    before = path.exists()
    assert recall(tmp_path / "cache", "thumbnail", KEY, STAMP, into) is None
    assert not into.exists()
    # A broken stamp looks like that of another file, and is replaced when the file is made.
    assert before and (not path.exists() or not cut)


def test_a_longer_file_than_was_kept_is_broken_too(tmp_path: Path) -> None:
    path = kept(tmp_path, b"picture")
    with path.open("ab") as file:
        file.write(b"!")
    assert recall(tmp_path / "cache", "thumbnail", KEY, STAMP, tmp_path / "into") is None
    assert not path.exists()


def test_a_link_or_folder_in_its_place_is_a_miss(tmp_path: Path) -> None:
    path = kept(tmp_path, b"picture")
    moved = path.rename(tmp_path / "elsewhere")
    path.symlink_to(moved)
    assert recall(tmp_path / "cache", "thumbnail", KEY, STAMP, tmp_path / "into") is None
    assert moved.exists()
    path.unlink(missing_ok=True)
    path.mkdir()
    assert recall(tmp_path / "cache", "thumbnail", KEY, STAMP, tmp_path / "into") is None


def test_trouble_with_the_disk_keeps_nothing_and_raises_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tmp_path / "made"
    made.write_bytes(b"picture")
    folder = tmp_path / "cache"

    def keeps(folder: Path, facts: dict[str, object], made: Path) -> int:
        return keep(folder, "thumbnail", KEY, STAMP, facts, made, 1.0)

    assert keeps(tmp_path / "made", {}, made) == 0  # a file where the folder should be
    assert keeps(folder, {}, tmp_path / "gone") == 0
    assert keeps(folder, {"no": object()}, made) == 0
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 9, 1))
    assert keeps(folder, {}, made) == 0
    assert not [path for path in folder.rglob("*") if path.is_file()]


def test_what_cannot_be_written_out_is_a_miss_and_stays_kept(tmp_path: Path) -> None:
    path = kept(tmp_path, b"picture")
    assert recall(tmp_path / "cache", "thumbnail", KEY, STAMP, tmp_path / "no/such/folder") is None
    assert path.exists()
