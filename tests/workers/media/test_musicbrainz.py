"""Which recording it is: only sure matches, and why not."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.media import musicbrainz
from workers.media.fields import Found, fit
from workers.media.musicbrainz import check_base, pick, query_of
from workers.media.polite import Service, Unanswered

SONG: Found = {"artist": "Nina Simone", "title": "Feeling Good", "duration_s": 174.0}
RECORDING = "8f3471b5-7e6a-48da-86a9-c1c07a0f47ae"
TOLD: dict[str, Any] = {
    "recordings": [
        {
            "id": RECORDING,
            "score": 100,
            "title": "Feeling Good",
            "length": 174_500,
            "first-release-date": "1965-06",
            "artist-credit": [{"name": "Nina Simone", "artist": {"id": "b1a9c0e9-d987-4042-ae91-78d6a3267d69"}}],
            "isrcs": ["USPR36507294"],
            "releases": [
                {
                    "id": "0b1b3a3c-1111-4222-8333-444455556666",
                    "title": "I Put a Spell on You",
                    "status": "Official",
                    "media": [{"position": 1, "track": [{"number": "7"}]}],
                },
                {"id": "x", "title": "Feeling Great (bootleg)", "status": "Bootleg"},
            ],
        }
    ]
}


def changed(**values: Any) -> dict[str, Any]:
    told = copy.deepcopy(TOLD)
    told["recordings"][0].update(values)
    return told


def test_a_sure_match() -> None:
    answer = pick(SONG, TOLD)
    assert (answer.why, answer.score) == ("matched", 100)
    assert answer.found == {
        "title": "Feeling Good",
        "artist": "Nina Simone",
        "album": "I Put a Spell on You",
        "track": 7,
        "disc": 1,
        "date": "1965-06",
        "year": 1965,
        "isrc": "USPR36507294",
        "musicbrainz_recording_id": RECORDING,
        "musicbrainz_release_id": "0b1b3a3c-1111-4222-8333-444455556666",
        "musicbrainz_artist_id": "b1a9c0e9-d987-4042-ae91-78d6a3267d69",
    }


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (changed(score=60), "score of 60"),
        (changed(title="Sinnerman"), "another title: Sinnerman"),
        (changed(**{"artist-credit": [{"name": "Muse"}]}), "another artist: Muse"),
        (changed(length=180_500), "differs by 6 s"),
        (changed(length=None), "no duration"),
        ({"recordings": []}, "no such recording"),
        ({"recordings": "x"}, "no such recording"),
        ({}, "no such recording"),
        ([], "no such recording"),
        (None, "no such recording"),
    ],
)
def test_a_doubt_is_told(told: Any, why: str) -> None:
    answer = pick(SONG, told)
    assert answer.found == {}
    assert answer.why.startswith("no match")
    assert why in answer.why


def test_the_nearest_duration_wins() -> None:
    told = changed()
    told["recordings"].append({**told["recordings"][0], "id": RECORDING.replace("8", "9"), "length": 174_000})
    assert pick(SONG, told).found["musicbrainz_recording_id"] == RECORDING.replace("8", "9")


def test_an_album_is_not_made_up_of_several() -> None:
    releases = [{"id": "a", "title": "One"}, {"id": "b", "title": "Two"}]
    assert "album" not in pick(SONG, changed(releases=releases)).found
    assert pick({**SONG, "album": "two!"}, changed(releases=releases)).found["album"] == "Two"
    assert "album" not in pick({**SONG, "album": "Three"}, changed(releases=releases)).found


def test_a_known_id_is_asked_for_itself() -> None:
    song = fit({"musicbrainz_recording_id": RECORDING})
    assert query_of(song) == f"rid:{RECORDING}"
    assert pick(song, TOLD).found["title"] == "Feeling Good"
    assert not pick(song, changed(id=RECORDING.replace("8", "9"))).found


@pytest.mark.parametrize("missing", ["artist", "title", "duration_s"])
def test_too_little_to_be_sure_is_not_asked(missing: str, tmp_path: Path) -> None:
    song = {name: value for name, value in SONG.items() if name != missing}
    assert musicbrainz.look_up(song, tmp_path, agent="x", base="http://127.0.0.1:1").why.startswith("not asked")
    assert not list(tmp_path.iterdir())


def test_words_of_the_search_are_no_commands() -> None:
    song = {**SONG, "title": 'a" OR artist:"b\\', "artist": "AC/DC (live) *"}
    query = query_of(song)
    assert query == 'recording:"a\\" OR artist\\:\\"b\\\\" AND artist:"AC\\/DC \\(live\\) \\*"'


def test_trouble_is_told_and_not_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Service, path: str) -> Any:
        raise Unanswered("it cannot be reached")

    monkeypatch.setattr(Service, "ask", fail)
    answer = musicbrainz.look_up(SONG, tmp_path, agent="x")
    assert (answer.found, answer.why) == ({}, "no answer: it cannot be reached")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(key=st.sampled_from(sorted(TOLD["recordings"][0])), value=ANYTHING, inner=ANYTHING)
def test_any_answer_is_borne(key: str, value: Any, inner: Any) -> None:
    pick(SONG, changed(**{key: value}))
    pick(SONG, changed(**{key: [inner, {"name": inner, "artist": inner, "title": inner, "media": inner}]}))
    pick(SONG, {"recordings": value})


@pytest.mark.parametrize("base", ["http://127.0.0.1:5000/ws/2", "https://musicbrainz.org/ws/2"])
def test_addresses(base: str) -> None:
    assert check_base(base) == base


@pytest.mark.parametrize(
    "base",
    ["", "musicbrainz.org", "file:///etc", "ftp://a", "http://u:p@a", "http://a?b", "http://a/#f", "http://a\n/"],
)
def test_wrong_addresses(base: str) -> None:
    with pytest.raises(ValueError, match="address"):
        check_base(base)
