"""Fetching films and sound from web pages, manifests and plain addresses with yt-dlp."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from workers.errors import ErrorClass, JobFailed
from workers.jobs import Progress
from workers.media.av import Facts, facts
from workers.media.names import DEFAULT_TEMPLATE, check_template, fill_template, key_to_path, safe_name
from workers.media.refusals import without_query
from workers.operations.contract import Context, Operation, Params, Result
from workers.operations.inputs import disk_failure, need_room, publish, stage
from workers.operations.ledger import Ledger
from workers.text import clean, shorten


class DownloadParams(Params):
    """What to fetch, and in which quality."""

    inputs: tuple[str, ...] = Field(min_length=1, max_length=1)
    """Address of a page with a film or sound, of a manifest (HLS, DASH) or of the file itself."""

    quality: Literal["best", "2160p", "1440p", "1080p", "720p", "480p", "360p", "audio"] = Field(
        default="best", json_schema_extra={"short": "q"}
    )
    """Best picture, or the best up to a height; audio fetches the sound alone."""

    output: str = Field(default="", json_schema_extra={"short": "o", "path": True})
    """Folder for the file. Empty: the one of the configuration."""

    audio_format: Literal["keep", "mp3", "m4a", "opus", "flac"] = "keep"
    """With --quality audio: the format of the sound. keep does not encode again."""

    container: Literal["auto", "mp4", "mkv"] = Field(default="auto", json_schema_extra={"advanced": True})
    """Container where picture and sound come apart and are joined. auto takes what fits them best."""

    subtitles: str = Field(default="", json_schema_extra={"short": "s"})
    """Languages of subtitles to fetch beside the film, separated by commas: en,de. all takes every one."""

    metadata: bool = Field(default=True, json_schema_extra={"advanced": True})
    """Write title, author and chapters into the file."""

    playlist: bool = False
    """Fetch all films of a page or list, not one."""

    template: str = Field(default="", json_schema_extra={"advanced": True})
    """Name of the file: {title}, {id}, {uploader}, {channel}, {site}, {playlist}, {playlist_index}, {date}, {year},
    {height}; a / makes folders. Empty: the one of the configuration."""

    rate_limit: int = Field(default=0, ge=0, json_schema_extra={"advanced": True})
    """Bytes a second at most. 0: the limit of the configuration."""

    cookies: str = Field(default="", json_schema_extra={"path": True, "advanced": True, "secret": True})
    """A cookies.txt file for sites that ask for a login. Empty: the one of the configuration."""

    proxy: str = Field(default="", json_schema_extra={"advanced": True, "secret": True})
    """Address of an HTTP or SOCKS proxy. Empty: the one of the configuration."""

    @field_validator("inputs")
    @classmethod
    def _web_address(cls, inputs: tuple[str, ...]) -> tuple[str, ...]:
        for url in inputs:
            check_url(url)
        return inputs

    @field_validator("template")
    @classmethod
    def _good_template(cls, template: str) -> str:
        if template:
            check_template(template)
        return template

    @field_validator("subtitles")
    @classmethod
    def _good_languages(cls, text: str) -> str:
        for word in filter(None, (part.strip() for part in text.split(","))):
            if not (word.isascii() and word.replace("-", "").replace("_", "").isalnum() and not word.startswith("-")):
                raise ValueError(f"{word!r} is no language; write en or en,de")
        return text

    @property
    def url(self) -> str:
        """The one address."""
        return self.inputs[0]


def check_url(url: str) -> None:
    """ValueError with the reason when `url` is no web address."""
    if not url.lower().startswith(("http://", "https://")):
        raise ValueError("the address must begin with http:// or https://")
    if any(char.isspace() or not char.isprintable() for char in url):
        raise ValueError("the address holds blanks or unseen characters")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise ValueError(f"this is no address: {error}") from None
    if not parts.hostname:
        raise ValueError("the address names no host")


def site_of(params: DownloadParams) -> str | None:
    """The host that limits apply to, without www."""
    host = urlsplit(params.url).hostname
    return host.removeprefix("www.") if host else None


def _run(params: DownloadParams, ctx: Context) -> Result:
    before = ctx.published()
    if not params.playlist and any(not _is_words(path) for path in before):
        # The film is published last, so what was asked for beside it is there too.
        return Result(tuple(sorted(before, key=_is_words)), {"published_before": True})
    from workers.media import ffmpeg, ytdlp

    settings: Mapping[str, Any] = ctx.settings.get("download") or {}
    folder = key_to_path(params.output or str(ctx.settings["output_dir"]))
    need_room(ctx, folder)
    collected = _Collector(params, ctx, folder, params.template or settings.get("template") or DEFAULT_TEMPLATE)
    listeners = ytdlp.Listeners(
        collected.take, collected.progress, collected.expect, collected.log, ctx.alive, collected.named
    )
    order = ytdlp.Order(
        url=params.url,
        work_dir=ctx.work_dir / "download",
        ffmpeg=ffmpeg.locate(str(ctx.settings.get("ffmpeg") or "")),
        quality=params.quality,
        container=params.container,
        audio_codec={"m4a": "aac", "opus": "opus", "mp3": "mp3", "flac": "flac"}.get(params.audio_format, ""),
        subtitles=tuple(part.strip() for part in params.subtitles.split(",") if part.strip()),
        metadata=params.metadata,
        playlist=params.playlist,
        rate_limit=params.rate_limit or int(settings.get("rate_limit_bytes") or 0),
        proxy=params.proxy or str(settings.get("proxy") or ""),
        cookies=_path_of(params.cookies or str(settings.get("cookies") or "")),
        retries=int(settings.get("retries", 3)),
    )
    ctx.report(Progress(phase="looking at the page", unit="bytes"))
    ytdlp.download(order, listeners)
    again = next((failure for failure in listeners.failures if failure.retryable), None)
    if again is not None:
        words = f"{len(listeners.failures)} entries of the list failed: {again.message}"
        raise JobFailed(again.error_class, words, input=params.url, retry_after_s=again.retry_after_s)
    # Of a list, what earlier attempts published comes first; of one film, the film.
    found = (*before, *collected.outputs) if params.playlist else (*collected.outputs, *before)
    outputs = tuple(dict.fromkeys(found))
    if not outputs:
        raise JobFailed(ErrorClass.UNSUPPORTED, "nothing to download at this address", input=params.url)
    failed = [failure.message for failure in listeners.failures]
    return Result(outputs, collected.detail | ({"failed": failed} if failed else {}))


def _path_of(key: str) -> str:
    return str(key_to_path(key)) if key else ""


class _Collector:
    """Takes the finished files out of the work folder: probes, brings into shape, names and publishes them."""

    def __init__(self, params: DownloadParams, ctx: Context, folder: Path, template: str) -> None:
        self.params, self.ctx, self.folder, self.template = params, ctx, folder, template
        self.outputs: list[Path] = []
        self.ledger = Ledger(ctx.work_dir / "published.jsonl", ctx.published())
        self.detail: dict[str, Any] = {}
        self.damage = ""  # of the file that is taken now, in words

    def log(self, line: str) -> None:
        """A line of yt-dlp: into the log, and a sign of life."""
        self.ctx.log(line)
        self.ctx.alive()

    def named(self, title: str) -> None:
        """What the site calls it: better than the address, for people."""
        title = without_query(title, self.params.url)
        if title and title != "video":
            self.ctx.title(title)

    def expect(self, size: int) -> None:
        """So many bytes will come (0: nobody knows)."""
        need_room(self.ctx, self.ctx.work_dir, size)
        need_room(self.ctx, self.folder, size)

    def progress(self, progress: Progress) -> None:
        """Pass figures on, and stop before the disk is full."""
        need_room(self.ctx, self.ctx.work_dir)
        self.ctx.report(progress)

    def take(self, delivered: Any) -> None:
        """Publish one finished file, after its subtitles: where the film is, all that belongs to it is."""
        self.ctx.report(Progress(1.0, "verifying", unit="bytes"))
        self.damage = ""
        path, found = self._shaped(delivered.path)
        fields = fields_of(delivered.info, self.params.url, found) | {"ext": path.suffix.lstrip(".")}
        entry = f"{delivered.info.get('extractor_key')} {delivered.info.get('id')}"
        target = _free(self.folder / fill_template(self.template, fields))
        words = [self._take_subtitle(language, file, entry, target) for language, file in delivered.subtitles]
        media = self._publish(path, target, entry, "film")
        self.outputs += [media, *(one for one in words if one)]
        delivered.path.unlink(missing_ok=True)
        film = found.video
        facts_of_one = {
            "title": clean(fields["title"]),
            "id": clean(fields["id"]),
            "site": clean(str(delivered.info.get("extractor_key") or "")),
            "duration_s": found.duration_s,
            "size": media.stat().st_size,
            "width": film.width if film else 0,
            "height": film.height if film else 0,
            "codecs": [stream.codec for stream in found.streams if not stream.cover],
        }
        if self.damage:
            facts_of_one["damaged"] = self.damage
        if self.params.playlist:
            self.detail.setdefault("entries", []).append(facts_of_one)
        else:
            self.detail = facts_of_one

    def _shaped(self, path: Path) -> tuple[Path, Facts]:
        """The file with the sound alone where that was asked for, in a container that its name does not belie."""
        from workers.media.verify import Expected, verify

        found = facts(path)
        if self.params.quality == "audio" and (found.video or self.params.audio_format != "keep" or _odd(found, path)):
            path = self._sound(found, path.parent)
        elif _odd(found, path):
            path = self._remuxed(found, path)
        else:
            path = _renamed(path, found)
        return path, verify(path, Expected(), source=self.params.url)

    def _sound(self, found: Facts, folder: Path) -> Path:
        from workers.media import ffmpeg
        from workers.media.sound import extract

        return extract(
            found,
            folder,
            wanted=self.params.audio_format,
            ffmpeg=lambda: ffmpeg.locate(str(self.ctx.settings.get("ffmpeg") or "")),
            threads=int(self.ctx.settings.get("threads") or 0),
            on_progress=self.ctx.report,
            on_damage=self._damaged,
        )

    def _damaged(self, words: str) -> None:
        self.ctx.log(f"damaged: {words}")
        self.damage = words

    def _remuxed(self, found: Facts, path: Path) -> Path:
        """HLS gives a transport stream under the name of an MP4: put it into a real one."""
        from workers.media.remux import remux

        keep = [stream.index for stream in found.streams if stream.kind in ("video", "audio") and not stream.cover]
        target = path.with_name("remuxed.mp4" if found.video else "remuxed.m4a")
        self.ctx.report(Progress(phase="remuxing", unit="bytes"))
        remux(path, target, muxer="mp4" if found.video else "ipod", keep=keep)
        return target

    def _publish(self, path: Path, target: Path, entry: str, part: str) -> Path:
        """Bring the file to the filesystem of its target, whole or not at all, unless an attempt before did so."""
        if before := self.ledger.published(entry, part):
            path.unlink()
            return before
        staged = stage(self.ctx, target.parent) / f"download{target.suffix}"
        try:
            # A second name: were this attempt to die now, the next one finds the download where it was.
            os.link(path, staged)
        except OSError:
            need_room(self.ctx, target.parent, path.stat().st_size)
            self._copy(path, staged)
        self._note(entry, part, staged)
        published = publish(self.ctx, staged, target)
        path.unlink(missing_ok=True)
        return published

    def _note(self, entry: str, part: str, staged: Path) -> None:
        try:
            self.ledger.note(entry, part, staged)
        except OSError as error:
            raise disk_failure(error, "cannot write in the job's work folder") from error

    def _copy(self, path: Path, staged: Path) -> None:
        total, done = path.stat().st_size, 0
        try:
            with open(path, "rb") as source, open(staged, "wb") as target:
                while block := source.read(4 << 20):
                    done += target.write(block)
                    self.ctx.report(Progress(done / total, "moving to the output folder", done, total, unit="bytes"))
        except OSError as error:
            raise JobFailed(ErrorClass.DISK, f"cannot copy into the output folder: {error.strerror}") from error

    def _take_subtitle(self, language: str, file: Path, entry: str, target: Path) -> Path | None:
        extension = file.suffix.lstrip(".").lower()
        if extension not in _WORDS:
            self.ctx.log(f"left out: subtitles {clean(language)} in format {clean(extension)}")
            return None
        name = safe_name(f"{target.stem}.{language}", extension=extension)
        return self._publish(file, target.with_name(name), entry, f"subtitles {language}")


_WORDS = ("srt", "vtt", "ass", "ssa", "ttml", "lrc")


def _is_words(path: Path) -> bool:
    """Whether a published file holds subtitles."""
    return path.suffix.lstrip(".") in _WORDS


def _free(target: Path) -> Path:
    """`target`, numbered when that is taken, so that a film and its subtitles bear one number."""
    names = itertools.chain([target], (target.with_stem(f"{target.stem} ({n})") for n in range(2, 1000)))
    return next((name for name in names if not os.path.lexists(name)), target)


# The extensions that a demuxer's files may bear; the first is given where the name says something else.
_BEARS: Mapping[str, tuple[str, ...]] = {
    "mp4": ("mp4", "m4a", "m4v", "mov", "3gp"),
    "matroska": ("mkv", "webm", "mka", "weba"),
    "mp3": ("mp3",),
    "flac": ("flac",),
    "ogg": ("ogg", "opus", "oga", "ogv"),
    "wav": ("wav",),
    "aiff": ("aiff",),
    "flv": ("flv",),
    "avi": ("avi",),
    "mpeg": ("mpg", "mpeg"),
    "asf": ("wmv", "wma"),
    "ac3": ("ac3",),
}
_RAW = ("mpegts", "aac")  # streams without a container of their own


def _odd(found: Facts, path: Path) -> bool:
    """Whether the file is a bare stream that belongs into a container."""
    return found.format in _RAW and path.suffix.lower() not in (".ts", ".m2ts", ".aac")


def _renamed(path: Path, found: Facts) -> Path:
    """The file under an extension that its content agrees with."""
    good = _BEARS.get(found.format)
    if found.format in _RAW or (good and path.suffix.lower().lstrip(".") in good):
        return path
    if not good:
        raise JobFailed(ErrorClass.UNSUPPORTED, f"what came is of the kind {found.format}, which Spool does not keep")
    sound_only = {"mp4": "m4a", "matroska": "mka"}.get(found.format) if found.video is None else None
    renamed = path.with_suffix(f".{sound_only or good[0]}")
    os.rename(path, renamed)
    return renamed


def fields_of(info: Mapping[str, Any], url: str, found: Facts) -> dict[str, Any]:
    """The fields of a name template from what a site tells and what the file shows."""
    date = str(info.get("upload_date") or info.get("release_date") or "")
    return {
        "title": without_query(str(info.get("title") or info.get("id") or ""), url),
        "id": without_query(str(info.get("id") or ""), url),
        "uploader": info.get("uploader") or info.get("channel"),
        "channel": info.get("channel") or info.get("uploader"),
        "site": (urlsplit(url).hostname or "").removeprefix("www."),
        "playlist": info.get("playlist_title") or info.get("playlist"),
        "playlist_index": info.get("playlist_index"),
        "date": f"{date[:4]}-{date[4:6]}-{date[6:]}" if len(date) == 8 and date.isdigit() else "",
        "year": date[:4],
        "height": found.video.height if found.video else "",
    }


def _label(params: DownloadParams) -> str:
    parts = urlsplit(params.url)
    return shorten(clean(f"{(parts.hostname or '').removeprefix('www.')}{parts.path}".rstrip("/")), 120)


OPERATION = Operation(
    name="download",
    title="Download",
    summary="Fetch films and sound from the web.",
    queue="downloads",
    params=DownloadParams,
    label=_label,
    run=_run,
    site=site_of,
    network=True,
    can_resume=True,
    primary=("inputs", "quality", "output"),
    examples=(
        "spool download https://example.org/film",
        "spool download https://example.org/talk --quality audio --audio-format mp3",
        "spool download https://example.org/series --playlist --quality 720p --subtitles en,de",
    ),
)
