"""Operations for tests that fail with words that hold secrets, which they have from a file and from nowhere else."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.support.fault_operations import REGISTRY as FAULT_REGISTRY
from tests.support.operations import plain_operation
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


def _leak_by_tools(params: LeakParams, ctx: Context) -> Result:
    """A tool and its child print what they read straight to the log, also letter by letter, then wait."""
    script = (
        'cat "$0"; echo; sh -c "cat $0 >&2; echo >&2"; dd "if=$0" bs=1 2>/dev/null; echo; echo told;'
        ' while [ ! -e "$0.go" ]; do sleep 0.05; done; printf "%s, and no end of the line" "$(cat "$0")"'
    )
    subprocess.run(["sh", "-c", script, str(params.source)], check=True)
    return Result()


REGISTRY: tuple[Operation[Any], ...] = (
    *FAULT_REGISTRY,
    plain_operation("leak", LeakParams, _leak),
    plain_operation("leak-by-tools", LeakParams, _leak_by_tools),
    plain_operation("leak-items", LeakParams, None, items=_one, process=_leak_item, can_resume=True),
)
