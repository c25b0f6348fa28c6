"""Asking a public service politely over HTTP: one request a second for the whole machine, answers kept, sizes bounded.

The pace is kept in a file that all processes lock, from one answer to the next request. A service that is down or
asks for patience is left alone for as long, by all of them.
"""

from __future__ import annotations

import contextlib
import email.utils
import fcntl
import gzip
import http.client
import json
import os
import tempfile
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import blake2s
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from workers.text import clean

_INTERVAL_S = 1.0
_TIMEOUT_S = 15.0
_WHOLE_S = 30.0  # of one answer, however slowly it comes
_MAX_BYTES = 2 << 20
_ATTEMPTS = 3
_PATIENCE_S = 20.0  # a wait that is worth it; beyond that the others are not kept waiting
_REST_S = 60.0  # how long a service that fails is left alone
_MAX_REST_S = 3_600.0
_LOOK_S = 0.1
_KEPT_S = 30 * 86_400.0
_MAX_KEPT = 100  # answers in one of 256 folders


class Unanswered(Exception):
    """The service gave no usable answer; the words say why."""


@dataclass(frozen=True, slots=True)
class Service:
    """A service of JSON at `base`, the folder where answers and the pace are kept, and who we say that we are."""

    base: str
    folder: Path
    agent: str
    pulse: Callable[[], None] = lambda: None

    def ask(self, path: str) -> Any:
        """The JSON that GET `base` + `path` answers, or answered less than a month ago. Unanswered."""
        url = self.base.rstrip("/") + path
        kept = self._kept(url)
        with contextlib.suppress(OSError, EOFError, ValueError, KeyError, TypeError, zlib.error):
            stored = json.loads(gzip.decompress(kept.read_bytes()))
            if stored["url"] == url and 0 <= time.time() - stored["at"] < _KEPT_S:
                return stored["answer"]
        raw = self._paced(url)
        try:
            answer = json.loads(raw)
        except (ValueError, RecursionError):
            raise Unanswered("it answered no valid JSON") from None
        _store(kept, {"url": url, "at": time.time(), "answer": answer})
        return answer

    def _kept(self, url: str) -> Path:
        digest = blake2s(url.encode(), digest_size=16).hexdigest()
        return self.folder / digest[:2] / f"{digest}.json.gz"

    def _paced(self, url: str) -> bytes:
        host = urlsplit(self.base).netloc
        pace = self.folder / f"{blake2s(host.encode(), digest_size=8).hexdigest()}.pace"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(pace, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise Unanswered(f"no pace can be kept in {clean(str(self.folder))}: {error.strerror}") from None
        with open(descriptor, "r+b", buffering=0) as file:
            for attempt in range(_ATTEMPTS):
                with self._locked(descriptor):
                    self._wait(file)
                    try:
                        raw = _get(url, self.agent)
                    except _Refused as refused:
                        _note(file, refused.rest_s)
                        if not refused.again or refused.rest_s > _PATIENCE_S or attempt + 1 == _ATTEMPTS:
                            raise Unanswered(str(refused)) from None
                    else:
                        _note(file, _INTERVAL_S)
                        return raw
        raise AssertionError("the last attempt returns or raises")

    @contextlib.contextmanager
    def _locked(self, descriptor: int) -> Iterator[None]:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                self.pulse()
                time.sleep(_LOOK_S)
        try:
            yield
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)

    def _wait(self, file: Any) -> None:
        """Until the time that the pace names; Unanswered when that is too far off."""
        left = _free_at(file) - time.monotonic()
        if left > _PATIENCE_S:
            raise Unanswered(f"it is left alone for {left:.0f} s more after a failure or at its own wish")
        until = time.monotonic() + left
        while (left := until - time.monotonic()) > 0:
            self.pulse()
            time.sleep(min(left, 1.0))


class _Refused(Exception):
    """No answer; for how long nothing is to be asked, and whether the same question may then be asked again."""

    def __init__(self, message: str, rest_s: float, *, again: bool = False) -> None:
        self.rest_s = rest_s
        self.again = again
        super().__init__(message)


def _free_at(file: Any) -> float:
    """When the next request may go out, by the clock that runs since the machine started."""
    file.seek(0)
    try:
        at = float(file.read(64))
    except ValueError:
        return 0.0
    # Further off than any wait that is ever noted: the machine has started anew since.
    return at if at - time.monotonic() <= _MAX_REST_S else 0.0


def _note(file: Any, seconds: float) -> None:
    """Let the next request go out `seconds` from now, when the answer to this one has come."""
    file.seek(0)
    file.write(f"{time.monotonic() + min(seconds, _MAX_REST_S):<32.6f}\n".encode())


def _opener() -> urllib.request.OpenerDirector:
    """What opens http and https and nothing else. It follows no redirect, which could lead to a private address."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener


def _get(url: str, agent: str) -> bytes:
    request = urllib.request.Request(url, headers={"User-Agent": agent, "Accept": "application/json"})
    started = time.monotonic()
    try:
        with _opener().open(request, timeout=_TIMEOUT_S) as answer:
            parts: list[bytes] = []
            while part := answer.read1(1 << 16):
                parts.append(part)
                if sum(map(len, parts)) > _MAX_BYTES:
                    raise _Refused(f"its answer is larger than {_MAX_BYTES >> 20} MiB", _REST_S)
                if time.monotonic() - started > _WHOLE_S:
                    raise _Refused(f"its answer took more than {_WHOLE_S:.0f} s", _REST_S)
            return b"".join(parts)
    except urllib.error.HTTPError as error:
        with error:
            raise _refusal(error) from None
    except (OSError, ValueError, EOFError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise _Refused(f"it cannot be reached: {clean(str(reason)) or type(error).__name__}", _REST_S) from None


def _refusal(error: urllib.error.HTTPError) -> _Refused:
    if error.code in (429, 503):
        asked = _asked_for(error.headers.get("Retry-After"))
        return _Refused(f"it asks for patience (HTTP {error.code})", asked, again=True)
    if 300 <= error.code < 400:
        why = f"it sends elsewhere (HTTP {error.code}), which is not followed: set the final address"
        return _Refused(why, _REST_S)
    # What is wrong with this question need not be wrong with the next.
    return _Refused(f"it answered HTTP {error.code}", _INTERVAL_S if error.code in (400, 404) else _REST_S)


def _asked_for(text: str | None) -> float:
    """Seconds of a Retry-After header: a number or a date; a rest when it names neither."""
    text = (text or "").strip()
    if text.isascii() and text.isdecimal():
        return max(float(text[:6]), _INTERVAL_S)
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        return max(email.utils.parsedate_to_datetime(text).timestamp() - time.time(), _INTERVAL_S)
    return _REST_S


def _store(path: Path, entry: Any) -> None:
    """Keep an answer, whole or not at all. A cache that cannot be written only costs time."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        _make_room(path.parent)
        descriptor, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
        try:
            with open(descriptor, "wb") as file:
                file.write(gzip.compress(json.dumps(entry).encode(), 6))
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise


def _make_room(folder: Path) -> None:
    with os.scandir(folder) as entries:
        kept = sorted((entry.stat().st_mtime_ns, entry.path) for entry in entries)
    for _, path in kept[: max(0, len(kept) - _MAX_KEPT + 1)]:
        os.unlink(path)
