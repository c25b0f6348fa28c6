from __future__ import annotations

from pathlib import Path

import pytest

from workers.media.av import Facts, StreamFacts
from workers.media.fates import holds_chapters, left_out, refusal

FONT = StreamFacts(3, "attachment", "ttf")
PGS = StreamFacts(2, "subtitle", "hdmv_pgs_subtitle", language="ger")
CODE = StreamFacts(4, "data", "", frames=1)
FACTS = Facts(Path("/a.mkv"), "matroska", 1, 1.0, 1, (PGS, FONT, CODE))


@pytest.mark.parametrize(
    ("stream", "drop", "sound_only", "unwanted", "asked"),
    [
        (PGS, (), False, False, False),
        (PGS, ("subtitles",), False, False, True),
        (PGS, (), False, True, True),
        (PGS, (), True, False, True),
        (FONT, ("subtitles",), False, False, False),
        (CODE, ("data",), False, False, True),
        (StreamFacts(5, "video", "mjpeg", cover=True), ("videos",), False, False, False),
        (StreamFacts(5, "video", "mjpeg", cover=True), ("covers",), False, False, True),
        (StreamFacts(5, "video", "h264"), ("videos",), False, False, True),
    ],
)
def test_who_asked(stream: StreamFacts, drop: tuple[str, ...], sound_only: bool, unwanted: bool, asked: bool) -> None:
    fate = left_out(stream, FACTS, "web", sound_only=sound_only, drop=drop, unwanted=unwanted)
    assert fate.asked is asked and fate.what == "left out" and fate.why


def test_the_refusal_names_streams_and_options() -> None:
    told = [left_out(s, FACTS, "web", sound_only=False, drop=("attachments",)) for s in FACTS.streams]
    words = refusal(told, FACTS)
    assert "subtitle stream 2, hdmv_pgs_subtitle (ger): not held by web" in words
    assert "--drop data --drop subtitles, or burn one in" in words and "ttf" not in words
    assert refusal([fate for fate in told if fate.asked], FACTS) == ""


def test_the_text_track_of_chapters_is_known_by_its_number() -> None:
    mp4 = Facts(Path("/a.mp4"), "mp4", 1, 1.0, 1, (CODE,), chapters=1)
    assert holds_chapters(CODE, mp4)
    assert not holds_chapters(CODE, Facts(Path("/a.mp4"), "mp4", 1, 1.0, 1, (CODE,), chapters=0))
    assert not holds_chapters(StreamFacts(4, "data", "", frames=250), mp4), "a timecode, or what a camera noted"
