"""Which addresses a download may connect to. A public site must not lead us to a private, loopback or link-local one.

Looked at where it cannot be gone round: at every connect of a socket in this process, after names are resolved.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import sys
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit


class ReachRefusedError(PermissionError):
    """A connection to an address that nobody asked for."""


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open internet."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        return is_public(str(ip.ipv4_mapped))
    return ip.is_global and not ip.is_multicast


def addresses_of(url: str) -> frozenset[str]:
    """The IP addresses of the host of `url`; empty when it has none."""
    parts = urlsplit(url)
    if not parts.hostname:
        return frozenset()
    with contextlib.suppress(OSError, UnicodeError, ValueError):
        found = socket.getaddrinfo(parts.hostname, parts.port or 80, type=socket.SOCK_STREAM)
        return frozenset(str(entry[4][0]) for entry in found)
    return frozenset()


class Guard:
    """The rule for the download that runs in this process, and what it refused."""

    def __init__(self, url: str, proxy: str) -> None:
        typed = addresses_of(url)
        # What the person typed is allowed, and a private site may lead to its private neighbours.
        self.anywhere = any(not is_public(address) for address in typed)
        self.allowed = addresses_of(proxy) if proxy else frozenset()
        self.refused = ""

    def check(self, address: str) -> None:
        """ReachRefusedError when this download may not connect to the address."""
        if self.anywhere or address in self.allowed or is_public(address):
            return
        self.refused = address
        raise ReachRefusedError(f"the site led to the private address {address}")


_current: Guard | None = None
_installed = False
_lock = threading.Lock()


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "socket.connect" or _current is None:
        return
    _, address = arguments
    if isinstance(address, tuple) and address and isinstance(address[0], str):
        _current.check(address[0])


@contextlib.contextmanager
def reach_of(url: str, proxy: str = "") -> Iterator[Guard]:
    """Within this, sockets of this process connect only where a download of `url` may go. One at a time per process."""
    global _current, _installed
    with _lock:
        if not _installed:
            sys.addaudithook(_hook)  # for good: an audit hook cannot be taken away, so it looks at `_current`
            _installed = True
        if _current is not None:
            raise RuntimeError("another download runs in this process")
        _current = guard = Guard(url, proxy)
    try:
        yield guard
    finally:
        _current = None
