"""The jobs table lies where none may, is brought back from a backup, or comes from another version."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.home import CONFIG, Home, opened
from workers.jobs import State


def _on_nfs(home: Home, folder: Path) -> dict[str, str]:
    """The hook by which a worker finds the state of `home` on NFS."""
    table = folder / "mountinfo"
    state = home.settings.paths.state.resolve()
    table.write_text(f"1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:9 / {state} rw - nfs4 box:/h rw\n")
    return {"mountinfo": str(table)}


@pytest.mark.fault("27", "state on NFS: refused with the reason, exit 78, no database made")
def test_state_on_a_network(home: Home, tmp_path: Path) -> None:
    worker = home.spawn(_on_nfs(home, tmp_path))
    assert worker.wait() == 78
    assert all(word in worker.answer for word in (str(home.settings.paths.state), "nfs4", "SPOOL_HOME"))
    assert "Traceback" not in home.log()
    assert not list(home.settings.paths.state.glob("*.db*"))


@pytest.mark.fault("27", "state on NFS, and the person takes the risk: it works")
def test_state_on_a_network_by_will(tmp_path: Path) -> None:
    with opened(tmp_path / "home", "state_on_network = true\n" + CONFIG) as home:
        home.start(_on_nfs(home, tmp_path))
        assert home.wait_final(home.submit("noop")).state is State.SUCCEEDED
