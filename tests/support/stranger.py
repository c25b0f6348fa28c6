"""A process of a user whom the system's list does not hold, as in containers that run under any number."""

from __future__ import annotations

import os
import pwd

import pytest

UID = 54_321_987


def become_stranger(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have this process take itself for one of a user without name and home directory."""
    with pytest.raises(KeyError):
        pwd.getpwuid(UID)
    monkeypatch.setattr(os, "getuid", lambda: UID)
    for name in ("HOME", "USER", "LOGNAME", "LNAME", "USERNAME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
