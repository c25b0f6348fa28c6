"""Exit codes of runners and of their item processes."""

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_CANCELLED = 130
