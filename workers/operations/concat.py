"""Joining films or sounds into one file: copied when they are alike, else encoded to one shape."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, field_validator

from workers.errors import ErrorClass, JobFailed
from workers.jobs import Progress
from workers.media.containers import TELLING, container_named
from workers.media.ffmetadata import Chapter
from workers.media.names import key_to_path, path_to_key
from workers.media.sniff import is_media_name
from workers.operations import tooling
from workers.operations.contract import BulkParams, Context, Operation, Result
from workers.operations.inputs import first_line, need_room, publish, stage, walk
from workers.text import clean

if TYPE_CHECKING:
    from workers.media.alike import Part
    from workers.media.av import Facts

_MOST_ENCODED = 100  # files that one ffmpeg has open


class ConcatParams(BulkParams):
    """What to join, and into what."""

    inputs: tuple[str, ...] = Field(min_length=1, json_schema_extra={"path": True})
    """Films or sound files in their order, or folders of them (in the order of their names, 2 before 10)."""

    output: str = Field(min_length=1, json_schema_extra={"short": "o", "path": True})
    """The file to make. Its extension says what kind: mp4, mkv, webm, mov, ts, mp3, m4a, opus, ogg, flac, wav."""

    reencode: bool = Field(default=False)
    """Encode all to one size, frame rate and layout of sound, the largest of all; high dynamic range is brought down
    to that of common screens. Off: only files that are alike are joined, by copying."""

    chapters: Literal["files", "keep", "none"] = Field(default="files", json_schema_extra={"short": "c"})
    """files makes a chapter of each file, with its name; keep keeps the chapters that the files have."""

    drop: bool = Field(default=False, json_schema_extra={"advanced": True})
    """Leave out streams that cannot be joined (data of cameras; when encoding, all but a film and its first sound, and
    channels beyond what the new file holds). Off: such files are refused by name. Covers and attached files are those
    of the first file."""

    @field_validator("output")
    @classmethod
    def _a_file(cls, value: str) -> str:
        extension = key_to_path(value).suffix.lower().lstrip(".")
        if container_named(extension) is None:
            raise ValueError("give the name of a file whose extension is one of films or sound, such as joined.mp4")
        return value


def _wanted(name: str) -> bool:
    return is_media_name(name) == "av"


def natural(text: str) -> tuple[tuple[int, str], ...]:
    """A key that sorts names as people do: part 2 before part 10."""
    pieces = re.findall(r"[0-9]+|[^0-9]+", text.lower())
    return tuple((int(piece), "") if piece[0] in "0123456789" else (-1, piece) for piece in pieces)


def _paths(params: ConcatParams) -> Iterator[Path]:
    """The inputs in their order, folders in that of names. A file that is named twice comes twice."""
    own = os.path.abspath(key_to_path(params.output))
    for given in params.inputs:
        keys = walk(params.model_copy(update={"inputs": (given,)}), _wanted)
        paths = [key_to_path(key) for key in keys]
        if os.path.isdir(key_to_path(given)):
            paths = [path for path in paths if os.path.abspath(path) != own]
        yield from sorted(paths, key=lambda path: natural(path_to_key(path)))


def _run(params: ConcatParams, ctx: Context) -> Result:
    if done := ctx.published():
        return Result(done, {"published_before": True})
    from workers.media.alike import differences, part

    parts: list[Part] = []
    for path in _paths(params):
        ctx.alive()
        parts.append(part(path))
        ctx.report(Progress(None, "looking", len(parts), unit="items"))
    if len(parts) < 2:
        raise JobFailed(ErrorClass.BAD_INPUT, f"there is nothing to join: {len(parts)} file of films or sound found")
    target = Path(os.path.abspath(key_to_path(params.output)))
    size = sum(one.found.path.stat().st_size for one in parts)
    need_room(ctx, target.parent, 0 if params.reencode else size)
    extension = target.suffix.lower().lstrip(".")
    joining = _Joining(params, parts, stage(ctx, target.parent) / f"joined.{extension}", ctx)
    if params.reencode:
        facts = joining.encode()
    else:
        unlike = differences(parts)
        if unlike:
            more = f" and {len(unlike) - 8} more" if len(unlike) > 8 else ""
            message = f"they cannot be joined by copying: {'; '.join(unlike[:8])}{more}; --reencode joins them"
            raise JobFailed(ErrorClass.UNSUPPORTED, message, input=path_to_key(parts[0].found.path))
        facts = joining.copy()
    path = publish(ctx, joining.staged, target)
    names = [one.name for one in parts]
    return Result((path,), {"files": len(parts), "names": names[:200], "size": path.stat().st_size} | facts)


class _Joining:
    """Making one file of all parts in `staged`."""

    def __init__(self, params: ConcatParams, parts: Sequence[Part], staged: Path, ctx: Context) -> None:
        self.params, self.parts, self.staged, self.ctx = params, parts, staged, ctx
        self.muxer = container_named(staged.suffix.lstrip(".")) or ""
        self.wanted_s = sum(one.found.duration_s for one in parts)
        self.key = path_to_key(parts[0].found.path)

    def copy(self) -> dict[str, Any]:
        """Join by copying, and verify; facts for people. JobFailed."""
        from workers.media.join import join

        if self.muxer == "flac":
            message = "FLAC files count their samples and cannot be joined by copying; --reencode does, without loss"
            raise JobFailed(ErrorClass.UNSUPPORTED, message, input=self.key)
        self._refuse([words for one in self.parts for words in self._lost(one)])
        total = round(self.wanted_s * 1000)

        def on_progress(seconds: float) -> None:
            need_room(self.ctx, self.staged.parent)
            done = min(round(seconds * 1000), total)
            self.ctx.report(Progress(min(seconds / self.wanted_s, 1.0), "copying", done, total, unit="ms"))

        begins = join(self.parts, self.staged, muxer=self.muxer, chapters=self._chapters(), on_progress=on_progress)
        self._check_lengths(begins)
        return {"how": "copy", **self._verified(begins)}

    def _check_lengths(self, begins: Sequence[float]) -> None:
        """Each part must be as long as its header tells: else it is cut short, and the joint is not where it seems."""
        for one, (begin, end) in zip(self.parts, itertools.pairwise(begins), strict=True):
            told, have = one.found.duration_s, end - begin
            if one.found.format in TELLING and have < told - max(told * 0.01, 0.5):
                message = f"{one.name} has {have:.1f} s instead of {told:.1f} s: it is cut short or damaged"
                raise JobFailed(ErrorClass.BAD_INPUT, message, input=path_to_key(one.found.path))

    def encode(self) -> dict[str, Any]:
        """Join by encoding, and verify; facts for people. JobFailed."""
        from workers.media import ffmpeg, rejoin, tonemap
        from workers.media.av import facts
        from workers.media.ffmetadata import metadata_text, plain_tags

        looked = [facts(one.found.path) for one in self.parts]
        self._check_encodable([one.video is not None for one in looked])
        to = rejoin.common(self.parts, looked, self.muxer)
        if to is None:
            kind = "film" if looked[0].video is not None else "sound"
            raise JobFailed(ErrorClass.UNSUPPORTED, f"Spool writes no {kind} into {self.staged.suffix} files")
        lost = [words for one in self.parts for words in self._lost(one) + self._beyond_one_film(one)]
        self._refuse(lost + self._beyond_channels(looked, to.channels))
        words = rejoin.encoders_for(self.muxer, to)
        tool = tooling.tool(self.ctx)
        if to.toned:
            tonemap.need(tool.filters, tool.path, input=self.key, way_out="")
        missing = [w for flag, w in itertools.pairwise(words) if flag[:3] == "-c:" and w not in tool.encoders]
        if missing:
            raise JobFailed(ErrorClass.TOOL, f"{clean(tool.path)} has no encoder {missing[0]}")
        notes = self.staged.with_name("notes.txt")
        text = metadata_text(plain_tags(looked[0].tags), self._chapters())
        notes.write_text(text, encoding="utf-8", errors="replace")
        command = rejoin.rejoin_command(
            *(looked, [one.found.format for one in self.parts], to, self.staged, notes),
            muxer=self.muxer,
            ffmpeg=tool.path,
            threads=tooling.threads(self.ctx),
        )

        watch = tooling.reporting(self.ctx, self.staged.parent)
        told = ffmpeg.run(command, duration_s=self.wanted_s, source=self.key, on_progress=watch)
        tooling.log_words(self.ctx, told)
        begins = [0.0]
        for one in self.parts:
            begins.append(begins[-1] + one.found.duration_s)
        made = {"how": "encode", **self._verified(begins)}
        made |= {"tone_mapped": self._hdr(looked)} if to.toned else {}
        return made | ({"damaged": told.damage} if told.damage else {})

    def _check_encodable(self, films: Sequence[bool]) -> None:
        if len(self.parts) > _MOST_ENCODED:
            message = f"at most {_MOST_ENCODED} files are encoded into one: join them in groups first"
            raise JobFailed(ErrorClass.UNSUPPORTED, message, input=self.key)
        if any(films) and not all(films):
            silent = self.parts[films.index(False)]
            message = f"{silent.name} has no film, and others have"
            raise JobFailed(ErrorClass.UNSUPPORTED, message, input=path_to_key(silent.found.path))

    def _lost(self, one: Part) -> list[str]:
        """What of a part no joined file can have, in words."""
        return [f"{one.name}: {words}" for words in one.found.lost]

    def _beyond_one_film(self, one: Part) -> list[str]:
        sounds = [shape for shape in one.shapes if shape.kind == "audio"]
        words = [shape for shape in one.shapes if shape.kind == "subtitle"]
        return [f"{one.name}: stream {shape.index} ({shape.kind})" for shape in (*sounds[1:], *words)]

    def _beyond_channels(self, looked: Sequence[Facts], most: int) -> list[str]:
        """Sounds with more channels than files of this kind hold: they would be mixed down."""
        sounds = [(one, sound) for one, it in zip(self.parts, looked, strict=True) for sound in it.of_kind("audio")[:1]]
        return [
            f"{one.name}: {sound.channels} channels of sound, of which {self.staged.suffix[1:]} holds {most}"
            for one, sound in sounds
            if sound.channels > most
        ]

    def _hdr(self, looked: Sequence[Facts]) -> list[str]:
        """The names of the files whose high dynamic range was brought down to that of common screens."""
        films = [(one, it.video) for one, it in zip(self.parts, looked, strict=True)]
        return [one.name for one, film in films if film is not None and film.hdr][:200]

    def _refuse(self, lost: Sequence[str]) -> None:
        if not lost:
            return
        if not self.params.drop:
            more = f" and {len(lost) - 8} more" if len(lost) > 8 else ""
            message = f"there is what cannot be joined: {', '.join(lost[:8])}{more}; --drop leaves it out"
            raise JobFailed(ErrorClass.UNSUPPORTED, message, input=self.key)
        for words in lost:
            self.ctx.log(f"left out: {words}")

    def _chapters(self) -> list[Chapter]:
        begin, made = 0.0, []
        for one in self.parts:
            end = begin + one.found.duration_s
            if self.params.chapters == "files":
                made.append(Chapter(begin, end, clean(path_to_key(one.found.path.stem))))
            elif self.params.chapters == "keep":
                origin = begin - float(one.found.start)
                made += [Chapter(origin + c.start_s, min(origin + c.end_s, end), c.title) for c in one.found.chapters]
            begin = end
        return made

    def _verified(self, begins: Sequence[float]) -> dict[str, Any]:
        from workers.media.joints import check_joints
        from workers.media.verify import Expected, verify

        self.ctx.report(Progress(1.0, "verifying", unit="ms"))
        kinds: dict[Any, int] = {}
        for shape in self.parts[0].shapes if not self.params.reencode else ():
            kinds[shape.kind] = kinds.get(shape.kind, 0) + 1
        result = verify(self.staged, Expected(self.wanted_s, kinds, begins[-1]), source=self.key)
        check_joints(self.staged, begins[1:-1], source=self.key, pulse=self.ctx.alive)
        return {"duration_s": result.duration_s, "begins_s": [round(begin, 3) for begin in begins[:-1]][:1000]}


def _label(params: ConcatParams) -> str:
    return f"{first_line(params.inputs)} → {clean(key_to_path(params.output).name)}"


OPERATION = Operation(
    name="concat",
    title="Join",
    summary="Join films or sounds into one file, copied when they are alike.",
    queue="video",
    params=ConcatParams,
    label=_label,
    run=_run,
    primary=("inputs", "output", "reencode", "chapters"),
    examples=(
        "spool concat part1.mp4 part2.mp4 --output whole.mp4",
        "spool concat ~/Recordings --output day.mkv --chapters files",
        "spool concat intro.mov talk.mp4 --output talk.mp4 --reencode",
    ),
)
