"""yt-dlp: the functions that run it, wired to its listeners. Only this file imports it."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from workers.errors import ErrorClass, Failure, JobFailed
from workers.media import environment, sandbox
from workers.media.ffmpeg import leash
from workers.media.reach import reach_of
from workers.media.ytdlp_look import lasting_list, told_of
from workers.media.ytdlp_order import Order, options
from workers.media.ytdlp_relay import Listeners, Relay
from workers.text import clean

_MOST_POINTERS = 5  # pages that only lead to another one


Ask = Callable[[], "Mapping[str, Any] | None"]
Keep = Callable[[Ask], "Mapping[str, Any] | None"]
"""Gives what was kept, or what asking now gives and is kept (None: nothing that lasts)."""


def download(order: Order, listeners: Listeners, keep: Keep = lambda ask: ask()) -> None:
    """Download what `order` names; every finished file is handed to `listeners.deliver` at once.

    Partial files stay in the work folder under fixed names, so that the next attempt goes on where this one ended.
    What a list holds is had by way of `keep`; each entry of it is asked for anew.
    JobFailed: network, throttled, gone, auth, unsupported, disk, bad_input or tool.
    """
    with _wired(order, listeners) as (session, relay):
        if order.playlist:
            _download_list(session, order.url, keep)
        else:
            session.extract_info(order.url, download=True)
    if not relay.delivered and listeners.failures:
        raise _as_error(listeners.failures[0], relay.tail)


def look(order: Order, listeners: Listeners) -> dict[str, Any]:
    """What there is at the address, see `told_of`; nothing is downloaded. JobFailed as `download`."""
    with _wired(order, listeners) as (session, _):
        # Of a list, its entries are not asked; whatever there is may be told, live streams too.
        session.params |= {"extract_flat": "in_playlist", "match_filter": None, "ignore_no_formats_error": True}
        info = session.extract_info(order.url, download=False)
    if not info:
        raise JobFailed(ErrorClass.UNSUPPORTED, "nothing to download at this address", input=order.url)
    return told_of(info, order.url)


@contextlib.contextmanager
def _wired(order: Order, listeners: Listeners) -> Iterator[tuple[Any, Relay]]:
    """A session of yt-dlp and what it tells; what goes wrong within is raised as JobFailed."""
    if not order.url.lower().startswith(("http://", "https://")):
        raise JobFailed(ErrorClass.BAD_INPUT, "only addresses that begin with http:// or https:// can be downloaded")
    order.work_dir.mkdir(parents=True, exist_ok=True)
    with _cookies(order) as cookie_file, reach_of(order.url, order.proxy) as guard:
        from yt_dlp.utils import DownloadCancelled  # type: ignore[import-untyped]

        relay = Relay(order, listeners, guard, DownloadCancelled)
        session = _session(options(order, cookie_file), relay)
        try:
            yield session, relay
        except JobFailed:
            raise
        except Exception as error:
            # What a listener raised came through yt-dlp as a cancel, which it lets pass.
            if relay.raised is None:
                raise _as_error(relay.failure_of(error), relay.tail) from error
        finally:
            with contextlib.suppress(Exception):
                session.close()
        if relay.raised is not None:
            raise relay.raised


def _download_list(session: Any, url: str, keep: Keep) -> None:
    """Download the entries of a list as it was kept, or as the site tells it now."""
    asked: list[Mapping[str, Any] | None] = []

    def ask() -> Mapping[str, Any] | None:
        asked.append(_listed(session, url))
        return lasting_list(asked[0])

    kept = keep(ask)
    found = asked[0] if asked else kept
    if found is None:
        session.extract_info(url, download=True)
    else:
        session.process_ie_result(dict(found), download=True)


def _listed(session: Any, url: str) -> Mapping[str, Any] | None:
    """What the site tells of an address, its entries not asked for; None when only a download can find out."""
    found = session.extract_info(url, download=False, process=False)
    for _ in range(_MOST_POINTERS):
        if not found or found.get("_type") != "url":
            break
        found = session.extract_info(found["url"], download=False, ie_key=found.get("ie_key"), process=False)
    if found and found.get("_type") in ("playlist", "multi_video") and not isinstance(found.get("entries"), list):
        entries = found.get("entries") or ()
        try:
            entries = entries.getslice() if hasattr(entries, "getslice") else entries
            found["entries"] = list(entries)
        except Exception:
            return None  # a page of the list failed: yt-dlp goes on with those before it when it downloads itself
    made: Mapping[str, Any] | None = found
    return made


def _as_error(failure: Failure, tail: list[str]) -> JobFailed:
    return JobFailed(
        failure.error_class,
        failure.message,
        input=failure.input,
        detail="\n".join(tail[-20:]),
        retry_after_s=failure.retry_after_s,
    )


@contextlib.contextmanager
def _cookies(order: Order) -> Any:
    """A private copy of the cookies for this attempt: yt-dlp writes into the file that it reads."""
    if not order.cookies:
        yield ""
        return
    copy = order.work_dir / "cookies.txt"
    try:
        copy.unlink(missing_ok=True)
        with (
            open(order.cookies, "rb") as source,
            os.fdopen(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target,
        ):
            shutil.copyfileobj(source, target)
    except OSError as error:
        raise JobFailed(
            ErrorClass.AUTH, f"cannot read the cookies at {clean(order.cookies)}: {error.strerror}"
        ) from error
    try:
        yield str(copy)
    finally:
        copy.unlink(missing_ok=True)


def _session(chosen: dict[str, Any], relay: Relay) -> Any:
    """A YoutubeDL without plugins whose programs die with us, wired to the relay."""
    _set_up(relay.order.work_dir)
    session = _session_type(relay)(
        {
            **chosen,
            "logger": relay,
            "progress_hooks": [relay.progress],
            "postprocessor_hooks": [relay.processing],
            "match_filter": relay.match,
            "retry_sleep_functions": dict.fromkeys(("http", "fragment", "extractor"), _pause),
        }
    )
    step = _step_type()
    session.add_post_processor(step(session, relay.before), when="before_dl")
    session.add_post_processor(step(session, relay.after), when="after_move")
    return session


def _set_up(work_dir: Path) -> None:
    """What yt-dlp keeps for the whole process: no plugins, and how it starts programs."""
    import yt_dlp  # type: ignore[import-untyped]
    import yt_dlp.downloader.external  # type: ignore[import-untyped]
    import yt_dlp.globals  # type: ignore[import-untyped]
    import yt_dlp.postprocessor.ffmpeg  # type: ignore[import-untyped]

    yt_dlp.globals.plugin_dirs.value = []
    yt_dlp.postprocessor.ffmpeg.Popen = leashed(yt_dlp.utils.Popen, work_dir)
    yt_dlp.downloader.external.Popen = leashed(yt_dlp.utils.Popen, None)


def _session_type(relay: Relay) -> type[Any]:
    import yt_dlp

    class Session(yt_dlp.YoutubeDL):  # type: ignore[misc]
        """Tells of the errors that a playlist goes on after."""

        def trouble(self, message: Any = None, tb: Any = None, is_error: bool = True) -> None:
            try:
                super().trouble(message, tb, is_error)
            finally:
                if is_error and message and self.params.get("ignoreerrors"):
                    relay.trouble(sys.exc_info()[1] or yt_dlp.utils.DownloadError(str(message)))

    return Session


def _step_type() -> type[Any]:
    from yt_dlp.postprocessor.common import PostProcessor  # type: ignore[import-untyped]

    class Step(PostProcessor):  # type: ignore[misc]
        """Tells how far an entry has come, and changes nothing."""

        def __init__(self, session: Any, tell: Callable[[dict[str, Any]], None]) -> None:
            super().__init__(session)
            self._tell = tell

        def run(self, info: dict[str, Any]) -> tuple[list[str], dict[str, Any]]:
            self._tell(info)
            return [], info

    return Step


def _pause(n: int) -> float:
    """Seconds before the next try; yt-dlp names its argument n."""
    return float(min(0.5 * 2**n, 15.0))


def leashed(base: type[Any], folder: Path | None) -> type[Any]:
    """yt-dlp's way of starting programs, with the leash that ends them when our thread ends.

    Those that work on files run in the sandbox, if there is one, and see of our files only what lies in `folder`. Those
    that fetch from the net (None: ffmpeg, for streams that yt-dlp cannot fetch itself) cannot, and may use the proxies.
    """
    given = environment.for_fetching if folder is None else environment.for_tools

    class Leashed(base):  # type: ignore[misc]
        """A program that dies with us."""

        def __init__(self, args: Any, *more: Any, **kwargs: Any) -> None:
            kwargs.setdefault("preexec_fn", leash())
            kwargs["env"] = given(kwargs.get("env") or os.environ)
            if folder is not None and "-i" in args:
                args = sandbox.around(args, (folder,))
            super().__init__(args, *more, **kwargs)

    return Leashed
