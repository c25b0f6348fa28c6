from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.cache.keys import Keys, content_stamp, stamp_again, stamp_of


@given(st.text(), st.text())
def test_keys_are_those_of_the_input(one: str, other: str) -> None:
    keys = Keys("probe", 1, {"depth": "headers"})
    assert len(keys.of(one)) == 16 and keys.of(one) == keys.of(one)
    assert (keys.of(one) == keys.of(other)) == (one == other)


def test_function_version_and_options_make_other_keys() -> None:
    ways = [
        Keys("probe", 1, {}),
        Keys("probe", 2, {}),
        Keys("hash", 1, {}),
        Keys("probe", 1, {"a": 1}),
        Keys("probe", 1, {"a": "1"}),
        Keys("probe", 1, {"a": None}),
        Keys("probe", 1, {"a": [1, 2]}),
        Keys("probe", 1, {"b": [1, 2]}),
    ]
    assert len({keys.of("/m/a.mkv") for keys in ways}) == len(ways)


def test_the_order_of_options_counts_for_nothing_and_no_process_differs() -> None:
    there = Keys("probe", 1, {"a": 1, "b": (1, 2)}).of("/m/\udcff")
    assert there == Keys("probe", 1, {"b": [1, 2], "a": 1}).of("/m/\udcff")
    code = "from workers.cache.keys import Keys; print(Keys('probe', 1, {'a': 1, 'b': (1, 2)}).of('/m/\\udcff').hex())"
    environ = {**os.environ, "PYTHONHASHSEED": "7"}
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environ)
    assert ran.stdout.strip() == there.hex()


def test_a_stamp_changes_with_size_time_and_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"one")
    os.utime(path, ns=(10**18, 10**18))
    seen = [stamp_of(path)]
    assert seen[0] == stamp_of(str(path)) and len(seen[0]) == 16
    os.utime(path, ns=(10**18, 10**18 + 1))
    seen.append(stamp_of(path))
    path.write_bytes(b"longer")
    os.utime(path, ns=(10**18, 10**18 + 1))
    seen.append(stamp_of(path))
    (tmp_path / "b").write_bytes(b"longer")
    os.utime(tmp_path / "b", ns=(10**18, 10**18 + 1))
    os.replace(tmp_path / "b", path)  # same size, same time, another file
    seen.append(stamp_of(path))
    assert len(set(seen)) == 4
    with pytest.raises(FileNotFoundError):
        stamp_of(tmp_path / "gone")


def test_a_content_stamp_knows_only_the_bytes(tmp_path: Path) -> None:
    one, other = tmp_path / "a", tmp_path / "b"
    one.write_bytes(b"x" * 3_000_000)
    other.write_bytes(b"x" * 3_000_000)
    assert content_stamp(one) == content_stamp(other) != stamp_of(one)
    assert len(content_stamp(one)) == 16
    other.write_bytes(b"x" * 2_999_999 + b"y")
    assert content_stamp(one) != content_stamp(other)


def test_a_stamp_is_taken_again_in_its_own_way(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"one")
    for take in (stamp_of, content_stamp):
        assert stamp_again(path, take(path)) == take(path)
    assert stamp_again(path, bytes(16)) == bytes(16)
