"""Items through an operation, as the engine takes them, without a runner."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.context import PlainContext
from workers.errors import JobFailed
from workers.media.names import key_to_path, path_to_key
from workers.operations.contract import Operation, Result


def outcomes_of(
    operation: Operation[Any], ctx: PlainContext, inputs: Sequence[Path], *, fresh: bool = True, **values: Any
) -> dict[str, Result | JobFailed]:
    """How each item of the inputs ended, by file name; with `fresh`, each has a context of its own."""
    params = operation.validate({"inputs": [path_to_key(path) for path in inputs], **values})
    assert operation.items is not None
    assert operation.process is not None
    outcomes: dict[str, Result | JobFailed] = {}
    for key in list(operation.items(params)):
        ctx = ctx.again() if fresh else ctx
        name = key_to_path(key).name
        try:
            outcomes[name] = operation.process(params, key, ctx)
        except JobFailed as error:
            outcomes[name] = error
        ctx.end()
    return outcomes


def result_of(operation: Operation[Any], ctx: PlainContext, source: Path, **values: Any) -> Result:
    """What the one item of one input gave, in this context. JobFailed as it raised it."""
    params = operation.validate({"inputs": [path_to_key(source)], **values})
    assert operation.items is not None
    assert operation.process is not None
    (key,) = operation.items(params)
    try:
        return operation.process(params, key, ctx)
    finally:
        ctx.end()
