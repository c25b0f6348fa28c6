"""The sound of films as files of its own: copied as it is where a container fits, or encoded."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2s
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from workers.errors import ErrorClass, JobFailed
from workers.jobs import Outcome, Progress
from workers.media.names import key_to_path
from workers.media.sniff import is_film_name
from workers.operations import tooling
from workers.operations.contract import BulkParams, Context, Operation, Result
from workers.operations.inputs import first_line, need_room, publish, stage, walk, was_named
from workers.operations.ledger import Ledger
from workers.operations.targets import targets
from workers.text import clean

if TYPE_CHECKING:
    from workers.media.soundtrack import Home, Sound, Source


class ExtractAudioParams(BulkParams):
    """Of which films to take the sound, and as what."""

    inputs: tuple[str, ...] = Field(min_length=1, json_schema_extra={"path": True})
    """Films, or folders of them (walked in full). Sound files are taken when they are named themselves."""

    format: Literal["copy", "mp3", "m4a", "opus", "flac", "wav"] = Field(
        default="copy", json_schema_extra={"short": "f"}
    )
    """What to make: copy (the sound as it is, in a file that fits it: M4A, MP3, OGG, FLAC, WAV, else MKA), or mp3, m4a
    (AAC), opus, flac, wav. Sound that is of this format already is copied, unless a bit rate is given."""

    track: str = Field(default="", max_length=20, json_schema_extra={"short": "t"})
    """Which sound of several: its number from 1, a language (deu, en) or all. Empty: the one that plays by default."""

    output: str = Field(default="", json_schema_extra={"short": "o", "path": True})
    """Folder for the results; the tree of an input folder is kept in it. Empty: beside each input."""

    bitrate: int = Field(default=0, ge=0, le=1024, json_schema_extra={"short": "b", "advanced": True})
    """Kilobits a second of what is encoded as MP3, AAC or Opus, all channels together. 0: high quality for each."""


def _wanted(name: str) -> bool:
    # Sound is not taken from folders: there it is the result of an earlier job as often as not.
    return is_film_name(name)


def _items(params: ExtractAudioParams) -> Iterable[str]:
    return walk(params, _wanted, apart=params.output)


def _process(params: ExtractAudioParams, key: str, ctx: Context) -> Result:
    from workers.media import soundtrack

    path = key_to_path(key)
    source = soundtrack.look(path, fast=params.format not in ("flac", "wav"))
    sounds = soundtrack.chosen(source, params.track.strip().lower())
    if not sounds:
        why = f"{clean(path.name)} has no sound"
        if was_named(params.inputs, path):
            raise JobFailed(ErrorClass.UNSUPPORTED, why, input=key)
        return Result((), {"why": why}, Outcome.SKIPPED)
    if len(sounds) == 1:
        if done := ctx.published():
            return Result(done, {"published_before": True})
        made = [_Extraction(params, source, sounds[0], ctx, key).make()]
        return Result((made[0][0],), {"tracks": [made[0][1]]})
    notes = ctx.work_dir / f"published-{blake2s(key.encode(), digest_size=8).hexdigest()}"
    ledger = Ledger(notes, ctx.published())
    made = [_Extraction(params, source, sound, ctx, key, ledger).make() for sound in sounds]
    return Result(tuple(path for path, _ in made), {"tracks": [facts for _, facts in made]})


class _Extraction:
    """Making one sound file of one track."""

    def __init__(
        self,
        params: ExtractAudioParams,
        source: Source,
        sound: Sound,
        ctx: Context,
        key: str,
        ledger: Ledger | None = None,
    ) -> None:
        self.params, self.source, self.sound, self.ctx, self.key = params, source, sound, ctx, key
        self.ledger = ledger  # where there are several tracks
        self.wanted_s = sound.duration_s or source.duration_s

    def make(self) -> tuple[Path, dict[str, Any]]:
        """The published file and facts about it. JobFailed."""
        from workers.media import lasting, soundtrack
        from workers.media.verify import Expected, verify

        part = str(self.sound.index)
        if self.ledger is not None and (done := self.ledger.published("", part)):
            return done, {"track": self.sound.number, "published_before": True}
        home, copied = soundtrack.home_of(self.sound, self.params.format, self.params.bitrate)
        found = targets(self.params.inputs, self.params.output, _wanted)
        target = found.of(self.source.path, self._word(), home.extension)
        need_room(self.ctx, target.parent)
        staged = stage(self.ctx, target.parent) / f"sound.{home.extension}"
        damage = "" if copied else self._encode(home, staged)
        if copied:
            soundtrack.copy_sound(self.source, self.sound, home, staged, self._copied)
        self.ctx.report(Progress(1.0, "verifying", unit="ms"))
        expected = Expected(self.wanted_s, {"audio": 1}, self.source.duration_s)
        result = verify(
            staged,
            expected,
            source=self.key,
            really_s=lambda: lasting.unless_told(
                self.source.path, self.source.format, [self.sound.index], self.ctx.alive
            ),
        )
        if self.ledger is not None:
            self.ledger.note("", part, staged)
        path = publish(self.ctx, staged, target)
        facts = {
            "track": self.sound.number,
            "language": clean(self.sound.language),
            "codec": result.streams[0].codec if copied else home.encoder,
            "copied": copied,
            "duration_s": result.duration_s,
            "size": path.stat().st_size,
            "left_out": list(soundtrack.left_out(self.source, home)),
        }
        return path, facts | ({"damaged": damage} if damage else {})

    def _word(self) -> str:
        if self.ledger is None:
            return ""
        language = "".join(char for char in self.sound.language.lower() if char.isascii() and char.isalpha())[:8]
        return f".{self.sound.number}" + (f".{language}" if language else "")

    def _copied(self, seconds: float) -> None:
        total = self.wanted_s or 0.0
        fraction = min(seconds / total, 1.0) if total else None
        need_room(self.ctx, self.source.path.parent if not self.params.output else key_to_path(self.params.output))
        self.ctx.report(Progress(fraction, "copying", round(seconds * 1000), round(total * 1000) or None, unit="ms"))

    def _encode(self, home: Home, staged: Path) -> str:
        from workers.media import soundtrack

        tool = tooling.tool(self.ctx)
        if home.encoder not in tool.encoders:
            raise JobFailed(ErrorClass.TOOL, f"{clean(tool.path)} has no encoder {home.encoder}")

        told = soundtrack.encode(
            *(self.source, self.sound, home, staged),
            ffmpeg=tool.path,
            bitrate=self.params.bitrate,
            threads=tooling.threads(self.ctx),
            on_progress=tooling.reporting(self.ctx, staged.parent),
        )
        tooling.log_words(self.ctx, told)
        return told.damage


def _label(params: ExtractAudioParams) -> str:
    return f"{first_line(params.inputs)} → {'sound' if params.format == 'copy' else params.format}"


OPERATION = Operation(
    name="extract-audio",
    title="Extract audio",
    summary="Take the sound out of films, copied as it is or encoded.",
    queue="video",
    params=ExtractAudioParams,
    label=_label,
    items=_items,
    process=_process,
    primary=("inputs", "format", "track", "output"),
    examples=(
        "spool extract-audio concert.mkv",
        "spool extract-audio ~/Films --format mp3 --output ~/Sound",
        "spool extract-audio film.mkv --track all",
    ),
)
