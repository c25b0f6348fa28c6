from __future__ import annotations

import configparser
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from console.cli.unit import quoted, unit_path, unit_text, worker_command
from tests.console.cli.conftest import Ran
from tests.support.stranger import UID, become_stranger


def parsed(text: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    return parser


def test_the_unit_says_what_systemd_must_know() -> None:
    unit = parsed(unit_text(["/opt/spool/bin/spool", "worker"], {}))
    service = dict(unit["Service"])
    assert service["Type"] == "notify"
    assert service["KillMode"] == "mixed"
    assert service["RestartPreventExitStatus"] == "78"
    assert service["Restart"] == "on-failure"
    assert service["ExecStart"] == '"/opt/spool/bin/spool" "worker"'
    assert "Environment" not in service
    assert unit["Install"]["WantedBy"] == "default.target"


def test_the_home_goes_into_the_unit() -> None:
    text = unit_text(["/x"], {"SPOOL_HOME": '/srv/a "b" 100%', "HOME": "/root", "SPOOL_FFMPEG": ""})
    assert text.count("Environment=") == 1
    assert 'Environment="SPOOL_HOME=/srv/a \\"b\\" 100%%"' in text


def test_words_are_quoted_for_systemd() -> None:
    assert quoted("/a b/$HOME/50%\\x") == '"/a b/$$HOME/50%%\\\\x"'


def test_the_command_is_this_installation() -> None:
    command = worker_command()
    assert Path(command[0]).is_absolute() and Path(command[0]).exists()
    assert command[-1] == "worker"


def test_it_is_written_once_and_again_but_never_over_a_stranger(
    spool: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    path = tmp_path / "config/systemd/user/spool.service"
    for _ in range(2):
        ran = spool("worker", "--install")
        assert (ran.code, ran.out) == (0, f"{path}\n")
        assert "systemctl --user enable --now spool" in ran.err
        assert "enable-linger" in ran.err
    assert spool("worker", "--install", "--json").objects == [{"path": str(path)}]
    assert [entry.name for entry in path.parent.iterdir()] == ["spool.service"]
    path.write_text("[Unit]\nDescription=mine\n")
    ran = spool("worker", "--install")
    assert ran.code == 1
    assert "was not written by Spool" in ran.err
    assert "mine" in path.read_text()


def test_the_folder_of_units(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    expected = Path("/home/somebody/.config/systemd/user/spool.service")
    assert unit_path({}) == unit_path({"XDG_CONFIG_HOME": "relative"}) == expected


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not here to ask")
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    path = tmp_path / "spool.service"
    path.write_text(unit_text(worker_command(), {"SPOOL_HOME": "/srv/a b"}))
    ran = subprocess.run(["systemd-analyze", "verify", "--user", str(path)], capture_output=True, text=True)
    assert "spool.service" not in ran.stderr


def test_a_user_without_a_home_directory_is_told_so(spool: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> None:
    become_stranger(monkeypatch)
    ran = spool("worker", "--install")
    assert ran.code == 78 and f"uid {UID} has no home directory" in ran.err
