"""`python -m workers`: the worker's process. Thin: all is imported inside `main`."""

import sys


def main() -> int:
    """Run the worker; the exit code."""
    from workers.process import worker_main

    return worker_main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
