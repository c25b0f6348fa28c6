"""The messages between the worker and its forkserver: JSON in datagrams, file descriptors beside them."""

from __future__ import annotations

import array
import json
import socket
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from workers.runner.limits import Limits

MAX_MESSAGE = 1 << 16
FDS_OF_A_RUNNER = 3  # read end of down, write end of up, log
_FLAGS = socket.MSG_CMSG_CLOEXEC if hasattr(socket, "MSG_CMSG_CLOEXEC") else 0


def socketpair() -> tuple[socket.socket, socket.socket]:
    """Two connected sockets that keep the bounds of messages and tell when the other side is gone."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send(control: socket.socket, message: dict[str, Any], fds: Sequence[int] = ()) -> None:
    """Send one message; OSError when the other side is gone."""
    data = json.dumps(message).encode()
    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    control.sendmsg([data], ancillary)


def receive(control: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """The next message and its file descriptors; None when the other side is gone."""
    fds = array.array("i")
    data, ancillary, _, _ = control.recvmsg(MAX_MESSAGE, socket.CMSG_SPACE(FDS_OF_A_RUNNER * fds.itemsize), _FLAGS)
    if not data:
        return None
    for level, kind, payload in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(payload[: len(payload) - len(payload) % fds.itemsize])
    message: dict[str, Any] = json.loads(data)
    return message, fds.tolist()


def spawn_request(number: int, limits: Limits) -> dict[str, Any]:
    """The request for a runner; its file descriptors go beside it."""
    return {"spawn": number, "limits": asdict(limits)}
