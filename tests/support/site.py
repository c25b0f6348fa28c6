"""A web site on loopback for tests of downloads: pages, files with ranges, manifests, slowness, cuts and refusals."""

from __future__ import annotations

import contextlib
import html
import re
import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

_TYPES = {
    ".mp4": "video/mp4",
    ".webm": "video/webm",
    ".mp3": "audio/mpeg",
    ".m4s": "video/iso.segment",
    ".ts": "video/mp2t",
    ".m3u8": "application/vnd.apple.mpegurl",
    ".mpd": "application/dash+xml",
    ".html": "text/html; charset=utf-8",
    ".vtt": "text/vtt",
}
CUT_AT = 0.4


@dataclass
class Site:
    """A running site. `folder` is what /files/… serves; `requests` are the (path, Range header) pairs it got."""

    folder: Path
    base: str = ""
    requests: list[tuple[str, str]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    cookies: list[str] = field(default_factory=list)

    def url(self, path: str) -> str:
        """The full address of a path."""
        return f"{self.base}/{path.lstrip('/')}"

    def page(self, name: str, *, title: str = "A film") -> str:
        """The address of a page with a <video> tag that shows /files/`name`."""
        return self.url(f"page.html?v={quote('/files/' + name)}&title={quote(title)}")

    def add(self, path: Path, name: str = "") -> str:
        """Put a copy of a file or folder on the site; its address."""
        target = self.folder / (name or path.name)
        if path.is_dir():
            shutil.copytree(path, target, dirs_exist_ok=True)
        else:
            shutil.copyfile(path, target)
        return self.url(f"files/{target.name}")


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections that the other side gives up are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    """One request. The first part of the path says how it is answered."""

    protocol_version = "HTTP/1.1"
    site: Site

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on stderr."""

    def do_HEAD(self) -> None:
        """As GET without a body."""
        self.do_GET()

    def do_GET(self) -> None:
        """Answer by the first part of the path."""
        parts = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        self.site.requests.append((self.path, self.headers.get("Range", "")))
        self.site.cookies.append(self.headers.get("Cookie", ""))
        self.site.counts[parts.path] += 1
        head, _, rest = unquote(parts.path).lstrip("/").partition("/")
        answer = getattr(self, "_" + head.replace(".", "_"), None)
        with contextlib.suppress(ConnectionError):
            if answer is None:
                self._send(404, b"no such page")
            else:
                answer(rest, query)

    def _send(self, status: int, body: bytes, type: str = "text/html; charset=utf-8", **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _page_html(self, rest: str, query: dict[str, str]) -> None:
        """A page with a <video> tag: ?v=PATH&title=TITLE."""
        title, source = html.escape(query.get("title", "A film")), html.escape(query["v"], quote=True)
        track = f'<track src="{html.escape(query["t"], quote=True)}" srclang="en">' if "t" in query else ""
        body = f"<!doctype html><html><head><title>{title}</title></head><body>"
        self._send(200, f'{body}<video controls src="{source}">{track}</video></body></html>'.encode())

    def _many_html(self, rest: str, query: dict[str, str]) -> None:
        """A page with several <video> tags: ?v=PATH,PATH."""
        tags = "".join(f'<video src="{html.escape(v, quote=True)}"></video>' for v in query["v"].split(","))
        self._send(200, f"<!doctype html><html><head><title>Many</title></head><body>{tags}</body></html>".encode())

    def _plain_html(self, rest: str, query: dict[str, str]) -> None:
        """A page without any film."""
        self._send(200, b"<!doctype html><html><head><title>Words</title></head><body><p>Only words.</p></body></html>")

    def _status(self, rest: str, query: dict[str, str]) -> None:
        """/status/429?after=7: that status, with Retry-After."""
        extra = {"Retry_After": query["after"]} if "after" in query else {}
        self._send(int(rest.partition("/")[0]), b"refused", **extra)

    def _redirect(self, rest: str, query: dict[str, str]) -> None:
        """?to=URL."""
        self._send(302, b"", Location=query["to"])

    def _files(self, rest: str, query: dict[str, str]) -> None:
        """A file of the folder, with ranges."""
        self._file(rest)

    def _slow(self, rest: str, query: dict[str, str]) -> None:
        """A file at ?rate= bytes a second."""
        self._file(rest, rate=int(query.get("rate", "200000")))

    def _cut(self, rest: str, query: dict[str, str]) -> None:
        """A file whose connection ends at 40 % the first ?times= times that it is asked for from the start."""
        times = int(query.get("times", "1"))
        wanted = self.site.counts["cut " + rest] < times and self.command == "GET"
        self.site.counts["cut " + rest] += wanted
        self._file(rest, cut=wanted)

    def _file(self, name: str, *, rate: int = 0, cut: bool = False) -> None:
        path = (self.site.folder / name).resolve()
        if not path.is_relative_to(self.site.folder.resolve()) or not path.is_file():
            self._send(404, b"no such file")
            return
        data = path.read_bytes()
        start, end = 0, len(data)
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked:
            start, end = int(asked[1]), min(int(asked[2] or len(data) - 1) + 1, len(data))
            if start >= len(data):
                self._send(416, b"", Content_Range=f"bytes */{len(data)}")
                return
        self.send_response(206 if asked else 200)
        self.send_header("Content-Type", _TYPES.get(path.suffix, "application/octet-stream"))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(end - start))
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(data)}")
        self.end_headers()
        if self.command == "HEAD":
            return
        if cut:
            end = start + int((end - start) * CUT_AT)
            self.close_connection = True
        self._body(data[start:end], rate)

    def _body(self, data: bytes, rate: int) -> None:
        block = max(rate // 20, 1) if rate else len(data) or 1
        for at in range(0, len(data), block):
            self.wfile.write(data[at : at + block])
            if rate:
                time.sleep(0.05)


@contextlib.contextmanager
def running_site(folder: Path, host: str = "127.0.0.1") -> Iterator[Site]:
    """A site on a free port of `host` until the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    site = Site(folder)
    handler = type("Handler", (_Handler,), {"site": site})
    server = _Server((host, 0), handler)
    site.base = f"http://{host}:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)


def dead_url() -> str:
    """An address on loopback where nobody listens."""
    import socket

    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    return f"http://127.0.0.1:{port}/film.mp4"
