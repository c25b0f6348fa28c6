"""Files beside a film or sound that tell of it: yt-dlp's NAME.info.json, NAME.nfo, and the folder's .nfo files.

They come from strangers as the media do: sizes are bounded, links that lead elsewhere and things that are no files
are left alone, and what is wrong with one is told in words and never fails its neighbour.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from workers.errors import ErrorClass, JobFailed
from workers.media import nfo
from workers.media.fields import Found, fit
from workers.media.guess import season_of
from workers.text import clean

MAX_INFO_BYTES = 4 << 20
_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG})

# Names of yt-dlp, the better first; those of music name the work, the others the upload.
_INFO: Mapping[str, tuple[str, ...]] = {
    "title": ("track", "title", "fulltitle"),
    "artist": ("artists", "artist", "creator"),
    "album": ("album",),
    "album_artist": ("album_artists", "album_artist"),
    "track": ("track_number",),
    "disc": ("disc_number",),
    "date": ("release_date", "upload_date"),
    "year": ("release_year",),
    "genre": ("genres", "genre"),
    "show": ("series",),
    "season": ("season_number",),
    "episode": ("episode_number",),
    "episode_title": ("episode",),
    "uploader": ("uploader", "channel", "uploader_id"),
    "description": ("description",),
    "url": ("webpage_url", "original_url"),
    "duration_s": ("duration",),
    "id": ("id",),
    "site": ("extractor_key", "extractor"),
    "isrc": ("isrc",),
}


def read(source: Path, kind: str, problems: list[str]) -> Iterator[tuple[str, str, Found]]:
    """(source of the record, name of the file, what it tells) of each sidecar of the media file at `source`.

    `kind` is "audio" or "video". The file's own come before those of its folder. What cannot be used is told in
    `problems`, a sentence each.
    """
    for path, who in _candidates(source, kind):
        try:
            raw = _bytes(path, MAX_INFO_BYTES if who == "info_json" else nfo.MAX_BYTES)
            if raw is None:
                continue
            found = parse_info(raw) if who == "info_json" else nfo.parse(raw)
        except JobFailed as error:
            problems.append(f"{clean(path.name)} {error.failure.message}")
            continue
        if found:
            yield who, clean(path.name), found


def _candidates(source: Path, kind: str) -> Iterator[tuple[Path, str]]:
    yield source.with_name(f"{source.stem}.info.json"), "info_json"
    yield source.with_name(f"{source.stem}.nfo"), "nfo"
    if kind == "audio":
        yield source.with_name("album.nfo"), "nfo"
    else:
        yield source.with_name("tvshow.nfo"), "nfo"
        if season_of(source.parent.name) is not None:
            yield source.parent.parent / "tvshow.nfo", "nfo"


def _bytes(path: Path, limit: int) -> bytes | None:
    """The bytes of a plain file, None when there is none of that name; JobFailed when it is too large or unreadable."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in _ABSENT:
            return None
        reason = "is a link and was left alone" if error.errno == errno.ELOOP else f"cannot be read: {error.strerror}"
        raise JobFailed(ErrorClass.BAD_INPUT, reason) from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise JobFailed(ErrorClass.BAD_INPUT, "is no plain file")
        with open(descriptor, "rb", closefd=False) as file:
            raw = file.read(limit + 1)
    except OSError as error:
        raise JobFailed(ErrorClass.BAD_INPUT, f"cannot be read: {error.strerror}") from None
    finally:
        os.close(descriptor)
    if len(raw) > limit:
        raise JobFailed(ErrorClass.BAD_INPUT, f"is larger than {limit >> 20} MiB and was left alone")
    return raw


def parse_info(raw: bytes) -> Found:
    """What yt-dlp's info.json tells. JobFailed(bad_input) when it is no such thing."""
    try:
        told = json.loads(raw.decode("utf-8-sig", errors="replace"), parse_constant=lambda word: None)
    except (ValueError, RecursionError):
        raise JobFailed(ErrorClass.BAD_INPUT, "is no valid JSON") from None
    if not isinstance(told, dict) or told.get("_type", "video") not in ("video", None):
        raise JobFailed(ErrorClass.BAD_INPUT, "does not describe a single video or song")
    made: dict[str, Any] = {}
    for name, keys in _INFO.items():
        made[name] = next((value for key in keys if _says(value := told.get(key))), None)
        if isinstance(made[name], list) and name != "genre":
            made[name] = ", ".join(part for part in made[name] if isinstance(part, str))
    return fit(made)


def _says(value: Any) -> bool:
    return value not in (None, "", [], {}) and not isinstance(value, bool | dict)
