"""Cutting a part out of films and sound: by copying at key frames, or exactly, encoding only what must be."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from workers.errors import ErrorClass, JobFailed
from workers.jobs import Progress
from workers.media.moments import parse_moment, words_of
from workers.media.names import key_to_path
from workers.media.sniff import AV_EXTENSIONS, is_media_name
from workers.operations import tooling
from workers.operations.contract import BulkParams, Context, Operation, Result
from workers.operations.inputs import first_line, made_by_us, need_room, publish, stage, walk
from workers.operations.targets import targets
from workers.text import clean

if TYPE_CHECKING:
    from workers.media.layout import Layout
    from workers.media.places import Places

_WORD = "trim"
_OWN = made_by_us((_WORD,), AV_EXTENSIONS)
_LOSSLESS = ("flac", "wav", "aiff")  # their headers tell of all samples: a part is encoded anew, without loss


class TrimParams(BulkParams):
    """Which part to cut out of which films."""

    inputs: tuple[str, ...] = Field(min_length=1, json_schema_extra={"path": True})
    """Films, sound files, or folders of them (walked in full); the same part is cut out of each."""

    start: str = Field(default="", max_length=40, json_schema_extra={"short": "s"})
    """Where the part begins: seconds (90), minutes (1:30) or hours (1:02:03.5); -30 counts from the end. Empty: at the
    beginning."""

    end: str = Field(default="", max_length=40, json_schema_extra={"short": "e"})
    """Where the part ends, in the same ways. Empty: at the end."""

    duration: str = Field(default="", max_length=40, json_schema_extra={"short": "d"})
    """How long the part is, instead of where it ends."""

    mode: Literal["auto", "copy", "exact"] = Field(default="auto", json_schema_extra={"short": "m"})
    """copy cuts at key frames, so that nothing is encoded: the part begins at the key frame before. exact cuts at the
    very frame and encodes only what must be (H.264) or all of the part. auto copies when that is exact enough."""

    output: str = Field(default="", json_schema_extra={"short": "o", "path": True})
    """Folder for the results; the tree of an input folder is kept in it. Empty: beside each input."""

    tolerance: float = Field(default=0.1, ge=0, le=60, json_schema_extra={"advanced": True})
    """With auto: seconds by which the beginning and the end may be off when the part is copied."""

    drop: bool = Field(default=False, json_schema_extra={"advanced": True})
    """Leave out streams that cannot be cut (data of cameras, a second film). Off: such files are refused by name."""

    @field_validator("start", "end", "duration")
    @classmethod
    def _moments(cls, value: str) -> str:
        if value:
            parse_moment(value)
        return value.strip()

    @model_validator(mode="after")
    def _a_part(self) -> Self:
        if not (self.start or self.end or self.duration):
            raise ValueError("give start, end or duration: else there is nothing to cut")
        if self.end and self.duration:
            raise ValueError("give end or duration, not both")
        if self.duration and (parse_moment(self.duration).from_end or not parse_moment(self.duration).seconds):
            raise ValueError("a duration is longer than nothing")
        start, end = parse_moment(self.start or "0"), parse_moment(self.end or "-0")
        if start.from_end == end.from_end and (start.seconds >= end.seconds) != start.from_end:
            raise ValueError("the part must begin before it ends")
        return self


def _wanted(name: str) -> bool:
    return is_media_name(name) == "av" and not _OWN.fullmatch(name)


def _items(params: TrimParams) -> Iterable[str]:
    return walk(params, _wanted, apart=params.output)


def part_of(params: TrimParams, duration_s: float, name: str, key: str) -> tuple[float, float | None]:
    """Beginning and end of the part in seconds of a file of `duration_s`; no end: up to the file's. JobFailed."""
    start = max(parse_moment(params.start).at(duration_s), 0.0) if params.start else 0.0
    end = parse_moment(params.end).at(duration_s) if params.end else None
    if params.duration:
        end = start + parse_moment(params.duration).seconds
    if start >= duration_s or (end is not None and end <= start):
        wish = f"from {words_of(start)}" + (f" to {words_of(end)}" if end is not None else "")
        message = f"{clean(name)} lasts {words_of(duration_s)}: there is no part {wish}"
        raise JobFailed(ErrorClass.BAD_INPUT, message, input=key)
    return start, None if end is None or end >= duration_s else end


