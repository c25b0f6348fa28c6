"""What runners and tools get of the environment."""

from __future__ import annotations

import pytest

from workers.media import environment

SECRETS = {
    "AWS_ACCESS_KEY_ID": "AKIA",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "GITHUB_TOKEN": "secret",
    "SPOOL_TOKEN": "secret",
    "SSH_AUTH_SOCK": "/tmp/agent",
    "DISPLAY": ":0",
    "WAYLAND_DISPLAY": "wayland-0",
    "DBUS_SESSION_BUS_ADDRESS": "unix:path=/run/bus",
    "XDG_RUNTIME_DIR": "/run/user/1000",
    "LD_PRELOAD": "/tmp/evil.so",
    "LD_AUDIT": "/tmp/evil.so",
    "PYTHONSTARTUP": "/tmp/evil.py",
    "PYTHONPATH": "/tmp/evil",
    "BASH_ENV": "/tmp/evil.sh",
    "PGPASSWORD": "secret",
    "FFREPORT": "file=/home/user/.profile",
}
PLAIN = {
    "PATH": "/usr/bin",
    "HOME": "/home/user",
    "LANG": "de_DE.UTF-8",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "TMPDIR": "/var/tmp",
    "SPOOL_HOME": "/srv/spool",
    "LIBVA_DRIVER_NAME": "iHD",
    "CUDA_VISIBLE_DEVICES": "1",
}
NETWORK = {"https_proxy": "http://user:word@proxy:3128", "NO_PROXY": "localhost", "SSL_CERT_FILE": "/etc/own.pem"}


def test_only_what_is_named_passes() -> None:
    everything = {**SECRETS, **PLAIN, **NETWORK}
    assert environment.for_fetching(everything) == {**PLAIN, **NETWORK}
    assert environment.for_tools(everything) == PLAIN
    assert environment.of_network(everything) == NETWORK


@pytest.mark.parametrize("name", SECRETS)
def test_nothing_secret_passes(name: str) -> None:
    assert name not in environment.for_fetching({name: "x"})
    assert name.lower() not in environment.for_fetching({name.lower(): "x"})
