"""What all tests need before anything else."""

from __future__ import annotations

import peewee  # noqa: F401  (before workers.store, which hides PostgreSQL's drivers from it: see workers/store/__init__.py)
