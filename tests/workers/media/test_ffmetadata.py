"""Tags and chapters as ffmpeg reads them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.media import Media, ffmpeg
from workers.media.ffmetadata import Chapter, comment_chapters, metadata_text, plain_tags
from workers.media.soundtrack import look

ODD = ["a=b;c#d\\e", "two\nlines", "[CHAPTER]", ";FFMETADATA1", "  spaces  ", "\u202eé😀", "\x1b[31m", "-y"]


@pytest.mark.parametrize("text", ODD)
def test_ffmpeg_reads_back_every_text(media: Media, tmp_path: Path, text: str) -> None:
    notes, path = tmp_path / "notes.txt", tmp_path / "made.mkv"
    notes.write_text(metadata_text({"title": text, "artist": "x"}, [Chapter(0, 1.5, text), Chapter(1.5, 4, "Two")]))
    words = ("-map", "0:a", "-map_metadata", "1", "-map_chapters", "1", "-c", "copy")
    ffmpeg("-i", media.clip, "-f", "ffmetadata", "-i", notes, *words, path)
    made = look(path)
    assert (made.tags["title"].strip(), made.tags["ARTIST"]) == (text.strip(), "x")
    assert [(c.start_s, c.title.strip()) for c in made.chapters] == [(0, text.strip()), (1.5, "Two")]


@given(st.dictionaries(st.text(), st.text()), st.lists(st.text(), max_size=3))
def test_no_text_breaks_out_of_its_line(tags: dict[str, str], titles: list[str]) -> None:
    text = metadata_text(tags, [Chapter(number, number + 1, title) for number, title in enumerate(titles)])
    plain = text.replace("\\\\", "").replace("\\\n", "")
    assert "\0" not in text
    assert sum(line == "[CHAPTER]" for line in plain.split("\n")) >= len(titles)
    assert len(plain.split("\n")) == 2 + sum(1 for name in tags if name) + 4 * len(titles) + sum(map(bool, titles))


def test_tags_of_the_file_itself_stay_behind() -> None:
    tags = {"title": "T", "MAJOR_BRAND": "isom", "encoder": "x", "_STATISTICS_TAGS": "y", "CHAPTER001NAME": "z"}
    assert plain_tags(tags) == {"title": "T"}


def test_chapters_as_comments() -> None:
    comments = comment_chapters([Chapter(0, 3723.5, "One"), Chapter(3723.5, 4000)])
    assert comments["CHAPTER001"] == "01:02:03.500"
    assert (comments["CHAPTER000NAME"], comments["CHAPTER001NAME"]) == ("One", "Chapter 2")
