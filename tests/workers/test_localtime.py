"""The zone of the people: TZ, the system's, or UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from workers.localtime import find_zone


@pytest.mark.parametrize("name", ["Europe/Berlin", ":Europe/Berlin"])
def test_tz_names_it(name: str, tmp_path: Path) -> None:
    zone = find_zone({"TZ": name}, tmp_path / "none")
    assert datetime(2026, 7, 1, tzinfo=zone).isoformat().endswith("+02:00")


def test_else_it_is_that_of_the_system(tmp_path: Path) -> None:
    tzdata = Path("/usr/share/zoneinfo/Asia/Tokyo")
    if not tzdata.exists():
        pytest.skip("this machine has no files of zones")
    (tmp_path / "localtime").symlink_to(tzdata)
    assert datetime(2026, 7, 1, tzinfo=find_zone({}, tmp_path / "localtime")).isoformat().endswith("+09:00")


@pytest.mark.parametrize("name", ["", "Nowhere/Land", "EST5EDT,M3.2.0,M11.1.0", "../../etc/passwd"])
def test_else_utc(name: str, tmp_path: Path) -> None:
    (tmp_path / "broken").write_text("no zone")
    assert find_zone({"TZ": name}, tmp_path / "none") is UTC
    assert find_zone({}, tmp_path / "broken") is UTC
