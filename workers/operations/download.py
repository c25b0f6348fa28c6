"""Fetching films and sound from web pages, manifests and plain addresses with yt-dlp."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from workers.errors import ErrorClass, JobFailed
from workers.jobs import Progress
from workers.media.names import DEFAULT_TEMPLATE, check_template, key_to_path
from workers.operations import tooling
from workers.operations.contract import Context, Operation, Params, Result
from workers.operations.delivery import Collector, is_words
from workers.operations.inputs import need_room
from workers.sites import site_of_address
from workers.text import clean, shorten

if TYPE_CHECKING:
    from workers.media.ytdlp_order import Order


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

    look: bool = Field(default=False, json_schema_extra={"advanced": True})
    """Only tell what is there, and fetch nothing: title, duration, heights and subtitles; with playlist, the list."""

    cache: Literal["on", "off"] = Field(default="on", json_schema_extra={"advanced": True})
    """on uses what a site told of a list, or for look of a page, in the last hour (see ttl_hours in the
    configuration); off asks anew. With cookies or a token in the address nothing is kept. Each film is always asked
    for anew."""

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
    """The host that limits and pauses apply to, see `workers.sites`."""
    return site_of_address(params.url)


def _run(params: DownloadParams, ctx: Context) -> Result:
    before = ctx.published()
    if not params.playlist and any(not is_words(path) for path in before):
        # The film is published last, so what was asked for beside it is there too.
        return Result(tuple(sorted(before, key=is_words)), {"published_before": True})
    from workers.media import ytdlp
    from workers.media.ytdlp_relay import Listeners

    if params.look:
        return Result(detail=_look(params, ctx))
    settings: Mapping[str, Any] = ctx.settings.get("download") or {}
    folder = key_to_path(params.output or str(ctx.settings["output_dir"]))
    need_room(ctx, folder)
    collected = Collector(params, ctx, folder, params.template or settings.get("template") or DEFAULT_TEMPLATE)
    listeners = Listeners(
        collected.take, collected.progress, collected.expect, collected.log, ctx.alive, collected.named
    )
    order = _order(params, ctx)
    ctx.report(Progress(phase="looking at the page", unit="bytes"))
    ytdlp.download(order, listeners, lambda ask: _kept(ctx, "collection", order, ask, look=False)[0])
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


def _order(params: DownloadParams, ctx: Context) -> Order:
    from workers.media.ytdlp_order import Order

    settings: Mapping[str, Any] = ctx.settings.get("download") or {}
    return Order(
        url=params.url,
        work_dir=ctx.work_dir / "download",
        ffmpeg=tooling.program(ctx),
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


def _look(params: DownloadParams, ctx: Context) -> Mapping[str, Any]:
    """What is at the address, with `kept`: whether the site told that before."""
    from workers.media import ytdlp
    from workers.media.ytdlp_relay import Listeners

    order, told = _order(params, ctx), dict[str, Any]()

    def log(line: str) -> None:
        ctx.log(line)
        ctx.alive()

    def ask() -> Mapping[str, Any] | None:
        told.update(ytdlp.look(order, Listeners(lambda delivered: None, log=log, pulse=ctx.alive)))
        return None if told.get("live") else told  # it may end in a moment

    ctx.report(Progress(phase="looking at the page", unit="bytes"))
    found, kept = _kept(ctx, "collection" if params.playlist else "download_info", order, ask, look=True)
    facts = told if found is None else found
    if facts["title"]:
        ctx.title(str(facts["title"]))
    return {**facts, "kept": kept}


def _kept(
    ctx: Context, category: str, order: Order, ask: Callable[[], Mapping[str, Any] | None], *, look: bool
) -> tuple[Mapping[str, Any] | None, bool]:
    """What was kept of an address, or what asking gives. What a site tells somebody who is known there is not kept."""
    from workers.media.ytdlp_look import address_lasts

    if order.cookies or not address_lasts(order.url):
        return ask(), False
    found, kept = ctx.kept_facts(category, order.url, {"proxy": order.proxy, "look": look}, ask)
    if kept:
        ctx.log("what the site told before is used; --cache off asks anew")
    return found, kept


def _path_of(key: str) -> str:
    return str(key_to_path(key)) if key else ""


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
        "spool download https://example.org/film --look",
        "spool download https://example.org/talk --quality audio --audio-format mp3",
        "spool download https://example.org/series --playlist --quality 720p --subtitles en,de",
    ),
)
