"""yt-dlp: what to ask of it as plain data, and one function that runs it. The only file that imports it.

Its own names for files are never used (they come from metadata): it works under fixed names in a private folder.
It runs no program but ffmpeg, and that with a list of formats and protocols it may open.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from workers.errors import ErrorClass, Failure, JobFailed
from workers.jobs import Progress
from workers.media import environment, sandbox
from workers.media.ffmpeg import leash
from workers.media.parts import Parts
from workers.media.reach import Guard, reach_of
from workers.media.refusals import failure_of, redacted, without_query
from workers.media.sniff import sniff
from workers.media.verify import check_whole
from workers.text import clean

# What yt-dlp's ffmpeg may open: no playlist, no concat script, no address. A playlist named .mp4 is refused.
_FORMATS = "mov,mp4,matroska,webm,mpegts,mp3,aac,ogg,flac,wav,flv,avi,asf,mpeg,ac3,eac3,caf,srt,webvtt,ffmetadata"
_INPUT_GUARD = ("-protocol_whitelist", "file,pipe", "-format_whitelist", _FORMATS)
_TEMPLATE = "%(playlist_index|0)s-%(format_id|x).40B.%(ext)s"
_REPORT_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class Order:
    """One download, as plain values."""

    url: str
    work_dir: Path
    ffmpeg: str
    quality: str = "best"  # "best", "audio", or a height such as "720p"
    container: str = "auto"  # "auto", "mp4" or "mkv"
    audio_codec: str = ""  # preferred codec of sound: "aac", "opus", …
    subtitles: tuple[str, ...] = ()  # languages
    metadata: bool = True  # write title, author and chapters into the file
    playlist: bool = False
    rate_limit: int = 0  # bytes a second; 0 is none
    proxy: str = ""
    cookies: str = ""  # path of a cookies.txt
    retries: int = 3  # of one connection


@dataclass(frozen=True, slots=True)
class Delivered:
    """One finished file in the work folder and what the site says of it."""

    path: Path
    subtitles: tuple[tuple[str, Path], ...]  # (language, file)
    info: Mapping[str, Any]


@dataclass
class Listeners:
    """Who hears of a download. What they raise ends it."""

    deliver: Callable[[Delivered], None]
    progress: Callable[[Progress], None] = lambda progress: None
    size: Callable[[int], None] = lambda size: None  # bytes expected (0 when unknown), before the first one comes
    log: Callable[[str], None] = lambda line: None
    pulse: Callable[[], None] = lambda: None  # a sign of life from work that has no figures
    named: Callable[[str], None] = lambda title: None  # what the site calls it, before its first byte comes
    failures: list[Failure] = field(default_factory=list)  # of single entries of a playlist


def format_of(order: Order) -> str:
    """The format expression: the best within the height, else the smallest there is. Pure."""
    if order.quality == "audio":
        return "ba/b"
    if order.quality == "best":
        return "bv*+ba/b"
    height = int(order.quality.removesuffix("p"))
    return f"bv*[height<=?{height}]+ba/b[height<=?{height}]/wv*+ba/w"


def options(order: Order, cookie_file: str = "") -> dict[str, Any]:
    """The options of YoutubeDL for an order: plain data, to which no site and no file of the user can add. Pure."""
    chosen: dict[str, Any] = {
        "format": format_of(order),
        "paths": {"home": str(order.work_dir)},
        "outtmpl": {"default": _TEMPLATE},
        "quiet": True,
        "noprogress": True,
        "color": "never",
        "consoletitle": False,
        "noplaylist": not order.playlist,
        "ignoreerrors": "only_download" if order.playlist else False,
        "continuedl": True,
        "updatetime": False,
        "cachedir": False,
        "usenetrc": False,
        "enable_file_urls": False,
        "allow_unplayable_formats": False,
        "external_downloader": {"default": "native"},
        "hls_prefer_native": True,
        "skip_unavailable_fragments": False,
        "fixup": "never",
        # Blocks of one size: a cut loses one of them at most (they would grow to 4 MB), and figures come evenly.
        "buffersize": 1 << 16,
        "noresizebuffer": True,
        "socket_timeout": 30,
        "retries": order.retries,
        "fragment_retries": order.retries,
        "extractor_retries": min(order.retries, 3),
        "file_access_retries": 1,
        "ffmpeg_location": order.ffmpeg,
        "postprocessor_args": {"ffmpeg_i": list(_INPUT_GUARD)},
        "postprocessors": [],
    }
    if order.playlist:
        chosen["download_archive"] = str(order.work_dir / "finished.txt")
    if order.container != "auto":
        chosen["merge_output_format"] = "mp4/mkv" if order.container == "mp4" else "mkv"
        chosen["format_sort"] = ["ext:mp4:m4a"] if order.container == "mp4" else []
    if order.audio_codec:
        chosen["format_sort"] = [f"acodec:{order.audio_codec}"]
    if order.subtitles:
        chosen |= {
            "writesubtitles": True,
            "subtitleslangs": list(order.subtitles),
            "subtitlesformat": "vtt/srt/ass/best",
        }
    if order.metadata:
        chosen["postprocessors"] = [
            {"key": "FFmpegMetadata", "add_metadata": True, "add_chapters": True, "add_infojson": False}
        ]
    if order.rate_limit:
        chosen["ratelimit"] = order.rate_limit
    if order.proxy:
        chosen["proxy"] = order.proxy
    if cookie_file:
        chosen["cookiefile"] = cookie_file
    return chosen


def download(order: Order, listeners: Listeners) -> None:
    """Download what `order` names; every finished file is handed to `listeners.deliver` at once.

    Partial files stay in the work folder under fixed names, so that the next attempt goes on where this one ended.
    JobFailed: network, throttled, gone, auth, unsupported, disk, bad_input or tool.
    """
    if not order.url.lower().startswith(("http://", "https://")):
        raise JobFailed(ErrorClass.BAD_INPUT, "only addresses that begin with http:// or https:// can be downloaded")
    order.work_dir.mkdir(parents=True, exist_ok=True)
    with _cookies(order) as cookie_file, reach_of(order.url, order.proxy) as guard:
        relay = _Relay(order, listeners, guard)
        session = _session(options(order, cookie_file), relay)
        try:
            session.extract_info(order.url, download=True)
        except Exception as error:
            # What a listener raised came through yt-dlp as a cancel, which it lets pass.
            if relay.raised is None:
                raise _as_error(relay.failure_of(error), relay.tail) from error
        finally:
            with contextlib.suppress(Exception):
                session.close()
        if relay.raised is not None:
            raise relay.raised
        if not relay.delivered and listeners.failures:
            raise _as_error(listeners.failures[0], relay.tail)


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


class _Relay:
    """Between yt-dlp's hooks and the listeners: figures over all parts, words made safe, and what listeners raise."""

    def __init__(self, order: Order, listeners: Listeners, guard: Guard) -> None:
        self.order, self.listeners, self.reach = order, listeners, guard
        self.raised: BaseException | None = None
        self.delivered = 0
        self._started = False  # whether bytes of this entry have come
        self.tail: list[str] = []
        self._parts = Parts()
        self._told = 0.0

    def guard(self, call: Callable[[], None]) -> None:
        """Run a listener; what it raises is kept and sent through yt-dlp as a cancel, which nothing there swallows."""
        from yt_dlp.utils import DownloadCancelled  # type: ignore[import-untyped]

        if self.raised is not None:
            raise DownloadCancelled("stopped")
        try:
            call()
        except Exception as error:
            self.raised = error
            raise DownloadCancelled("stopped") from error

    def failure_of(self, error: BaseException) -> Failure:
        """The failure to tell for what yt-dlp raised."""
        failure = failure_of(error, self.order.url, started=self._started, refused=self.reach.refused)
        return replace(failure, message=without_query(failure.message, self.order.url))

    def trouble(self, error: BaseException) -> None:
        """An entry of a list failed, and the others go on."""
        self.listeners.failures.append(self.failure_of(error))

    def note(self, line: str) -> None:
        """One line of yt-dlp's, for the log and the details of a failure."""
        text = without_query(redacted(clean(line)), self.order.url).strip()
        if text and not text.startswith("[debug]"):
            self.tail = [*self.tail[-29:], text]
            self.listeners.log(text)

    # yt-dlp calls its logger by these three names.
    debug = warning = error = note

    def before(self, info: Mapping[str, Any]) -> None:
        """An entry is about to be downloaded."""
        parts = info.get("requested_formats") or [info]
        self._started = False
        index, count = info.get("playlist_index"), info.get("n_entries")
        if isinstance(index, int) and isinstance(count, int):
            self._parts = Parts(len(parts), index, count)
        else:
            self._parts = Parts(len(parts))
        sizes = [part.get("filesize") or part.get("filesize_approx") or 0 for part in parts]
        # Parts that are merged lie beside the result for a while.
        need = int(sum(sizes) * (2 if len(parts) > 1 else 1)) if all(sizes) else 0
        title = info.get("playlist_title") or info.get("title")
        self.guard(lambda: self.listeners.named(str(title or "")))
        self.guard(lambda: self.listeners.size(need))

    def match(self, info: Mapping[str, Any], *, incomplete: bool = False) -> str | None:
        """Asked of every entry before it is fetched: lists that nobody asked for, and streams without an end."""
        if not self.order.playlist and isinstance(info.get("n_entries"), int) and info["n_entries"] > 1:
            self.guard(lambda: self._refuse(f"this page holds {info['n_entries']} films: ask for all with --playlist"))
        if info.get("is_live") and not incomplete:
            if not self.order.playlist:
                self.guard(lambda: self._refuse("this is a live stream: it can be downloaded when it has ended"))
            return "is live"
        return None

    def _refuse(self, words: str) -> None:
        raise JobFailed(ErrorClass.UNSUPPORTED, words, input=self.order.url)

    def progress(self, status: Mapping[str, Any]) -> None:
        """A progress hook of yt-dlp."""
        if status.get("status") not in ("downloading", "finished") or "format_id" not in status.get("info_dict", {}):
            return  # subtitles have no format
        done, name = int(status.get("downloaded_bytes") or 0), str(status.get("filename"))
        total = status.get("total_bytes") or status.get("total_bytes_estimate")
        finished = status["status"] == "finished"
        if finished and not done:
            done = int(total or 0)
        self._started |= done > 0
        self._parts.note(name, done, int(total) if total else None, finished=finished)
        if finished:
            # Before any tool opens it: what came must be a film or sound by its content.
            self.guard(lambda: self._examined(Path(name), status["info_dict"]))
        now = time.monotonic()
        if finished or now - self._told >= _REPORT_EVERY_S:
            self._told = now
            rate, eta = status.get("speed"), status.get("eta")
            figures = self._parts.figures(float(rate) if rate else None, float(eta) if eta is not None else None)
            self.guard(lambda: self.listeners.progress(figures))

    def _examined(self, path: Path, info: Mapping[str, Any]) -> None:
        if sniff(path).kind != "av":
            raise JobFailed(
                ErrorClass.UNSUPPORTED, "the site sent a picture, not a film or sound", input=self.order.url
            )
        # Now, for a tool that rewrites a file that was cut short writes the shorter duration into its header.
        told = info.get("duration")
        running = info.get("live_status") in ("is_live", "post_live")
        told_s = float(told) if isinstance(told, (int, float)) and not running else None
        try:
            check_whole(path, told_s=told_s, source=self.order.url, pulse=self.listeners.pulse)
        except JobFailed as error:
            if error.failure.error_class is ErrorClass.NETWORK:
                path.unlink(missing_ok=True)  # else the next attempt takes it for finished
            raise

    def processing(self, status: Mapping[str, Any]) -> None:
        """A hook of yt-dlp's post-processors."""
        words = {"Merger": "merging", "Metadata": "writing metadata"}.get(str(status.get("postprocessor")))
        if status.get("status") == "started" and words:
            self.guard(lambda: self.listeners.progress(Progress(phase=words, unit="bytes")))

    def after(self, info: Mapping[str, Any]) -> None:
        """An entry is finished."""
        subtitles = tuple(
            (str(language), Path(one["filepath"]))
            for language, one in (info.get("requested_subtitles") or {}).items()
            if one.get("filepath") and os.path.exists(one["filepath"])
        )
        self.guard(lambda: self.listeners.deliver(Delivered(Path(info["filepath"]), subtitles, info)))
        self.delivered += 1


