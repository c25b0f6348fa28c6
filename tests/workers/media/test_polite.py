"""A service on loopback that writes down when it was asked, and by whom."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from workers.media import polite
from workers.media.polite import Service, Unanswered

Reply = tuple[int, dict[str, str], bytes]


@dataclass
class Asked:
    """What the service saw. `replies` are given in turn, the last one for ever."""

    base: str = ""
    times: list[float] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    agents: list[str] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=lambda: [(200, {}, b'{"fine": true}')])


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[Asked]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    seen = Asked()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            """Nothing on stderr."""

        def do_GET(self) -> None:
            seen.times.append(time.monotonic())
            seen.paths.append(self.path)
            seen.agents.append(self.headers["User-Agent"])
            status, headers, body = seen.replies.pop(0) if len(seen.replies) > 1 else seen.replies[0]
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    seen.base = f"http://127.0.0.1:{server.server_port}"
    yield seen
    server.shutdown()
    server.server_close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No second between requests, for what is not about the pace."""
    monkeypatch.setattr(polite, "_INTERVAL_S", 0.0)


def _ask(base: str, folder: Path, path: str) -> None:
    Service(base, folder, "Spool/test").ask(path)


def test_processes_share_one_pace(asked: Asked, tmp_path: Path) -> None:
    context = get_context("spawn")
    others = [context.Process(target=_ask, args=(asked.base, tmp_path / "kept", f"/{n}")) for n in range(2)]
    for process in others:
        process.start()
    _ask(asked.base, tmp_path / "kept", "/mine")
    for process in others:
        process.join(30)
        assert process.exitcode == 0
    first, second, third = asked.times
    assert second - first >= 1.0
    assert third - second >= 1.0
    assert set(asked.agents) == {"Spool/test"}


@pytest.mark.usefixtures("quick")
def test_an_answer_is_asked_for_once(asked: Asked, tmp_path: Path) -> None:
    service = Service(asked.base, tmp_path, "Spool/test")
    assert [service.ask("/a?b"), service.ask("/a?b"), service.ask("/c")] == [{"fine": True}] * 3
    assert asked.paths == ["/a?b", "/c"]
    for kept in tmp_path.rglob("*.json.gz"):
        kept.write_bytes(b"torn")
    assert service.ask("/c") == {"fine": True}
    assert asked.paths == ["/a?b", "/c", "/c"]


@pytest.mark.usefixtures("quick")
def test_a_wish_for_patience_is_granted_and_the_question_asked_again(asked: Asked, tmp_path: Path) -> None:
    asked.replies = [(503, {"Retry-After": "1"}, b""), (200, {}, b"[1]")]
    pulses: list[None] = []
    assert Service(asked.base, tmp_path, "x", lambda: pulses.append(None)).ask("/") == [1]
    assert asked.times[1] - asked.times[0] >= 1.0
    assert pulses


def later(seconds: float) -> str:
    return formatdate(time.time() + seconds, usegmt=True)


REFUSALS: dict[str, tuple[Callable[[], Reply], str]] = {
    "long patience": (lambda: (503, {"Retry-After": "3000"}, b""), "patience"),
    "until a date": (lambda: (429, {"Retry-After": later(3000)}, b""), "patience"),
    "patience without a time": (lambda: (503, {"Retry-After": "soon"}, b""), "patience"),
    "redirect": (lambda: (302, {"Location": "http://127.0.0.1:1/private"}, b""), "sends elsewhere"),
    "redirect to a file": (lambda: (301, {"Location": "file:///etc/passwd"}, b""), "sends elsewhere"),
    "error": (lambda: (500, {}, b""), "HTTP 500"),
    "refused": (lambda: (403, {}, b""), "HTTP 403"),
    "huge": (lambda: (200, {}, b"[" + b"1," * (2 << 20)), "larger than 2 MiB"),
}


@pytest.mark.parametrize("name", REFUSALS)
@pytest.mark.usefixtures("quick")
def test_a_service_that_fails_is_left_alone_by_all(asked: Asked, tmp_path: Path, name: str) -> None:
    make, words = REFUSALS[name]
    asked.replies = [make()]
    with pytest.raises(Unanswered, match=words):
        _ask(asked.base, tmp_path, "/one")
    with pytest.raises(Unanswered, match="left alone"):
        _ask(asked.base, tmp_path, "/two")
    assert asked.paths == ["/one"]


@pytest.mark.parametrize("reply", [(404, {}, b""), (400, {}, b""), (200, {}, b"no json"), (200, {}, b"[" * 100_000)])
@pytest.mark.usefixtures("quick")
def test_a_bad_answer_to_one_question_does_not_end_the_asking(asked: Asked, tmp_path: Path, reply: Reply) -> None:
    asked.replies = [reply, (200, {}, b"1")]
    with pytest.raises(Unanswered):
        _ask(asked.base, tmp_path, "/one")
    assert Service(asked.base, tmp_path, "x").ask("/one") == 1


def test_nobody_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(Unanswered, match="cannot be reached"):
        _ask("http://127.0.0.1:1", tmp_path, "/")


@pytest.mark.usefixtures("quick")
def test_a_pace_of_another_start_of_the_machine_or_no_pace_at_all_binds_nobody(asked: Asked, tmp_path: Path) -> None:
    for number, text in enumerate((b"1e300\n", b"nan\n", b"words", b"")):
        for pace in tmp_path.glob("*.pace"):
            pace.write_bytes(text)
        _ask(asked.base, tmp_path, f"/{number}")
    assert len(asked.paths) == 4


@pytest.mark.usefixtures("quick")
def test_what_is_kept_is_bounded(asked: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polite, "_MAX_KEPT", 1)
    for number in range(30):
        _ask(asked.base, tmp_path, f"/{number}")
    per_folder = [len(list(folder.iterdir())) for folder in tmp_path.iterdir() if folder.is_dir()]
    assert set(per_folder) == {1}
    assert json.loads(json.dumps(asked.paths)) == [f"/{number}" for number in range(30)]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unanswered, match="no pace"):
        _ask("http://127.0.0.1:1", tmp_path / "file" / "kept", "/")
