from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.console.cli.conftest import Ran
from tests.support.receivers import Program, webhook

_SECRETS = ("Tr0ub4dor", "k3yk3yk3y")


def _configure(home: Path, urls: list[str], command: list[str]) -> None:
    (home / "config.toml").write_text(f"[notify]\nurls = {json.dumps(urls)}\ncommand = {json.dumps(command)}\n")


def test_nobody_is_told(spool: Callable[..., Ran], home: Path) -> None:
    ran = spool("notify")
    assert (ran.code, ran.err) == (0, "") and ran.out.startswith("nobody is told")
    assert spool("notify", "--json").objects == [
        {"on": ["failed", "batch_done", "disk_low", "worker_restarted"], "ways": []}
    ]
    ran = spool("notify", "--test")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("spool: nobody is told: set urls or command in the section [notify] of ")
    assert not (home / "state").exists(), "looking makes nothing"


def test_whoever_only_watches_may_look_and_not_tell(spool: Callable[..., Ran], home: Path, tmp_path: Path) -> None:
    program = Program(tmp_path)
    _configure(home, [], program.command)
    assert spool("--read-only", "notify").code == 0
    ran = spool("--read-only", "notify", "--test")
    assert ran.code != 0 and "read" in ran.err and program.got == []


def test_a_test_reaches_whom_it_can_and_tells_of_the_others(
    spool: Callable[..., Ran], home: Path, tmp_path: Path
) -> None:
    program = Program(tmp_path)
    with webhook() as server:
        _configure(home, [server.url], program.command)
        where = f"json://127.0.0.1:{server.server_port}/…"
        assert spool("notify").lines[1:] == [f"  {where}", f"  command {program.command[0]}"]
        ran = spool("notify", "--test")
        assert (ran.code, ran.err) == (0, "")
        assert ran.lines == [f"{where}  told", f"command {program.command[0]}  told"]
        assert [one["title"] for one in server.got] == ["Spool: this is a test"]
        assert program.told[0]["EVENT"] == "test"
        url = server.url
    _configure(home, [url], ["/no/such/program"])
    ran = spool("notify", "--test", "--json")
    (told,) = ran.objects
    assert ran.code == 1 and told["ok"] is False
    assert [(one["way"], one["kind"], one["ok"]) for one in told["ways"]] == [
        (where, "url", False),
        ("command /no/such/program", "command", False),
    ]
    assert told["ways"][1]["message"] == "cannot be started: No such file or directory"
    assert not any(secret in ran.out + ran.err for secret in _SECRETS)


def test_secrets_of_urls_are_not_shown_even_where_they_are_wrong(spool: Callable[..., Ran], home: Path) -> None:
    _configure(home, ["json://me:Tr0ub4dor@127.0.0.1/k3yk3yk3y"], [])
    shown = spool("config", "--show").out + spool("config", "--json").out + spool("notify").out
    assert "127.0.0.1" in shown and not any(secret in shown for secret in _SECRETS)
    for wrong in ('urls = "json://me:Tr0ub4dor@h/k3yk3yk3y"', 'urls = [["json://me:Tr0ub4dor@h/k3yk3yk3y"]]'):
        (home / "config.toml").write_text(f"[notify]\n{wrong}\n")
        ran = spool("notify")
        assert ran.code == 78 and "notify.urls" in ran.err
        assert not any(secret in ran.out + ran.err for secret in _SECRETS)
    (home / "config.toml").write_text('notify = "json://me:Tr0ub4dor@h/k3yk3yk3y"\n')
    ran = spool("notify")
    assert ran.code == 78 and "Tr0ub4dor" not in ran.err
