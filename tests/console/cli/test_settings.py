from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from console.cli.settings import without_password
from tests.console.cli.conftest import Ran
from workers.config import load_settings


def test_the_path_is_told_even_when_the_file_is_wrong(spool: Callable[..., Ran], home: Path) -> None:
    path = home / "config.toml"
    path.write_text("not toml")
    assert spool("config", "--path") == Ran(0, f"{path}\n", "")
    assert spool("config", "--path", "--json").objects == [{"path": str(path)}]
    assert spool("config", "--check").code == 78


def test_what_is_shown_can_be_loaded_again(spool: Callable[..., Ran], home: Path) -> None:
    (home / "config.toml").write_text(
        'output_dir = "/srv/m\\"edia"\n[jobs]\nattempts = 7\n[console.keys]\n"quit" = "ctrl+x"\n'
    )
    ran = spool("config")
    assert ran == spool("config", "--show")
    shown = tomllib.loads(ran.out)
    settings = load_settings()
    (home / "config.toml").write_text(ran.out)
    assert load_settings() == settings
    assert shown["jobs"]["attempts"] == 7
    assert shown["console"]["keys"] == {"quit": "ctrl+x"}
    (as_json,) = spool("config", "--json").objects
    assert as_json["paths"].pop("config") == str(home / "config.toml")
    assert as_json["jobs"] == shown["jobs"]


def test_a_check(spool: Callable[..., Ran], home: Path) -> None:
    path = home / "config.toml"
    assert spool("config", "--check") == Ran(0, "", f"{path}: does not exist; the defaults hold\n")
    path.write_text("[jobs]\nattempts = 2\n")
    assert spool("config", "--check") == Ran(0, "", f"{path}: can be used\n")
    assert spool("config", "--check", "--json").objects == [
        {"path": str(path), "exists": True, "ok": True, "problems": []}
    ]


def test_a_check_tells_what_can_be_read_and_cannot_work(spool: Callable[..., Ran], home: Path) -> None:
    path = home / "config.toml"
    path.write_text('[notify]\nurls = ["foo", "nosuch://geheim"]\n[console.keys]\npause = "Q"\nfilter = "nosuchkey"\n')
    path.chmod(0o600)
    ran = spool("config", "--check")
    assert (ran.code, ran.out, len(ran.err.splitlines())) == (78, "", 4)
    for told in ("there is no key 'nosuchkey'", "pause = 'Q' is the key of queues too", "a URL without a service"):
        assert told in ran.err
    assert "geheim" not in ran.err
    (shown,) = spool("config", "--check", "--json").objects
    assert shown["ok"] is False and len(shown["problems"]) == 4
    assert spool("config").code == 0
    ran = spool("doctor")
    assert ran.code == 1 and ran.out.count("fail  console") == 2 and ran.out.count("fail  notify") == 2


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://user:secret@host:1/x", "http://user:***@host:1/x"),
        ("socks5://host:1080", "socks5://host:1080"),
        ("{title} [{id}]", "{title} [{id}]"),
    ],
)
def test_passwords_are_not_shown(text: str, shown: str) -> None:
    assert without_password(text) == shown


def test_the_proxy_of_the_configuration_is_shown_without_its_password(spool: Callable[..., Ran], home: Path) -> None:
    (home / "config.toml").write_text('[download]\nproxy = "http://user:hunter2@host:1"\n')
    assert "hunter2" not in spool("config").out + spool("config", "--json").out
