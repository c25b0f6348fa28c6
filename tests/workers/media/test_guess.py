"""What names tell, and that they are never made to tell more."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.media.fields import FIELDS, bare
from workers.media.guess import guess, season_of

SONGS: dict[str, dict[str, Any]] = {
    "Nina Simone - Feeling Good": {"artist": "Nina Simone", "title": "Feeling Good"},
    "Nina Simone – Feeling Good (1965)": {"artist": "Nina Simone", "title": "Feeling Good", "year": 1965},
    "03 - Feeling Good": {"track": 3, "title": "Feeling Good"},
    "03. Feeling Good": {"track": 3, "title": "Feeling Good"},
    "03 Feeling Good": {"track": 3, "title": "Feeling Good"},
    "03_Feeling_Good": {"track": 3, "title": "Feeling Good"},
    "12 - Nina Simone - Feeling Good": {"track": 12, "artist": "Nina Simone", "title": "Feeling Good"},
    "2-07 Feeling Good": {"disc": 2, "track": 7, "title": "Feeling Good"},
    "Nina Simone - 07 - Feeling Good": {"track": 7, "artist": "Nina Simone", "title": "Feeling Good"},
    "A - B Sides - 07 - C": {"artist": "A", "album": "B Sides", "track": 7, "title": "C"},
    "A - Song - Remix": {"artist": "A", "title": "Song - Remix"},
    "A - Song (Official Audio) [dQw4w9WgXcQ]": {"artist": "A", "title": "Song", "id": "dQw4w9WgXcQ"},
    "99 Problems": {"title": "99 Problems"},
    "1999": {},
    "7empest": {"title": "7empest"},
    "Jay-Z - 99 Problems": {"artist": "Jay-Z", "title": "99 Problems"},
    "Song [Remastered]": {"title": "Song [Remastered]"},
    "Song [Anniversary]": {"title": "Song [Anniversary]"},
    "Track 01": {},
    "Night and Day": {"title": "Night and Day"},
}
FILMS: dict[str, dict[str, Any]] = {
    "Metropolis (1927)": {"title": "Metropolis", "year": 1927},
    "Metropolis (1927) {imdb-tt0017136}": {"title": "Metropolis", "year": 1927, "imdb_id": "tt0017136"},
    "Metropolis (1927) [1080p] [x264]": {"title": "Metropolis", "year": 1927},
    "Metropolis.1927.1080p.BluRay.x264-GRP": {"title": "Metropolis", "year": 1927},
    "The.Show.S01E02.The.Title.720p.HDTV.x264-GRP": {
        "show": "The Show", "season": 1, "episode": 2, "episode_title": "The Title"},
    "The Show - s1e2 - The Title": {"show": "The Show", "season": 1, "episode": 2, "episode_title": "The Title"},
    "The Show (2019) 1x02": {"show": "The Show", "year": 2019, "season": 1, "episode": 2},
    "The Show S00E03": {"show": "The Show", "season": 0, "episode": 3},
    "The Show S01E02E03 Both": {"show": "The Show", "season": 1, "episode": 2, "episode_title": "Both"},
    "Talk 1920x1080": {"title": "Talk 1920x1080"},
    "4x4 in the mud": {"title": "4x4 in the mud"},
    "Holiday 2024-05-06": {"title": "Holiday", "date": "2024-05-06", "year": 2024},
    "20240506 Holiday": {"title": "Holiday", "date": "2024-05-06", "year": 2024},
    "2024.05.06 Holiday": {"title": "Holiday", "date": "2024-05-06", "year": 2024},
    "Holiday 2024-02-31": {"title": "Holiday 2024-02-31"},
    "Holiday 2024-13-01": {"title": "Holiday 2024-13-01"},
    "VID_20240506_120000": {"date": "2024-05-06", "year": 2024},
    "IMG_0042": {},
    "A talk - part two": {"title": "A talk - part two"},
    "Band - Song (Official Music Video) [dQw4w9WgXcQ]": {"artist": "Band", "title": "Song", "id": "dQw4w9WgXcQ"},
    "A talk [76979871]": {"title": "A talk", "id": "76979871"},
    "A talk [20240506]": {"title": "A talk", "date": "2024-05-06", "year": 2024},
    "Big Buck Bunny [aqz-KE-bpKQ]": {"title": "Big Buck Bunny", "id": "aqz-KE-bpKQ"},
}  # fmt: skip


@pytest.mark.parametrize(("name", "told"), SONGS.items())
def test_names_of_songs(name: str, told: dict[str, Any]) -> None:
    assert guess(name, "audio") == told


@pytest.mark.parametrize(("name", "told"), FILMS.items())
def test_names_of_films(name: str, told: dict[str, Any]) -> None:
    assert guess(name, "video") == told


def test_the_show_is_found_above_the_folder_of_the_season() -> None:
    told = {"show": "The Show", "season": 1, "episode": 2}
    assert guess("S01E02", "video", ["Season 1", "The Show (2019)"]) == told
    assert "show" not in guess("S01E02", "video", ["Downloads", "home"])


@pytest.mark.parametrize(
    ("folder", "season"),
    [("Season 12", 12), ("season_02", 2), ("S03", 3), ("Specials", 0), ("Songs", None), ("Seasons", None)],
)
def test_folders_of_seasons(folder: str, season: int | None) -> None:
    assert season_of(folder) == season


NAMES = st.one_of(
    st.text(max_size=60),
    st.lists(
        st.sampled_from(
            ["Artist", "-", "–", "Title", "01", "S01E02", "1x02", "2024-05-06", "20240506", "(1999)", "[dQw4w9WgXcQ]",
             "(Official Video)", "1080p", "x264", ".", "_", " ", "[", ")", "99", "\udcff", "\x1b", "é"]
        ),
        max_size=12,
    ).map(" ".join),
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(name=NAMES, kind=st.sampled_from(["audio", "video"]))
def test_any_name_gives_only_what_stands_in_it(name: str, kind: Any) -> None:
    told = guess(name, kind)
    assert set(told) <= set(FIELDS)
    letters = bare(name)
    for field in ("title", "artist", "album", "show", "episode_title", "id"):
        value = str(told.get(field, ""))
        for word in value.split():
            assert not any(c.isalnum() for c in word) or bare(word) in letters
        assert not {unicodedata.category(c) for c in value} & {"Cc", "Cs"}
    for field in ("track", "season", "episode", "year"):
        assert field not in told or str(told[field]) in "".join(c for c in name if c.isdigit())


@settings(max_examples=150, deadline=None)
@given(name=NAMES, kind=st.sampled_from(["audio", "video"]))
def test_a_guessed_title_tells_nothing_new(name: str, kind: Any) -> None:
    title = str(guess(name, kind).get("title", ""))
    again = str(guess(title, kind).get("title", ""))
    assert len(again) <= len(title)
    assert guess(name, kind) == guess(name, kind)
