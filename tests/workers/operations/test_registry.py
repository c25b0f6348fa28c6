"""The operations on offer, and what knowing them costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from workers.jobs import QUEUES
from workers.operations.contract import Operation
from workers.operations.registry import REGISTRY


def test_knowing_the_operations_loads_no_media_library() -> None:
    code = (
        "import sys, workers.operations.registry\n"
        "print([m for m in ('yt_dlp', 'av', 'PIL', 'numpy', 'ffmpeg', 'textual', 'ctypes') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_names_are_unique() -> None:
    assert len({operation.name for operation in REGISTRY}) == len(REGISTRY) >= 3


@pytest.mark.parametrize("operation", REGISTRY, ids=lambda operation: operation.name)
def test_each_declares_itself_in_full(operation: Operation) -> None:  # type: ignore[type-arg]
    fields = operation.params.model_fields
    assert operation.queue in QUEUES
    assert (operation.run is None) == (operation.items is not None) == (operation.process is not None)
    assert set(operation.primary) <= set(fields)
    assert operation.primary[0] == "inputs"
    assert operation.summary.endswith(".")
    assert all(example.startswith(f"spool {operation.name} ") for example in operation.examples)
    for name, field in fields.items():
        assert field.description, f"{operation.name}.{name} has no description"
        assert field.description.rstrip().endswith("."), f"{operation.name}.{name}"


@pytest.mark.parametrize("operation", REGISTRY, ids=lambda operation: operation.name)
def test_examples_of_flags_exist(operation: Operation) -> None:  # type: ignore[type-arg]
    flags = {f"--{name.replace('_', '-')}" for name in operation.params.model_fields}
    for example in operation.examples:
        assert {word for word in example.split() if word.startswith("--")} <= flags
