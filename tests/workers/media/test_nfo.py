"""XML of strangers: read where it is plain, refused where it could hurt."""

from __future__ import annotations

import pytest

from workers.errors import ErrorClass, JobFailed
from workers.media import nfo
from workers.media.fields import Choice, Found, merge

MOVIE = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<movie><title>Metropolis &amp; more</title><year>1927</year><premiered>1927-01-10</premiered><plot>A city.</plot>
<genre>Drama</genre><genre>Science Fiction</genre><uniqueid type="imdb" default="true">tt0017136</uniqueid>
<uniqueid type="tmdb">19</uniqueid><actor><name>B. Helm</name><title>not this</title></actor></movie>
"""


def test_a_film() -> None:
    expected: Found = {
        "title": "Metropolis & more",
        "year": 1927,
        "date": "1927-01-10",
        "description": "A city.",
        "genre": ("Drama", "Science Fiction"),
        "imdb_id": "tt0017136",
        "tmdb_id": "19",
    }
    for raw in (MOVIE.encode(), MOVIE.encode("utf-8-sig"), MOVIE.encode("utf-16")):
        assert nfo.parse(raw) == expected


def test_an_old_file_in_another_encoding() -> None:
    raw = '<?xml version="1.0" encoding="ISO-8859-1"?><movie><title>Für Élise</title></movie>'.encode("latin-1")
    assert nfo.parse(raw) == {"title": "Für Élise"}


def test_an_episode_and_what_follows_it() -> None:
    one = "<episodedetails><title>Two</title><showtitle>Show</showtitle><season>1</season><episode>2</episode>"
    one += "<aired>2024-05-06</aired></episodedetails>"
    expected = {
        "episode_title": "Two", "show": "Show", "season": 1, "episode": 2, "date": "2024-05-06", "year": 2024
    }  # fmt: skip
    for more in ("", "\nhttps://www.example.org/2", one.replace("Two", "Three")):
        assert nfo.parse((one + more).encode()) == expected


def test_music() -> None:
    clip = b"<musicvideo><title>Song</title><artist>Band</artist><album>Record</album><track>3</track></musicvideo>"
    assert nfo.parse(clip) == {"title": "Song", "artist": "Band", "album": "Record", "track": 3}
    album = b"<album><title>Record</title><artist>Band</artist><year>1999</year></album>"
    assert nfo.parse(album) == {"album": "Record", "album_artist": "Band", "year": 1999}


def test_words_alone_give_an_address_or_nothing() -> None:
    art = b"\xdb\xdb\xb2 RELEASE \xb2\xdb\xdb\r\n Title: not read\r\n https://www.imdb.com/title/tt0017136.\r\n"
    assert nfo.parse(art) == {"url": "https://www.imdb.com/title/tt0017136", "imdb_id": "tt0017136"}
    assert nfo.parse(b"nothing here") == {}
    assert nfo.parse(b"") == {}


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
BOMBS = {
    "laughs": f'<!DOCTYPE movie [<!ENTITY l0 "lol">{LAUGHS}]><movie><title>&l9;</title></movie>',
    "file": '<!DOCTYPE movie [<!ENTITY f SYSTEM "file:///etc/passwd">]><movie><title>&f;</title></movie>',
    "net": '<!DOCTYPE movie SYSTEM "http://127.0.0.1:1/x.dtd"><movie><title>a</title></movie>',
    "plain doctype": "<!DOCTYPE movie><movie><title>a</title></movie>",
    "deep": "<movie>" + "<a>" * 100_000,
    "many": "<movie>" + "<a/>" * 100_000 + "</movie>",
    "unknown entity": "<movie><title>&unknown;</title></movie>",
    "cut": MOVIE[:100],
    "html": "<html><title>no</title></html>",
    "empty element": "<>",
}


@pytest.mark.parametrize("name", BOMBS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_bombs_and_damage_are_refused(name: str, encoding: str) -> None:
    with pytest.raises(JobFailed) as caught:
        nfo.parse(BOMBS[name].encode(encoding))
    assert caught.value.failure.error_class is ErrorClass.BAD_INPUT
    assert "\n" not in caught.value.failure.message


def test_too_large() -> None:
    with pytest.raises(JobFailed, match="larger than 1 MiB"):
        nfo.parse(b"<movie>" + b" " * nfo.MAX_BYTES)


def test_a_long_text_is_cut() -> None:
    found = nfo.parse(b"<movie><plot>" + b"word " * 100_000 + b"</plot></movie>")
    assert 1_000 < len(str(found["description"])) <= 4_000


@pytest.mark.parametrize(
    "found",
    [
        {"title": "A <&> B", "year": 1999, "genre": ("X", "Y"), "imdb_id": "tt0017136", "description": "one\ntwo"},
        {"show": "Show", "season": 1, "episode": 2, "episode_title": "Two"},
        {"artist": "Band", "title": "Song", "album": "Record"},
    ],
)
def test_what_we_write_reads_back_and_is_not_taken_for_news(found: Found) -> None:
    written = nfo.compose(merge({"tags": found}))
    assert nfo.parse(written) == {}
    assert nfo.parse(written.replace(nfo.MARK.encode(), b"")) == found


def test_a_title_becomes_that_of_the_episode() -> None:
    record = {"episode": Choice(2, "name"), "season": Choice(1, "name"), "title": Choice("Two", "tags")}
    assert b"<title>Two</title>" in nfo.compose(record)
