"""`spool`, and `python -m console`."""

from __future__ import annotations

import sys


def main() -> int:
    """Answer the command line of this process; the exit code."""
    from console.cli.guard import guarded

    return guarded(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
