"""`make bench`: every measurement in turn, each in an interpreter of its own so that none warms up another.

`python -m tests.bench [NAME…]` runs those whose names begin with one of the words. A measurement is a module of this
folder with a function `main() -> None` that prints what it found.
"""

from __future__ import annotations

import ast
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

FOLDER = Path(__file__).parent


def measurements(wanted: Sequence[str] = ()) -> list[str]:
    """Names of the modules that measure something, all or those that are wanted."""
    names = [path.stem for path in sorted(FOLDER.glob("[!_]*.py")) if _has_main(path)]
    return [name for name in names if not wanted or any(name.startswith(word) for word in wanted)]


def _has_main(path: Path) -> bool:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return any(isinstance(node, ast.FunctionDef) and node.name == "main" for node in tree.body)


def run(name: str) -> bool:
    """Run one measurement and say how long it took; whether it came to its end."""
    print(f"\n== {name}", flush=True)
    started = time.perf_counter()
    code = f"from tests.bench.{name} import main; main()"
    ended_well = subprocess.run([sys.executable, "-c", code], cwd=FOLDER.parents[1], check=False).returncode == 0
    print(f"   ({'took' if ended_well else 'FAILED after'} {time.perf_counter() - started:.1f} s)", flush=True)
    return ended_well


def main() -> int:
    """Run what is wanted; 1 when one of them failed or there is none of that name."""
    names = measurements(sys.argv[1:])
    if not names:
        print(f"no such measurement; there are {', '.join(measurements()) or 'none'}", file=sys.stderr)
        return 1
    load = os.getloadavg()[0]
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {load:.1f} at the start")
    failed = [name for name in names if not run(name)]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
