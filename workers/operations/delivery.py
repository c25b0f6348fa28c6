"""What a download brings: taken out of the work folder, probed, brought into shape, named and published."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from workers.errors import ErrorClass, JobFailed
from workers.jobs import Progress
from workers.media.av import Facts, facts
from workers.media.containers import container_like
from workers.media.names import fill_template, safe_name
from workers.media.refusals import without_query
from workers.operations import tooling
from workers.operations.contract import Context
from workers.operations.inputs import disk_failure, need_room, publish, stage
from workers.operations.ledger import Ledger
from workers.text import clean

if TYPE_CHECKING:
    from workers.operations.download import DownloadParams


class Collector:
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
        from workers.media.sound import extract

        return extract(
            found.path,
            folder,
            wanted=self.params.audio_format,
            ffmpeg=lambda: tooling.program(self.ctx),
            threads=tooling.threads(self.ctx),
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
        remux(path, target, muxer="mp4", keep=keep)
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
            raise disk_failure(error, "cannot copy into the output folder") from error

    def _take_subtitle(self, language: str, file: Path, entry: str, target: Path) -> Path | None:
        extension = file.suffix.lstrip(".").lower()
        if extension not in _WORDS:
            self.ctx.log(f"left out: subtitles {clean(language)} in format {clean(extension)}")
            return None
        name = safe_name(f"{target.stem}.{language}", extension=extension)
        return self._publish(file, target.with_name(name), entry, f"subtitles {language}")


_WORDS = ("srt", "vtt", "ass", "ssa", "ttml", "lrc")


def is_words(path: Path) -> bool:
    """Whether a published file holds subtitles."""
    return path.suffix.lstrip(".") in _WORDS


def _free(target: Path) -> Path:
    """`target`, numbered when that is taken, so that a film and its subtitles bear one number."""
    names = itertools.chain([target], (target.with_stem(f"{target.stem} ({n})") for n in range(2, 1000)))
    return next((name for name in names if not os.path.lexists(name)), target)


_RAW = ("mpegts", "aac")  # streams without a container of their own


def _odd(found: Facts, path: Path) -> bool:
    """Whether the file is a bare stream that belongs into a container."""
    return found.format in _RAW and path.suffix.lower() not in (".ts", ".m2ts", ".aac")


def _renamed(path: Path, found: Facts) -> Path:
    """The file under an extension that its content agrees with."""
    home = container_like(path, found.format, whole=True)
    if found.format in _RAW or (home and path.suffix.lower() == f".{home[1]}"):
        return path
    if home is None:
        raise JobFailed(ErrorClass.UNSUPPORTED, f"what came is of the kind {found.format}, which Spool does not keep")
    sound_only = {"mp4": "m4a", "matroska": "mka"}.get(found.format) if found.video is None else None
    renamed = path.with_suffix(f".{sound_only or home[1]}")
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
