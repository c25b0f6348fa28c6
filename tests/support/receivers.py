"""Receivers of notices on loopback: a webhook, a mail server, and a program that writes down how it was started."""

from __future__ import annotations

import contextlib
import json
import socketserver
import sys
import threading
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class Webhook(ThreadingHTTPServer):
    """Takes JSON by POST. `status` is its answer to the next ones, given when `answering` is set."""

    daemon_threads = True
    status = 200

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Post)
        self.got: list[dict[str, Any]] = []
        self.asked = threading.Event()
        self.answering = threading.Event()
        self.answering.set()

    @property
    def url(self) -> str:
        """Its Apprise URL, with a password in it."""
        return f"json://me:Tr0ub4dor@127.0.0.1:{self.server_port}/hooks/k3yk3yk3y"


class _Post(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.set()
        self.server.answering.wait(60)
        if self.server.status == 200:
            self.server.got.append(body)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.send_response(self.server.status)
            self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextlib.contextmanager
def webhook(port: int = 0) -> Iterator[Webhook]:
    """A webhook for the time of the block."""
    with _serving(Webhook(port)) as server:
        yield server


class MailServer(socketserver.ThreadingTCPServer):
    """Speaks as much SMTP as a client needs to leave a mail."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Smtp)
        self.got: list[tuple[list[str], EmailMessage]] = []

    @property
    def url(self) -> str:
        """Its Apprise URL."""
        where = f"127.0.0.1:{self.server_address[1]}"
        return f"mailto://{where}?from=spool@example.org&to=me@example.org&mode=insecure"


class _Smtp(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self._answer("220 loopback ready")
        to: list[str] = []
        while line := self.rfile.readline():
            word = line.decode("ascii", "replace").strip()
            verb = word[:4].upper()
            if verb == "RCPT":
                to.append(word.partition("<")[2].partition(">")[0])
            if verb == "DATA":
                self._answer("354 go on")
                self.server.got.append((to, self._mail()))
            self._answer("221 bye" if verb == "QUIT" else "250 ok")
            if verb == "QUIT":
                return

    def _mail(self) -> EmailMessage:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        mail = message_from_bytes(b"".join(lines), policy=policy.default)
        assert isinstance(mail, EmailMessage)
        return mail

    def _answer(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")


@contextlib.contextmanager
def mail_server() -> Iterator[MailServer]:
    """A mail server for the time of the block."""
    with _serving(MailServer()) as server:
        yield server


@contextlib.contextmanager
def _serving(server: Any) -> Iterator[Any]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


_PROGRAM = """\
import json, os, sys, time
folder, *rest = sys.argv[1:]
told = {name: value for name, value in os.environ.items() if name.startswith("SPOOL_")}
path = f"{folder}/{time.monotonic_ns()}-{os.getpid()}"
with open(path + ".new", "w") as file:
    json.dump({"arguments": rest, "variables": told}, file)
os.rename(path + ".new", path + ".json")
"""


class Program:
    """A program that writes its arguments and its SPOOL_ variables into a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "started"
        self.folder.mkdir()
        path = folder / "program.py"
        path.write_text(_PROGRAM)
        self.command = [sys.executable, "-S", str(path), str(self.folder)]

    @property
    def got(self) -> list[dict[str, Any]]:
        """How it was started, each time, in order."""
        paths = sorted(self.folder.glob("*.json"), key=lambda path: int(path.name.partition("-")[0]))
        return [json.loads(path.read_text()) for path in paths]

    @property
    def told(self) -> list[dict[str, str]]:
        """The variables of each start without the SPOOL_ before their names."""
        return [{name.removeprefix("SPOOL_"): value for name, value in one["variables"].items()} for one in self.got]
