"""Equal files, beside comparing all their bytes."""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workers.errors import ErrorClass, JobFailed
from workers.media import twins
from workers.media.names import path_to_key
from workers.media.twins import Catalogue, Twins, each

KIB = 1 << 10


def of(folder: Path) -> Catalogue:
    catalogue = Catalogue()
    for path in sorted(folder.iterdir()):
        catalogue.add(path_to_key(path), path.stat().st_size)
    return catalogue


def found_in(folder: Path, **options: object) -> tuple[Catalogue, Twins]:
    catalogue = of(folder)
    return catalogue, twins.find(catalogue, tick=lambda phase, done, total: None, **options)  # type: ignore[arg-type]


def names(catalogue: Catalogue, numbers: list[int]) -> set[str]:
    return {catalogue.path(number).name for number in numbers}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    contents=st.lists(
        st.tuples(st.sampled_from([0, 1, 5, 16 * KIB, 40 * KIB, 80 * KIB]), st.sampled_from([b"a", b"b"]),
                  st.sampled_from([-1, 0, 20_000, 40_000])),
        max_size=14,
    ),
    check=st.sampled_from(["blake3", "xxh3"]),
    threads=st.integers(1, 3),
)  # fmt: skip
def test_groups_are_those_of_equal_bytes(
    tmp_path_factory: pytest.TempPathFactory, contents: list[tuple[int, bytes, int]], check: str, threads: int
) -> None:
    folder = tmp_path_factory.mktemp("in")
    same: dict[bytes, set[str]] = defaultdict(set)
    for number, (size, fill, odd) in enumerate(contents):
        content = bytearray(fill * size)
        if 0 <= odd < size:
            content[odd] ^= 1
        (folder / str(number)).write_bytes(content)
        if content:
            same[bytes(content)].add(str(number))
    catalogue, found = found_in(folder, check=check, threads=threads)
    groups = sorted(sorted(names(catalogue, numbers)) for _, numbers in found.groups)
    assert groups == sorted(sorted(group) for group in same.values() if len(group) > 1)
    assert found.problems == []


def test_only_what_is_alike_is_read_in_full(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a" * 90_000)
    (tmp_path / "other size").write_bytes(b"a" * 90_001)
    (tmp_path / "other end").write_bytes(b"a" * 89_999 + b"b")
    _, found = found_in(tmp_path)
    assert (found.groups, found.read_bytes) == ([], 0)
    (tmp_path / "other middle").write_bytes(b"a" * 40_000 + b"b" + b"a" * 49_999)
    _, found = found_in(tmp_path)
    assert (found.groups, found.read_bytes) == ([], 180_000)


def test_names_of_one_file_are_no_duplicates(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"content")
    os.link(tmp_path / "a", tmp_path / "b")
    os.symlink("a", tmp_path / "c")
    catalogue, found = found_in(tmp_path)
    assert found.groups == []
    assert {catalogue.path(one).name: names(catalogue, others) for one, others in found.names.items()} == {
        "a": {"b", "c"}
    }
    (tmp_path / "copy").write_bytes(b"content")
    catalogue, found = found_in(tmp_path)
    assert [names(catalogue, numbers) for _, numbers in found.groups] == [{"a", "copy"}]


def test_what_is_gone_or_changed_is_a_problem(tmp_path: Path) -> None:
    for name in "abcd":
        (tmp_path / name).write_bytes(b"content")
    catalogue = of(tmp_path)
    (tmp_path / "a").unlink()
    (tmp_path / "b").write_bytes(b"another content")
    found = twins.find(catalogue, tick=lambda phase, done, total: None)
    assert [names(catalogue, numbers) for _, numbers in found.groups] == [{"c", "d"}]
    assert {Path(key).name for key, _ in found.problems} == {"a", "b"}
    assert all(text.isprintable() for _, text in found.problems)


def test_hostile_names_come_back() -> None:
    catalogue = Catalogue()
    keys = ["/a", "bytes:%FF", "/\u202egpj", "", "/emoji \U0001f600"]
    for size, key in enumerate(keys):
        catalogue.add(key, size)
    assert [catalogue.key(number) for number in range(len(catalogue))] == keys
    assert [catalogue.size(number) for number in range(len(catalogue))] == [0, 1, 2, 3, 4]
    assert catalogue.total_bytes == 10


def test_each_gives_all_and_beats_while_it_waits() -> None:
    gate = threading.Event()

    def work(number: int) -> int:
        if number == 3:
            raise JobFailed(ErrorClass.BAD_INPUT, "three")
        if number == 0:
            gate.wait(30)
        return number * 2

    seen: dict[int, object] = {}
    beats = 0
    for one in each(work, range(20), 2, threading.Event()):
        if one is None:
            beats += 1
            gate.set()
        else:
            seen[one[0]] = one[1]
    assert beats >= 1
    assert isinstance(seen.pop(3), JobFailed)
    assert seen == {number: number * 2 for number in range(20) if number != 3}


def test_an_end_of_the_caller_ends_the_threads() -> None:
    stop = threading.Event()
    started = threading.Event()

    def work(number: int) -> int:
        started.set()
        assert stop.wait(30)
        return number

    running = each(work, range(1000), 2, stop)
    assert next(running) is None
    assert started.is_set()
    running.close()  # type: ignore[attr-defined]
    assert stop.is_set()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("twins")]
