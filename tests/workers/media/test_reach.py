"""Where a download may connect."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from workers.media import reach
from workers.media.reach import ReachRefusedError, addresses_of, is_public, reach_of


@pytest.fixture
def listener() -> Iterator[tuple[str, int]]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("127.0.0.1", False),
        ("127.8.9.1", False),
        ("10.0.0.1", False),
        ("172.16.5.4", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("::ffff:127.0.0.1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("nonsense", False),
    ],
)
def test_addresses(address: str, public: bool) -> None:
    assert is_public(address) is public


def test_a_public_site_cannot_lead_home(listener: tuple[str, int]) -> None:
    with reach_of("http://93.184.216.34/film") as guard:
        with pytest.raises(ReachRefusedError):
            socket.create_connection(listener, timeout=5)
        assert guard.refused == "127.0.0.1"
    socket.create_connection(listener, timeout=5).close()  # over: nothing is refused any more


def test_what_the_person_typed_is_allowed(listener: tuple[str, int]) -> None:
    with reach_of(f"http://{listener[0]}:{listener[1]}/film") as guard:
        socket.create_connection(listener, timeout=5).close()
        assert guard.refused == ""


def test_the_proxy_is_allowed(listener: tuple[str, int]) -> None:
    with reach_of("http://93.184.216.34/film", proxy=f"http://127.0.0.1:{listener[1]}"):
        socket.create_connection(listener, timeout=5).close()


def test_one_at_a_time() -> None:
    with reach_of("http://127.0.0.1/"), pytest.raises(RuntimeError), reach_of("http://127.0.0.1/"):
        pass
    assert reach._current is None


def test_hosts_that_are_none() -> None:
    assert addresses_of("http:///x") == frozenset()
    assert addresses_of("http://no-such-host.invalid/") == frozenset()
