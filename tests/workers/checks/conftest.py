from __future__ import annotations

from pathlib import Path

import pytest

from workers.config import load_settings
from workers.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"SPOOL_HOME": str(tmp_path / "home")})
