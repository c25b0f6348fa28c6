"""The library's metadata: what tags, files beside, MusicBrainz and the name say of a file, as one record.

Nothing is kept in the cache: what comes out depends on files beside the input, which its stamp does not tell of.
Answers of MusicBrainz are kept by themselves, for a month.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from workers.errors import ErrorClass, JobFailed
from workers.jobs import Outcome
from workers.media.names import key_to_path, path_to_key
from workers.media.sniff import is_media_name, sniff
from workers.operations.contract import BulkParams, Context, Operation, Result
from workers.operations.inputs import first_line, walk
from workers.operations.targets import targets
from workers.text import clean
from workers.version import VERSION


class EnrichParams(BulkParams):
    """What to find out about, whom to believe, and where to write it."""

    inputs: tuple[str, ...] = Field(min_length=1, json_schema_extra={"path": True})
    """Films, sound files, or folders of them (walked in full)."""

    musicbrainz: bool = False
    """Ask MusicBrainz about songs, one a second: it is told artist and title. Only sure matches are taken."""

    prefer: tuple[Literal["tags", "nfo", "info_json", "musicbrainz", "name"], ...] = ()
    """Sources to believe before the others. Otherwise the order is tags, nfo, info_json, musicbrainz, name."""

    write_tags: bool = False
    """Fill the tags that the files lack. Each is copied, compared by its packets, and replaced; the original goes to
    the trash."""

    overwrite: bool = Field(default=False, json_schema_extra={"advanced": True})
    """With write_tags, write also over tags that say something else than a preferred source."""

    keep_time: bool = Field(default=False, json_schema_extra={"advanced": True})
    """With write_tags, keep the time of the last change of the files."""

    sidecar: Literal["none", "json", "nfo"] = "none"
    """Also write the record as a file: NAME.spool.json, or NAME.nfo for Kodi and Jellyfin. Files of others stay."""

    output: str = Field(default="", json_schema_extra={"short": "o", "path": True})
    """Folder for these files; the tree of an input folder is kept in it. Empty: beside each input."""

    musicbrainz_url: str = Field(default="https://musicbrainz.org/ws/2", json_schema_extra={"advanced": True})
    """Address of the web service, for a mirror of one's own."""

    musicbrainz_contact: str = Field(default="", max_length=100, json_schema_extra={"advanced": True})
    """Address or e-mail told to the service, so that it can complain before it shuts out."""

    @field_validator("musicbrainz_url")
    @classmethod
    def _address(cls, value: str) -> str:
        from workers.media.musicbrainz import check_base

        return check_base(value)

    @field_validator("musicbrainz_contact")
    @classmethod
    def _plain(cls, value: str) -> str:
        if not value.isascii() or not (value.isprintable() or not value) or set("()\\") & set(value):
            raise ValueError("use plain letters and signs, without brackets")
        return value

    @model_validator(mode="after")
    def _together(self) -> EnrichParams:
        if (self.overwrite or self.keep_time) and not self.write_tags:
            raise ValueError("overwrite and keep_time say how tags are written: add write_tags")
        if self.output and self.sidecar == "none":
            raise ValueError("output is where sidecars go: add sidecar json or nfo")
        return self


def _wanted(name: str) -> bool:
    return is_media_name(name) == "av"


def _items(params: EnrichParams) -> Iterable[str]:
    return walk(params, _wanted, apart=params.output)


def _process(params: EnrichParams, key: str, ctx: Context) -> Result:
    from workers.media import fields
    from workers.media.bounded import Bounded
    from workers.operations import trash
    from workers.operations.retag import Retagged, retag

    source = key_to_path(key)
    if params.write_tags:
        trash.settle(ctx, source)
    facts = _facts(source, key)
    detail: dict[str, Any] = {"kind": facts["kind"], "format": facts["format"]}
    record = _record(params, source, facts, detail, ctx)
    text = Bounded()
    detail["fields"] = fields.shown(record, text)
    detail["cut"] = text.cut or bool(facts.get("cut"))
    outputs: list[Path] = []
    if params.sidecar != "none":
        outputs += _card(params, source, record, detail, ctx)
    tagged = Retagged()
    if params.write_tags:
        tagged = retag(ctx, source, facts, record, overwrite=params.overwrite, keep_time=params.keep_time)
        detail["tags"] = {"written": list(tagged.written), **({"why": tagged.why} if tagged.why else tagged.trashed)}
        outputs += [source] if tagged.written else [path for path in ctx.published() if path == source]
    return Result(tuple(outputs), detail, Outcome.DONE if tagged.possible or outputs else Outcome.SKIPPED)