def _session(chosen: dict[str, Any], relay: _Relay) -> Any:
    """A YoutubeDL without plugins whose programs die with us, wired to the relay."""
    import yt_dlp  # type: ignore[import-untyped]
    import yt_dlp.downloader.external  # type: ignore[import-untyped]
    import yt_dlp.globals  # type: ignore[import-untyped]
    import yt_dlp.postprocessor.ffmpeg  # type: ignore[import-untyped]
    from yt_dlp.postprocessor.common import PostProcessor  # type: ignore[import-untyped]

    yt_dlp.globals.plugin_dirs.value = []
    yt_dlp.postprocessor.ffmpeg.Popen = leashed(yt_dlp.utils.Popen, relay.order.work_dir)
    yt_dlp.downloader.external.Popen = leashed(yt_dlp.utils.Popen, None)

    class Session(yt_dlp.YoutubeDL):  # type: ignore[misc]
        """Tells of the errors that a playlist goes on after."""

        def trouble(self, message: Any = None, tb: Any = None, is_error: bool = True) -> None:
            try:
                super().trouble(message, tb, is_error)
            finally:
                if is_error and message and self.params.get("ignoreerrors"):
                    relay.trouble(sys.exc_info()[1] or yt_dlp.utils.DownloadError(str(message)))

    class Before(PostProcessor):  # type: ignore[misc]
        """Tells that an entry begins."""

        def run(self, info: dict[str, Any]) -> tuple[list[str], dict[str, Any]]:
            relay.before(info)
            return [], info

    class After(PostProcessor):  # type: ignore[misc]
        """Tells that an entry is finished."""

        def run(self, info: dict[str, Any]) -> tuple[list[str], dict[str, Any]]:
            relay.after(info)
            return [], info

    def pause(n: int) -> float:
        """Seconds before the next try; yt-dlp names its argument n."""
        return float(min(0.5 * 2**n, 15.0))

    session = Session(
        {
            **chosen,
            "logger": relay,
            "progress_hooks": [relay.progress],
            "postprocessor_hooks": [relay.processing],
            "match_filter": relay.match,
            "retry_sleep_functions": {"http": pause, "fragment": pause, "extractor": pause},
        }
    )
    session.add_post_processor(Before(session), when="before_dl")
    session.add_post_processor(After(session), when="after_move")
    return session


def leashed(base: type[Any], folder: Path | None) -> type[Any]:
    """yt-dlp's way of starting programs, with the leash that ends them when our thread ends.

    Those that work on files run in the sandbox, if there is one, and see of our files only what lies in `folder`. Those
    that fetch from the net (None: ffmpeg, for streams that yt-dlp cannot fetch itself) cannot, and may use the proxies.
    """
    given = environment.for_runners if folder is None else environment.for_tools

    class Leashed(base):  # type: ignore[misc]
        """A program that dies with us."""

        def __init__(self, args: Any, *more: Any, **kwargs: Any) -> None:
            kwargs.setdefault("preexec_fn", leash())
            kwargs["env"] = given(kwargs.get("env") or os.environ)
            if folder is not None and "-i" in args:
                args = sandbox.around(args, (folder,))
            super().__init__(args, *more, **kwargs)

    return Leashed
