"""Every operation on a folder of files that mean no good: each item ends with an outcome, and nothing else happens."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support import hostile
from tests.support.home import Home, opened
from tests.support.memory import Memory
from workers.errors import ErrorClass, Failure
from workers.jobs import ItemOutcome, State
from workers.media.names import path_to_key
from workers.operations.contract import Operation
from workers.operations.registry import REGISTRY

LIMIT_MIB = 1024
OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "probe": {"depth": "decoded"},
    "validate": {"level": "full"},
    "trim": {"start": "0.5", "end": "1.5"},
    "convert-image": {"format": "webp"},
    "enrich": {"sidecar": "json"},
}
REFUSED = {"enhance-image": ("moving.gif",)}  # good files that an operation says it does not take
BULK = [operation for operation in REGISTRY if operation.items is not None]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Home, Path, list[Path], int]]:
    """A home with a worker, the folder, its good files, and the worker's pid."""
    folder = tmp_path_factory.mktemp("hostile")
    good, _ = hostile.make(folder / "files")
    with opened(folder / "home") as home:
        yield home, folder / "files", good, home.start().pid


def _contents(folder: Path) -> dict[str, str]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path_to_key(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


@pytest.mark.fault("42", "hostile files and names through an operation: each item has its outcome")
@pytest.mark.parametrize("operation", BULK, ids=lambda operation: operation.name)
def test_every_item_has_an_outcome(place: tuple[Home, Path, list[Path], int], operation: Operation[Any]) -> None:
    home, folder, good, worker = place
    before = _contents(folder)
    values: dict[str, Any] = {"inputs": [str(folder)], "memory_mib": LIMIT_MIB, **OPTIONS.get(operation.name, {})}
    if "output" in operation.params.model_fields:
        values["output"] = str(home.out / operation.name)
    with Memory(worker) as memory:
        job = home.wait_final(home.submit(operation.name, values), 150)
    assert job.state is State.SUCCEEDED, job.failure
    items = home.client.items(job.id, limit=1000)
    assert len(items) == job.items.total == sum(1 for _ in _walked(operation, values))
    assert job.items.done + job.items.failed + job.items.skipped + job.items.cached == job.items.total
    for item in items:
        assert item.failure is None or item.failure.message
        assert hostile.SECRET not in str(item.detail)
    outcomes = {item.key: item for item in items}
    failed = {key: failure for path in good if (failure := _failure(outcomes.get(key := path_to_key(path))))}
    assert set(map(Path, failed)) == {path for path in good if path.name in REFUSED.get(operation.name, ())}, failed
    assert all(failure.error_class is ErrorClass.UNSUPPORTED for failure in failed.values())
    assert memory.peak < (LIMIT_MIB + 300) << 20  # besides the job: the worker and its warm process
    assert _contents(folder) == before
    assert not list(folder.rglob(".spool-*"))
    for output in (output for item in items for output in item.outputs):
        assert hostile.SECRET.encode() not in Path(output).read_bytes()


def _failure(item: ItemOutcome | None) -> Failure | None:
    return item.failure if item else None


def _walked(operation: Operation[Any], values: Mapping[str, Any]) -> Iterator[str]:
    assert operation.items is not None
    yield from operation.items(operation.validate(values))
