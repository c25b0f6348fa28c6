"""Fixtures of the flows: a home for one test, and one with a worker for all tests of a module."""

from __future__ import annotations

from tests.support.homes import busy_home, home

__all__ = ["busy_home", "home"]
