"""Importing libraries without the optional drivers that they would load whether those are used or not."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def absent(*names: str) -> Iterator[None]:
    """Within the block, modules of these names that are not loaded yet cannot be imported.

    psycopg alone costs as much at start as all the rest of a short command.
    """
    hidden = [name for name in names if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
