"""Whether a result is there already, byte for byte, so that running a job again leaves no second copy."""

from __future__ import annotations

import filecmp
import itertools
import os
from pathlib import Path


def same_there(staged: Path, target: Path) -> Path | None:
    """The file named `target`, or as publishing would number it, that has the very bytes of `staged`."""
    for number in itertools.count(1):
        path = target if number == 1 else target.with_name(f"{target.stem} ({number}){target.suffix}")
        if not os.path.lexists(path):
            return None
        try:
            if path.is_file() and filecmp.cmp(staged, path, shallow=False):
                return path
        except OSError:
            continue  # it cannot be read, so nobody knows
    return None
