"""What checks say, by name."""

from __future__ import annotations

from collections.abc import Iterator

from workers.checks.findings import Finding


def named(findings: Iterator[Finding]) -> dict[str, Finding]:
    return {finding.name: finding for finding in findings}