def _facts(source: Path, key: str) -> Mapping[str, Any]:
    from workers.media import probe

    try:
        return probe.probe(source, format=_format(source, key))
    except JobFailed as error:
        failure = error.failure
        if failure.error_class is not ErrorClass.DISK:
            raise
        # Only read so far: what a reader calls a fault of the disk is a fault of this one file.
        raise JobFailed(ErrorClass.BAD_INPUT, failure.message, input=key, detail=failure.detail) from error


def _format(source: Path, key: str) -> str:
    found = sniff(source)
    if found.kind == "image":
        raise JobFailed(ErrorClass.UNSUPPORTED, f"{clean(source.name)} is a picture, no film or sound", input=key)
    return found.format


def _lasts_s(source: Path, facts: Mapping[str, Any]) -> float | None:
    """How long it lasts; measured where libav only works that out from a bit rate, as songs are known by it."""
    if not facts.get("duration_guessed"):
        return facts.get("duration_s")
    from workers.media.lasting import seconds

    return max(seconds(source).values(), default=None)


def _record(
    params: EnrichParams, source: Path, facts: Mapping[str, Any], detail: dict[str, Any], ctx: Context
) -> Mapping[str, Any]:
    """What all sources say, as one record; how they were found is put into `detail`."""
    from workers.media import fields, sidecars, tags
    from workers.media.guess import guess

    kind = facts["kind"]
    found = {
        "file": fields.fit({"duration_s": _lasts_s(source, facts)}),
        "tags": tags.fields_of(facts),
        "name": guess(source.stem, kind, [folder.name for folder in source.parents[:2]]),
    }
    problems: list[str] = []
    read = [(who, name, told) for who, name, told in sidecars.read(source, kind, problems)]
    for who, _, told in read:
        found[who] = {**told, **found.get(who, {})}  # the file's own come first, then those of its folder
    detail |= {"sidecars": [name for _, name, _ in read]} if read else {}
    detail |= {"problems": problems} if problems else {}
    order = ("file", *dict.fromkeys((*params.prefer, *fields.ORDER)))
    if params.musicbrainz:
        found["musicbrainz"] = _ask(params, fields.merge(found, order), kind, detail, ctx)
    return fields.merge(found, order)


def _ask(
    params: EnrichParams, record: Mapping[str, Any], kind: str, detail: dict[str, Any], ctx: Context
) -> dict[str, Any]:
    from workers.media.musicbrainz import Answer, look_up

    if kind == "video" and "artist" not in record:
        answer = Answer({}, "not asked: this is no song")
    else:
        song = {name: choice.value for name, choice in record.items()}
        agent = f"Spool/{VERSION}" + (f" ( {params.musicbrainz_contact} )" if params.musicbrainz_contact else "")
        folder = Path(ctx.settings.get("cache_dir") or ctx.work_dir) / "musicbrainz"
        answer = look_up(song, folder, agent=agent, base=params.musicbrainz_url, pulse=ctx.alive)
    detail["musicbrainz"] = {"matched": bool(answer.found), "why": answer.why}
    detail["musicbrainz"] |= {"score": answer.score} if answer.score else {}
    return answer.found


def _card(
    params: EnrichParams, source: Path, record: Mapping[str, Any], detail: dict[str, Any], ctx: Context
) -> list[Path]:
    """Write the sidecar that is asked for; its path, if it stands."""
    from workers.operations import card

    kind: card.Kind = "nfo" if params.sidecar == "nfo" else "json"
    places = targets(params.inputs, params.output, _wanted)
    target = places.of(source, "", "nfo") if kind == "nfo" else places.of(source, ".spool", "json")
    data = card.content(kind, source.name, {"kind": detail["kind"], "fields": detail["fields"]}, record)
    path, how = card.put(ctx, kind, target, data)
    detail["sidecar"] = {"path": path_to_key(path), "how": how} if path else {"why": how}
    return [path] if path else []


def _label(params: EnrichParams) -> str:
    return first_line(params.inputs) + (", tags written" if params.write_tags else "")


OPERATION = Operation(
    name="enrich",
    title="Fill metadata",
    summary="Fill in what files are, from tags, files beside them, their names and MusicBrainz.",
    queue="metadata",
    params=EnrichParams,
    label=_label,
    network=True,
    items=_items,
    process=_process,
    primary=("inputs", "musicbrainz", "write_tags", "sidecar", "output"),
    examples=(
        "spool enrich ~/Music --musicbrainz --write-tags",
        "spool enrich ~/Videos --sidecar nfo --prefer info_json",
    ),
)