def _process(params: TrimParams, key: str, ctx: Context) -> Result:
    if done := ctx.published():
        return Result(done, {"published_before": True})
    from workers.media.layout import layout

    path = key_to_path(key)
    found = layout(path)
    if found.lost and not params.drop:
        message = f"{clean(path.name)} has what cannot be cut: {', '.join(found.lost[:8])}; --drop leaves it out"
        raise JobFailed(ErrorClass.UNSUPPORTED, message, input=key)
    part = part_of(params, found.duration_s, path.name, key)
    word = "" if params.output else f".{_WORD}"
    target = targets(params.inputs, params.output, _wanted).of(path, word, found.extension)
    need_room(ctx, target.parent, _share(path, found, part))
    staged = stage(ctx, target.parent) / f"part.{found.extension}"
    facts = _Trimming(params, found, part, staged, ctx, key).make()
    path = publish(ctx, staged, target)
    return Result((path,), facts | {"size": path.stat().st_size, "dropped": list(found.lost)})


def _share(path: Path, found: Layout, part: tuple[float, float | None]) -> int:
    start, end = part
    return round(path.stat().st_size * ((end or found.duration_s) - start) / found.duration_s)


class _Trimming:
    """Making one part in `staged`."""

    def __init__(
        self,
        params: TrimParams,
        found: Layout,
        part: tuple[float, float | None],
        staged: Path,
        ctx: Context,
        key: str,
    ) -> None:
        self.params, self.found, self.staged, self.ctx, self.key = params, found, staged, ctx, key
        self.wish = part
        self.start = found.start + Fraction(part[0]).limit_denominator(1_000_000)
        self.end = None if part[1] is None else found.start + Fraction(part[1]).limit_denominator(1_000_000)
        self.wanted_s = (part[1] or found.duration_s) - part[0]

    def make(self) -> dict[str, Any]:
        """Cut and verify; facts for people. JobFailed."""
        if self.found.film is None:
            lossless = self.found.muxer in _LOSSLESS
            if self.params.mode == "exact" or (lossless and self.params.mode == "auto"):
                return self._encode("")
            if lossless:
                message = f"a part of {self.found.extension} files cannot be copied; exact makes it without loss"
                raise JobFailed(ErrorClass.UNSUPPORTED, message, input=self.key)
            return self._copy(self.start, None, "copy")
        from workers.media.places import places

        near = places(self.found, self.start, self.end)
        if self.params.mode == "copy" or (self.params.mode == "auto" and self._near_enough(near)):
            return self._copy_film(near)
        return self._exact(near)

    def _near_enough(self, near: Places) -> bool:
        ending = self._ending(near)
        keys = [key * near.base for key in (near.before, near.after) if key is not None]
        off = [min((abs(key - self.start) for key in keys), default=Fraction(1000))]
        if self.end is not None and ending is not None:
            off.append(abs(ending.at * near.base - self.end))
        return max(off) <= max(self.params.tolerance, self.found.frame_s / 2)

    def _ending(self, near: Places) -> Any:
        from workers.media.cutplan import ending_at_or_after
        from workers.media.places import slack, ticks

        if self.end is None:
            return None
        return ending_at_or_after(near.endings, ticks(self.end, near.base), slack(self.found, near.base))

    def _copy_film(self, near: Places) -> dict[str, Any]:
        keys = [key for key in (near.before, near.after) if key is not None]
        if not keys:
            raise JobFailed(ErrorClass.BAD_INPUT, "it has no key frame to begin with", input=self.key)
        first = keys[0]
        if self.params.mode == "auto":
            first = min(keys, key=lambda key: abs(key * near.base - self.start))
        ending = self._ending(near)
        if ending is not None and ending.at <= first:
            message = "no group of frames lies in the part; exact cuts at the frame"
            raise JobFailed(ErrorClass.UNSUPPORTED, message, input=self.key)
        return self._copy(first * near.base, ending, "copy", first, near.base)

    def _copy(
        self, start: Fraction, ending: Any, how: str, first: int = 0, base: Fraction = Fraction(1)
    ) -> dict[str, Any]:
        from workers.media.cut import Cut, copy

        end = ending.at * base if ending is not None else self.end if self.found.film is None else None
        copy(self.found, Cut(start, end, first, ending), self.staged, on_progress=self._copied)
        return self._verified(how, start, end)

    def _copied(self, seconds: float) -> None:
        need_room(self.ctx, self.staged.parent)
        fraction, total = min(seconds / self.wanted_s, 1.0), round(self.wanted_s * 1000)
        self.ctx.report(Progress(fraction, "copying", min(round(seconds * 1000), total), total, unit="ms"))

    def _exact(self, near: Places) -> dict[str, Any]:
        """Join copied and encoded pieces; where that cannot be or does not play, encode all of the part."""
        from workers.media.cut import copy
        from workers.media.joint import CannotJoinError, joined
        from workers.media.joints import check_joints

        self.ctx.report(Progress(phase="encoding the ends", unit="ms"))
        try:
            cut = joined(self.found, near, self.start, self.end, pulse=self.ctx.alive)
            packets = copy(self.found, cut, self.staged, on_progress=self._copied)
            facts = self._verified("smart" if cut.head or cut.tail else "copy", cut.start, self.end)
            seams = [float(cut.first * near.base - cut.start)] if cut.head else []
            if cut.tail and cut.ending is not None:
                seams.append(float(cut.ending.at * near.base - cut.start))
            check_joints(self.staged, seams, source=self.key, pulse=self.ctx.alive)
        except CannotJoinError as error:
            return self._encode(str(error))
        except JobFailed as error:
            if error.failure.error_class not in (ErrorClass.BAD_INPUT, ErrorClass.UNSUPPORTED):
                raise
            return self._encode(f"{error}")
        return facts | {"encoded_frames": len(cut.head) + len(cut.tail), "frames": packets}

    def _encode(self, why: str) -> dict[str, Any]:
        from workers.media import ffmpeg
        from workers.media.cut import Cut, copy
        from workers.media.recut import encoder_for, made_extension, recut_command

        if why:
            self.ctx.log(f"encoding all of the part: {why}")
        tool = tooling.tool(self.ctx)
        encoder = encoder_for(self.found)
        if not encoder or encoder not in tool.encoders:
            message = f"{self.found.codec or 'this codec'} cannot be encoded here, so not cut exactly; copy cuts it"
            raise JobFailed(ErrorClass.UNSUPPORTED, message, input=self.key)
        end = self.end if self.end is not None else self.found.start + Fraction(self.found.duration_s)
        # With nothing beside it, what ffmpeg writes is the result.
        alone = self.found.kept == (self.found.main,) and not self.found.covers and not self.found.attachments
        made = self.staged if alone else self.staged.with_name(f"made.{made_extension(self.found)}")
        # A wished time is rounded: the frame that begins at it must not be taken for the one before.
        room = Fraction(0) if self.found.film is None else Fraction(1, 1000)
        start = max(self.start - room, self.found.start)
        command = recut_command(
            self.found, start, end - room, made, ffmpeg=tool.path, threads=tooling.threads(self.ctx)
        )

        watch = tooling.reporting(self.ctx, self.staged.parent)
        told = ffmpeg.run(command, duration_s=self.wanted_s, source=self.key, on_progress=watch)
        tooling.log_words(self.ctx, told)
        if not alone:
            self._check_made(made)
            cut = Cut(start, self.end, made=made)
            copy(self.found, cut, self.staged, on_progress=self._copied)
        facts = self._verified("encode", self.start, self.end)
        return facts | ({"why": why} if why else {}) | ({"damaged": told.damage} if told.damage else {})

    def _check_made(self, made: Path) -> None:
        """What was encoded must hold frames; else it would be told as a damaged file that nobody knows."""
        from workers.media.lasting import seconds
        from workers.media.verify import NOTHING_WRITTEN

        try:
            holds = made.exists() and any(seconds(made).values())
        except JobFailed:
            holds = False
        if not holds:
            raise JobFailed(ErrorClass.BAD_INPUT, NOTHING_WRITTEN, input=self.key)

    def _verified(self, how: str, start: Fraction, end: Fraction | None) -> dict[str, Any]:
        """The facts of a good result that goes from `start` to `end` (seconds of the file's own times)."""
        from workers.media.av import facts
        from workers.media.verify import Expected, verify

        self.ctx.report(Progress(1.0, "verifying", unit="ms"))
        first = float(start - self.found.start)
        last = float(end - self.found.start) if end is not None else self.found.duration_s
        kinds: dict[Any, int] = {}
        for stream in facts(self.found.path, fast=True).streams:
            if stream.index in self.found.kept and stream.kind in ("video", "audio", "subtitle"):
                kinds[stream.kind] = kinds.get(stream.kind, 0) + 1
        result = verify(self.staged, Expected(last - first, kinds, exact=True), source=self.key)
        wished_end = self.wish[1] if self.wish[1] is not None else self.found.duration_s
        return {
            "how": how,
            "start_s": round(first, 3),
            "end_s": round(last, 3),
            "off_start_s": round(first - self.wish[0], 3),
            "off_end_s": round(last - wished_end, 3),
            "duration_s": result.duration_s,
        }


def _label(params: TrimParams) -> str:
    till = f" for {params.duration}" if params.duration else f" to {params.end}" if params.end else ""
    return f"{first_line(params.inputs)} from {params.start or '0'}{till}"


OPERATION = Operation(
    name="trim",
    title="Trim",
    summary="Cut a part out of films and sound, without encoding where key frames allow.",
    queue="video",
    params=TrimParams,
    label=_label,
    items=_items,
    process=_process,
    primary=("inputs", "start", "end", "duration", "mode", "output"),
    examples=(
        "spool trim talk.mp4 --start 1:30 --end 12:00",
        "spool trim concert.mkv --start -10:00 --mode copy",
        "spool trim film.mp4 --start 12.5 --duration 20 --mode exact",
    ),
)
