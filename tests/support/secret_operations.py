"""Operations for tests that fail with words that hold secrets, which they have from a file and from nowhere else."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.support.fault_operations import REGISTRY as FAULT_REGISTRY
from workers.errors import ErrorClass, JobFailed
from workers.operations.contract import Context, Operation, Params, Result


class LeakParams(Params):
    """How the secrets come out."""

    source: Path
    """The file that holds them."""
    way: str = "failure"
    """A failure, another exception, or the one item of a job."""


def _leak(params: LeakParams, ctx: Context) -> Result:
    text = params.source.read_text()
    ctx.log(f"asked: {text}")
    if params.way == "exception":
        raise RuntimeError(text)
    raise JobFailed(ErrorClass.AUTH, text, detail=f"the tool said\n{text}")


def _one(params: LeakParams) -> Iterable[str]:
    return ("one",)


def _leak_item(params: LeakParams, key: str, ctx: Context) -> Result:
    return _leak(params, ctx)


def _operation(name: str, **more: Any) -> Operation[Any]:
    return Operation(
        name=name,
        title=name.capitalize(),
        summary=f"A test operation: {name}.",
        queue="default",
        params=LeakParams,
        label=lambda values: name,
        **more,
    )


REGISTRY: tuple[Operation[Any], ...] = (
    *FAULT_REGISTRY,
    _operation("leak", run=_leak),
    _operation("leak-items", run=None, items=_one, process=_leak_item, can_resume=True),
)
