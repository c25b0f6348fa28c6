from __future__ import annotations

import os
import pwd
from types import SimpleNamespace

import pytest

from workers.users import OURSELVES, login_name, user_of


def test_the_environment_has_no_say(monkeypatch: pytest.MonkeyPatch) -> None:
    before = login_name()
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "anna")
    assert login_name() == before == pwd.getpwuid(os.getuid()).pw_name


@pytest.mark.parametrize("name", OURSELVES)
def test_nobody_is_taken_for_us(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(pwd, "getpwuid", lambda number: SimpleNamespace(pw_name=name))
    assert login_name() not in OURSELVES and str(os.getuid()) in login_name()


def test_a_number_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(number: int) -> None:
        raise KeyError(number)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert login_name() == f"uid {os.getuid()}"


def test_an_order_is_given_by_whom_it_names_else_by_us() -> None:
    assert user_of("ann") == "ann"
    assert user_of(None) == user_of("") == login_name()
