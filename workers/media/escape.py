"""Writing values into ffmpeg's filters, where some characters mean something. Pure."""

from __future__ import annotations

import os
import re
from pathlib import Path


def escaped(value: str) -> str:
    """`value` as the value of one option of one filter: escaped for the filter, and again for the graph around it."""
    inner = re.sub(r"([\\':])", r"\\\1", value)
    return re.sub(r"([\\'\[\],;])", r"\\\1", inner)


def path_value(path: Path) -> str:
    """A path as such a value."""
    return escaped(os.path.abspath(path))
