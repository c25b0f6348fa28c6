"""Several pictures of one film, each published by itself: thumbnails, a contact sheet, a sprite with its WebVTT.

What is there already, from an earlier attempt or an earlier job, is not made again.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from hashlib import blake2s
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from workers.jobs import Outcome
from workers.operations.contract import Context, Result
from workers.operations.inputs import disk_failure, need_room, publish, stage
from workers.operations.ledger import Ledger
from workers.operations.marks import all_made_before, made_before, mark, mark_of_words

if TYPE_CHECKING:
    from PIL.Image import Image

    from workers.media.film import Film
    from workers.operations.targets import Targets
    from workers.operations.thumbnail import ThumbnailParams

_SHEET, _SPRITE, _WORDS = "contact-sheet", "sprite", "words"


class Shots:
    """The outputs of one film that a job asks for."""

    def __init__(
        self,
        params: ThumbnailParams,
        source: Path,
        key: str,
        format: str,
        place: Targets,
        extension: str,
        ctx: Context,
    ) -> None:
        self._params, self._source, self._key, self._ctx = params, source, key, ctx
        self._place, self._extension = place, extension
        self._detail: dict[str, Any] = {"from": format}
        self._there: dict[str, Path] = {}
        self._fresh = False  # whether this attempt made anything
        digest = blake2s(os.fsencode(key), digest_size=12).hexdigest()
        self._ledger = Ledger(ctx.work_dir / f"shots-{digest}.jsonl", ctx.published())

    def made(self) -> Result | None:
        """Make and publish what is not there; None when the file is no film."""
        from workers.media.film import open_film

        self._look()
        if not self._lacks():
            return self._result()
        with open_film(self._source, format=self._detail["from"]) as film:
            if film.stream is None:
                return None
            need_room(self._ctx, self._place.folder(self._source))
            for make in (self._thumbnails, self._sheet, self._sprite):
                make(film)
        return self._result()

    def _parts(self) -> list[str]:
        params = self._params
        thumbs = ["thumb"] if params.count == 1 else [f"thumb-{number + 1}" for number in range(params.count)]
        sprite = [_SPRITE, _WORDS] if params.sprite or params.sprite_count else []
        return [*thumbs, *([_SHEET] if params.sheet else []), *sprite]

    def _lacks(self) -> list[str]:
        return [part for part in self._parts() if part not in self._there]

    def _target(self, part: str) -> Path:
        if part == _WORDS:
            return self._there[_SPRITE].with_suffix(".vtt")
        # A sprite is JPEG whatever the thumbnails are: players ask for that.
        return self._place.of(self._source, f".{part}", "jpg" if part == _SPRITE else self._extension)

    def _look(self) -> None:
        """Find what this job published before, and what others left where that is to be kept."""
        from workers.media.pictures import mark_of

        for part in self._parts():
            path = self._ledger.published(self._key, part)
            if path is None and self._params.skip_existing:
                path = self._kept_pair(mark_of) if part == _SPRITE else None
                if part not in (_SPRITE, _WORDS):
                    path = made_before(self._source, self._target(part), self._params.asked(part), mark_of)
            if path is not None:
                self._there[part] = path

    def _kept_pair(self, mark_of: Callable[[Path], str]) -> Path | None:
        """A sprite from before, when words that point into it are there as well; else both are made anew."""
        for sprite in all_made_before(self._source, self._target(_SPRITE), self._params.asked(_SPRITE), mark_of):
            if words := self._kept_words(sprite):
                self._there[_WORDS] = words
                return sprite
        return None

    def _kept_words(self, sprite: Path) -> Path | None:
        address = quote(sprite.name).encode() + b"#xywh="

        def read(path: Path) -> str:
            return mark_of_words(path) if address in path.read_bytes()[:4096] else ""

        return made_before(self._source, sprite.with_suffix(".vtt"), self._params.asked(_WORDS), read)

    def _thumbnails(self, film: Film) -> None:
        from workers.media.frames import facts_of, representative, several

        params = self._params
        lacking = [part for part in self._lacks() if part.startswith("thumb")]
        if not lacking:
            return
        if params.count == 1:
            shots = iter([representative(film, params.shape, params.position / 100)])
        else:
            shots = several(film, params.shape, params.count, alive=self._ctx.alive)
        for part, shot in zip(self._parts(), shots, strict=False):
            if part in lacking:
                facts = self._publish_image(part, shot.image, params.quality)
                self._detail.setdefault("pictures", []).append(facts | facts_of(shot))

    def _sheet(self, film: Film) -> None:
        if _SHEET not in self._lacks():
            return
        from workers.media.frames import facts_of
        from workers.media.shapes import two_numbers
        from workers.media.sheets import sheet

        params = self._params
        columns, rows = two_numbers(params.sheet, 1, 20)
        image, shots = sheet(film, columns, rows, tile=params.tile, times=params.sheet_times, alive=self._ctx.alive)
        facts = self._publish_image(_SHEET, image, params.quality) | facts_of(shots[0])
        facts.pop("at_s", None)
        self._detail["sheet"] = facts | {"pictures": len(shots)}

    def _sprite(self, film: Film) -> None:
        if not {_SPRITE, _WORDS} & set(self._lacks()):
            return
        from workers.media.sheets import sprite, webvtt

        params = self._params
        made = sprite(film, every_s=params.sprite, count=params.sprite_count, tile=params.tile, alive=self._ctx.alive)
        facts: dict[str, Any] = {}
        if _SPRITE not in self._there:
            facts = self._publish_image(_SPRITE, made.image, params.quality)
        sprite_path = self._there[_SPRITE]
        target = self._target(_WORDS)
        words = webvtt(made.cues, sprite_path.name, note=mark(self._source, target, params.asked(_WORDS)))
        staged = stage(self._ctx, target.parent) / "words.vtt"
        try:
            staged.write_text(words, encoding="ascii")
        except OSError as error:
            raise disk_failure(error, "cannot write WebVTT") from error
        self._publish(_WORDS, staged, target)
        more = {"thinned": True} if made.thinned else {}
        tone = {"tone_mapped": made.tone_mapped} if made.tone_mapped else {}
        self._detail["sprite"] = facts | {"pictures": len(made.cues)} | more | tone

    def _publish_image(self, part: str, image: Image, quality: int) -> dict[str, Any]:
        """Save, verify and publish a picture; its width and height in pixels, and size in bytes."""
        from workers.media import pictures

        target = self._target(part)
        format = "jpeg" if part == _SPRITE else self._params.format
        staged = stage(self._ctx, target.parent) / f"shot{target.suffix}"
        said = mark(self._source, target, self._params.asked(part))
        pictures.save(image, staged, format=format, quality=quality, mark=said)
        width, height = pictures.check(staged)
        facts = {"width": width, "height": height, "size": os.path.getsize(staged)}
        self._publish(part, staged, target)
        return facts

    def _publish(self, part: str, staged: Path, target: Path) -> None:
        try:
            self._ledger.note(self._key, part, staged)
        except OSError as error:
            raise disk_failure(error, "cannot write in the job's work folder") from error
        self._there[part] = publish(self._ctx, staged, target)
        self._fresh = True

    def _result(self) -> Result:
        outputs = tuple(self._there[part] for part in self._parts() if part in self._there)
        if self._fresh:
            return Result(outputs, self._detail)
        if self._ctx.published():
            return Result(outputs, {"published_before": True})
        return Result(outputs, {"why": "all of it is newer than its input"}, Outcome.SKIPPED)
