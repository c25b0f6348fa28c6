"""What people paste and drop: file managers' quotes, URIs, many lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.paste import looks_typed, missing, parse


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("'/media/a b/c.mov' '/d.mov'", ("/media/a b/c.mov", "/d.mov")),
        (r"/media/a\ b/c\'s.mov", ("/media/a b/c's.mov",)),
        ("file:///a%20b/c.mov\r\nfile:///d.mov\r\n", ("/a b/c.mov", "/d.mov")),
        ("file://localhost/x.mov", ("/x.mov",)),
        ("file://elsewhere/x.mov", ()),
        ("# copied files\nfile:///x.mov", ("/x.mov",)),
        ("/media/My Film (1999).mkv", ("/media/My Film (1999).mkv",)),
        ("/it's/x.mkv", ("/it's/x.mkv",)),
        ("'/it'\\''s/x.mkv'", ("/it's/x.mkv",)),
        ("/a.mov\n/a.mov\n/b/../c.mov", ("/a.mov", "/c.mov")),
        ("relative/name.mov", ()),
        ("hello world", ()),
        ("/", ()),
        ("ftp://x/y", ()),
        ("rm -rf /", ()),
    ],
)
def test_paths(text: str, paths: tuple[str, ...]) -> None:
    found = parse(text)
    assert found.paths == paths
    assert found.urls == ()


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("https://x.example/watch?v=1&t=2s", ("https://x.example/watch?v=1&t=2s",)),
        (
            "  https://a.example/1\nhttps://b.example/2 https://a.example/1 ",
            ("https://a.example/1", "https://b.example/2"),
        ),
        ("HTTP://A.EXAMPLE/x", ("HTTP://A.EXAMPLE/x",)),
        ("https://", ()),
        ("javascript:alert(1)", ()),
    ],
)
def test_urls(text: str, urls: tuple[str, ...]) -> None:
    assert parse(text).urls == urls


def test_what_is_neither_is_kept_to_be_told() -> None:
    found = parse("# a list\n/a.mov\nhttps://x.example/1 and this\n\nb.mov\nb.mov")
    assert (found.urls, found.paths, found.left) == (("https://x.example/1",), ("/a.mov",), ("and", "this", "b.mov"))
    assert not parse("b.mov")


def test_home_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert parse("~/film.mov").paths == ("/home/ada/film.mov",)


@given(st.text())
def test_anything_can_be_pasted(text: str) -> None:
    found = parse(text)
    assert all(path.startswith("/") for path in found.paths)
    assert all(url.lower().startswith(("http://", "https://")) for url in found.urls)


def test_missing(tmp_path: Path) -> None:
    (tmp_path / "here").touch()
    assert missing((str(tmp_path / "here"), str(tmp_path / "gone"))) == (str(tmp_path / "gone"),)


@pytest.mark.parametrize("text", ["XPR/DTyY\n", "jjjjjjjjjjjjjjjjjjjjjjjj", "          ", "P\n"])
def test_keys_meant_singly_look_typed(text: str) -> None:
    assert looks_typed(text)


@pytest.mark.parametrize("text", ["https://a.example/1", "/a/b", "some words", "My-Film-of-2024.mov"])
def test_text_does_not_look_typed(text: str) -> None:
    assert not looks_typed(text)
