"""What was found, in words."""

from __future__ import annotations

from console.told import headline, lines
from workers.errors import ErrorClass, Failure
from workers.jobs import ItemOutcome, Outcome

PROBED = {
    "kind": "video", "format": "mp4", "size": 2_900_313, "duration_s": 15.12, "bit_rate": 1_534_557,
    "streams": [
        {"index": 0, "kind": "video", "codec": "h264", "width": 640, "height": 360, "pix_fmt": "yuv420p", "fps": 25.0},
        {"index": 1, "kind": "audio", "codec": "aac", "sample_rate": 44100, "channels": 1, "bit_rate": 96_192},
    ],
    "tags": {"title": "Clip \x1b[2J"}, "cut": False,
}  # fmt: skip
SCORED = {
    "score": 84.0,
    "parts": {
        "blur": {"value": 5.4, "unit": "pixels", "score": 100.0, "weight": 15, "rule": "100 up to 7"},
        "interlace": {"value": None, "unit": "share", "score": None, "weight": 7, "rule": "too few frames tell"},
    },
}


def test_a_film_with_its_streams() -> None:
    assert lines("probe", PROBED) == [
        ("kind", "video"),
        ("format", "mp4"),
        ("size", "2.9 MB"),
        ("duration", "15.12 s"),
        ("bit rate", "1.5Mbit/s"),
        ("stream 0", "video h264, 640x360, yuv420p, 25 fps"),
        ("stream 1", "audio aac, 44100 Hz, 1 channel, 96.2kbit/s"),
        ("tags title", "Clip \\x1b[2J"),
        ("cut", "no"),
    ]


def test_what_a_site_told_before_is_named() -> None:
    assert lines("download", {"title": "Clip", "kept": False}) == [("title", "Clip"), ("from cache", "no")]


def test_a_score_with_its_parts() -> None:
    assert lines("quality", SCORED) == [
        ("score", "84"),
        ("parts blur", "100, 5.4 pixels (100 up to 7)"),
        ("parts interlace", "not measured (too few frames tell)"),
    ]


def test_fields_tell_their_source_and_issues_their_text() -> None:
    enriched = {
        "fields": {"artist": {"value": "Ada", "source": "tags"}, "genre": {"value": ["Rock"], "source": "tags"}}
    }
    assert lines("enrich", enriched) == [("fields artist", "Ada (from tags)"), ("fields genre", "Rock (from tags)")]
    issues = {"issues": [{"name": "low_contrast", "text": "its levels span only 70 to 115"}], "histogram": [0] * 32}
    assert lines("analyze-image", issues) == [("issue 0", "low contrast: its levels span only 70 to 115")]


def test_long_lists_are_cut_with_their_number() -> None:
    found = lines("x", {"numbers": list(range(20)), "rows": [{"name": f"n{n}"} for n in range(10)]})
    assert found[0] == ("numbers", "0, 1, 2, 3, 4, 5, 6, 7 and 12 more")
    assert found[-1] == ("rows", "and 2 more")


def test_duplicates_are_a_summary() -> None:
    group = {"reclaimable_bytes": 2_000_000, "files": [{"path": "/a"}, {"path": "/b"}], "more": 3}
    facts = {
        "match": "exact", "files": 946, "bytes": 929_867_233, "groups": 109, "duplicates": 123,
        "reclaimable_bytes": 92_226_222, "top": [group] * 40, "problems": 1,
        "first_problems": [{"path": "/c", "why": "cannot read folder /c: Permission denied"}],
    }  # fmt: skip
    found = lines("duplicates", facts)
    assert found[:6] == [
        ("compared", "946 files, 930 MB, exact"),
        ("found", "109 groups with 123 files more than needed"),
        ("to gain", "92.2 MB; nothing was deleted"),
        ("group", "2.0 MB, keep /a"),
        ("", "  and /b"),
        ("", "  and 3 more"),
    ]
    assert found[-2:] == [
        ("", "and 104 groups more: --report FILE.json or FILE.csv writes all"),
        ("problem", "cannot read folder /c: Permission denied"),
    ]


def test_one_line_for_a_table() -> None:
    done = ItemOutcome("/a", Outcome.DONE, detail=PROBED)
    first, rest = headline("probe", done).split(", stream 0 ")
    assert first == "format mp4, duration 15.12 s" and rest.startswith("video h264")
    assert headline("quality", ItemOutcome("/a", Outcome.DONE, detail=SCORED)) == "score 84"
    failed = ItemOutcome("/a", Outcome.FAILED, failure=Failure(ErrorClass.BAD_INPUT, "a is empty"))
    assert headline("probe", failed) == "bad_input: a is empty"
    assert headline("transcode", ItemOutcome("/a", Outcome.SKIPPED, detail={"why": "fits already"})) == "fits already"
