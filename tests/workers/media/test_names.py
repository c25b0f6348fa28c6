"""Safe names, for whatever strangers write."""

from __future__ import annotations

import os
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.media import HOSTILE_NAMES
from workers.media.names import (
    FINAL_EXTENSIONS,
    MAX_BYTES,
    check_template,
    fill_template,
    key_to_path,
    path_to_key,
    safe_extension,
    safe_name,
)

ANY_TEXT = st.text(st.characters(codec=None), max_size=400)
BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def assert_safe(name: str) -> None:
    """All that a name must be to be safe on any file system, command line and terminal."""
    assert name
    assert name not in (".", "..")
    assert not name.startswith(("-", ".", "~", " "))
    assert not name.endswith((" ", "."))
    assert not set(name) & set('/\\:*?"<>|\0')
    assert not any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") for char in name)
    assert not set(name) & BIDI
    assert len(name.encode()) <= MAX_BYTES
    assert unicodedata.normalize("NFC", name) == name
    assert name.split(".")[0].lower() not in ("con", "prn", "aux", "nul", "com1", "lpt9")


@given(ANY_TEXT, st.sampled_from(sorted(FINAL_EXTENSIONS)))
@example("CON", "mp4")
@example("nul .txt", "mp4")
@example("..", "mp4")
@example("-rf", "mp4")
@example("\u202egpj.exe", "jpg")
@example("x" * 400, "mp4")
@example("\U0001f600" * 100, "mp4")
@example("a\u200b\u0301", "mp4")
def test_any_text_makes_a_safe_name(text: str, extension: str) -> None:
    name = safe_name(text, extension=extension)
    assert_safe(name)
    assert name.endswith(f".{extension}")


@given(ANY_TEXT, ANY_TEXT, ANY_TEXT)
def test_any_fields_stay_inside_the_folder(title: str, ident: str, uploader: str) -> None:
    fields = {"title": title, "id": ident, "uploader": uploader, "ext": "mp4"}
    path = fill_template("{site}/{uploader}/{title} [{id}].{ext}", fields)
    assert len(path.parts) == 3
    assert not path.is_absolute()
    for segment in path.parts:
        assert_safe(segment)
    assert path.suffix == ".mp4"


@pytest.mark.parametrize("raw", HOSTILE_NAMES)
def test_hostile_names(raw: bytes) -> None:
    assert_safe(safe_name(os.fsdecode(raw), extension="webm"))


def test_the_id_stays_when_the_title_is_cut() -> None:
    path = fill_template("{title} [{id}]", {"title": "é" * 400, "id": "dQw4w9WgXcQ", "ext": "mp4"})
    assert str(path).endswith("é [dQw4w9WgXcQ].mp4")
    assert 150 < len(str(path).encode()) <= MAX_BYTES


def test_what_people_read_stays() -> None:
    fields = {"title": "Song [Official Video] – 100 % Größe, 日本語", "id": "a_b-1", "ext": "mkv"}
    assert (
        str(fill_template("{title} [{id}].{ext}", fields)) == "Song [Official Video] – 100 % Größe, 日本語 [a_b-1].mkv"
    )


def test_missing_fields_leave_no_holes() -> None:
    assert str(fill_template("{uploader}/{title} [{id}]", {"title": "T", "ext": "mp3"})) == "unknown/T.mp3"


@pytest.mark.parametrize("extension", ["sh", "desktop", "exe", "mp4/../sh", "", "html", "part"])
def test_only_extensions_of_media(extension: str) -> None:
    with pytest.raises(ValueError, match="no extension"):
        safe_extension(extension)


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("", "empty"),
        ("/etc/{title}", "relative"),
        ("../{title}", r"\.\."),
        ("{title}/../{id}", r"\.\."),
        ("~/{title}", "relative"),
        ("{titel}", "no field"),
        ("{title.__class__}", "plain fields"),
        ("{title!r}", "plain fields"),
        ("{title:>9999}", "plain fields"),
        ("same name", "a field"),
        ("{title", "'}'"),
        ("{ext}", "no field"),
    ],
)
def test_bad_templates_are_told(template: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check_template(template)


@given(st.binary(min_size=1, max_size=60).filter(lambda raw: b"\0" not in raw))
def test_keys_hold_any_path(raw: bytes) -> None:
    path = "/" + os.fsdecode(raw)
    key = path_to_key(path)
    key.encode()  # valid UTF-8: fit for JSON and databases
    assert os.fsencode(key_to_path(key)) == os.fsencode(os.fspath(key_to_path(path)))


def test_plain_paths_are_their_own_keys() -> None:
    assert path_to_key("/a/b ü.mp4") == "/a/b ü.mp4"
