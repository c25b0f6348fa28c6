from __future__ import annotations

import json
import math
from pathlib import Path

from workers.health.figures import HostFigures, Sampler, pressure


def test_a_sample_is_plausible_and_travels_as_json(tmp_path: Path) -> None:
    sampler = Sampler(tmp_path / "not" / "made" / "yet")
    figures = sampler.sample()
    assert 0 <= figures.cpu_percent <= 100 and 0 < figures.memory_percent <= 100
    assert figures.disk_free > 0 and 0 <= figures.disk_percent <= 100 and figures.cores >= 1
    assert HostFigures.from_dict(json.loads(json.dumps(figures.as_dict()))) == figures


def test_figures_of_another_version_are_none() -> None:
    assert HostFigures.from_dict(None) is None
    assert HostFigures.from_dict({"cpu_percent": 1, "new_figure": 2}) is None


def test_pressure_that_the_kernel_does_not_tell_is_none() -> None:
    assert pressure("nonsense") is None
    told = pressure("cpu")
    assert told is None or (math.isfinite(told) and 0 <= told <= 100)
