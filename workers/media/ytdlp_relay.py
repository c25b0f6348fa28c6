"""What yt-dlp tells while it downloads: figures over all parts, words made safe, and what listeners raise."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from workers.errors import ErrorClass, Failure, JobFailed
from workers.jobs import Progress
from workers.media.parts import Parts
from workers.media.reach import Guard
from workers.media.refusals import failure_of, without_query
from workers.media.sniff import sniff
from workers.media.verify import check_whole
from workers.media.ytdlp_order import Order
from workers.text import clean, redacted

_REPORT_EVERY_S = 0.1


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


class Relay:
    """Between yt-dlp's hooks and the listeners: figures over all parts, words made safe, and what listeners raise."""

    def __init__(self, order: Order, listeners: Listeners, guard: Guard, cancelled: type[Exception]) -> None:
        self.order, self.listeners, self.reach = order, listeners, guard
        self._cancelled = cancelled  # what yt-dlp lets pass
        self.raised: BaseException | None = None
        self.delivered = 0
        self._started = False  # whether bytes of this entry have come
        self.tail: list[str] = []
        self._parts = Parts()
        self._told = 0.0

    def guard(self, call: Callable[[], None]) -> None:
        """Run a listener; what it raises is kept and sent through yt-dlp as a cancel, which nothing there swallows."""
        if self.raised is not None:
            raise self._cancelled("stopped")
        try:
            call()
        except Exception as error:
            self.raised = error
            raise self._cancelled("stopped") from error

    def failure_of(self, error: BaseException) -> Failure:
        """The failure to tell for what yt-dlp raised."""
        failure = failure_of(error, self.order.url, started=self._started, refused=self.reach.refused)
        return replace(failure, message=without_query(failure.message, self.order.url))

    def trouble(self, error: BaseException) -> None:
        """An entry of a list failed, and the others go on."""
        self.listeners.failures.append(self.failure_of(error))

    def note(self, line: str) -> None:
        """One line of yt-dlp's, for the log and the details of a failure."""
        text = without_query(clean(redacted(line)), self.order.url).strip()
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
