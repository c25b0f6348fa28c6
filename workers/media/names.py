"""Safe file names, built by ourselves from what strangers wrote: titles, tags, host names, extensions. Pure.

A name made here has no control, bidirectional or separating character, is no reserved or hidden name, is never read
as an option, and leaves room for the suffixes that staging and publishing add.
"""

from __future__ import annotations

import os
import string
import unicodedata
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from urllib.parse import quote_from_bytes, unquote_to_bytes

from workers.media.containers import WRITTEN

MAX_BYTES = 200  # of a whole name; file systems allow 255

_BESIDE = "jpg jpeg png webp avif gif srt vtt ass ssa ttml lrc"
FINAL_EXTENSIONS = WRITTEN | frozenset(_BESIDE.split())

FIELDS = ("title", "id", "uploader", "channel", "site", "playlist", "playlist_index", "date", "year", "height")
DEFAULT_TEMPLATE = "{title} [{id}].{ext}"

_FORBIDDEN = {ord(c): "-" for c in '/\\:*?"<>|'} | {0: None}
_RESERVED = frozenset({"con", "prn", "aux", "nul", "conin$", "conout$", "clock$"}) | frozenset(
    f"{word}{digit}" for word in ("com", "lpt") for digit in "0123456789\u00b9\u00b2\u00b3"
)
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def safe_text(text: str) -> str:
    """`text` in NFC with separators replaced and unseen characters dropped; runs of white space become one blank."""
    text = unicodedata.normalize("NFC", text).translate(_FORBIDDEN)
    seen = (char for char in text if char.isspace() or unicodedata.category(char) not in _UNSEEN)
    # Dropping a character can bring a letter and its accent together, so compose once more.
    return unicodedata.normalize("NFC", " ".join("".join(seen).split()))


def cut_bytes(text: str, limit: int) -> str:
    """The longest start of `text` that takes at most `limit` bytes in UTF-8 and ends in no blank."""
    encoded = text.encode()
    if len(encoded) <= limit:
        return text
    return encoded[: max(limit, 0)].decode(errors="ignore").rstrip()


def safe_name(text: str, *, extension: str = "", limit: int = MAX_BYTES, fallback: str = "untitled") -> str:
    """One safe name made of `text` and `.extension`, of at most `limit` bytes with the extension. Never empty.

    ValueError when `extension` is none of FINAL_EXTENSIONS.
    """
    end = f".{safe_extension(extension)}" if extension else ""
    room = limit - len(end.encode()) - 1  # one byte for the underscore that defuses a reserved name
    body = cut_bytes(safe_text(text).lstrip(".-~ "), room).rstrip(". ") or fallback
    if body.split(".")[0].rstrip().lower() in _RESERVED:
        body = "_" + body
    return body + end


def safe_extension(extension: str) -> str:
    """`extension` in lower case when it is one that Spool writes; ValueError for any other (sh, desktop, exe ...)."""
    plain = extension.lower().lstrip(".")
    if plain not in FINAL_EXTENSIONS:
        raise ValueError(f"{plain!r} is no extension of media files")
    return plain


def check_template(template: str) -> None:
    """ValueError with the reason when `template` is no valid template of a name."""
    used = [field for _, field in _pieces(template.removesuffix(".{ext}")) if field]
    if not template.strip("/ "):
        raise ValueError("the template is empty")
    if template.startswith(("/", "~")):
        raise ValueError("the template must be relative to the output folder")
    unknown = sorted(set(used) - set(FIELDS))
    if unknown:
        raise ValueError(f"no field {{{unknown[0]}}}: use {', '.join('{' + name + '}' for name in FIELDS)}")
    if not used:
        raise ValueError("the template must hold a field, {title} or {id}, or all files have one name")
    if any(segment.strip() in ("", ".", "..") for segment in template.split("/")):
        raise ValueError("the template must not hold empty, . or .. folders")


def _pieces(template: str) -> list[tuple[str, str | None]]:
    """The template as (literal, field) pairs. Conversions, indexes and attributes are refused."""
    pieces: list[tuple[str, str | None]] = []
    for literal, field, spec, conversion in string.Formatter().parse(template):
        if spec or conversion or (field is not None and not field.isidentifier()):
            raise ValueError(f"use plain fields such as {{title}}, not {{{field}}} with extras")
        pieces.append((literal, field))
    return pieces


def fill_template(template: str, fields: Mapping[str, object]) -> PurePosixPath:
    """The relative path that `template` makes of `fields`; missing fields are left out, every segment is safe.

    The extension follows whether or not the template ends with `.{ext}`. A long segment is cut in its longest field
    other than the id, so that `[id]` and the extension stay.
    ValueError when the template is wrong or `fields["ext"]` is no extension of media files.
    """
    check_template(template)
    *folders, last = template.removesuffix(".{ext}").split("/")
    extension = safe_extension(str(fields.get("ext") or ""))
    segments = [safe_name(_filled(folder, fields, MAX_BYTES - 1), fallback="unknown") for folder in folders]
    room = MAX_BYTES - len(extension) - 2  # the dot, and the byte that `safe_name` keeps back
    name = safe_name(_filled(last, fields, room), extension=extension)
    return PurePosixPath(*segments, name)


def _filled(segment: str, fields: Mapping[str, object], room: int) -> str:
    pieces = _pieces(segment)
    values = {name: safe_text(str(fields[name])) for _, name in pieces if name and fields.get(name) not in (None, "")}
    if "id" in values:
        values["id"] = cut_bytes(values["id"], 80)
    while True:
        text = "".join(literal + (values.get(name, "") if name else "") for literal, name in pieces)
        over = len(text.encode()) - room
        long = max((name for name in values if name != "id"), key=lambda name: len(values[name].encode()), default=None)
        if over <= 0 or long is None or not values[long]:
            return text.replace("[]", "").replace("()", "")
        values[long] = cut_bytes(values[long], len(values[long].encode()) - over)


def path_to_key(path: str | os.PathLike[str]) -> str:
    """A path as text that any database and JSON can hold: the path itself, or `bytes:` when it is no valid UTF-8."""
    text = os.fspath(path)
    try:
        text.encode()
    except UnicodeEncodeError:
        return "bytes:" + quote_from_bytes(os.fsencode(text))
    return text


def key_to_path(key: str) -> Path:
    """The path that `path_to_key` was given."""
    if key.startswith("bytes:"):
        return Path(os.fsdecode(unquote_to_bytes(key.removeprefix("bytes:"))))
    return Path(key)
