"""What stays true of what a site tells."""

from __future__ import annotations

from typing import Any

import pytest

from workers.media.ytdlp_look import lasting_list, told_of

ENTRY: dict[str, Any] = {"_type": "url", "url": "https://example.org/watch?v=1", "ie_key": "Some", "title": "One"}
LIST: dict[str, Any] = {"_type": "playlist", "id": "x", "title": "All", "entries": [ENTRY]}


def test_a_list_of_pages_lasts() -> None:
    made = lasting_list(LIST | {"__x_forwarded_for_ip": None, "requested_entries": [1]})
    assert made == LIST


@pytest.mark.parametrize(
    "entry",
    [
        ENTRY | {"_type": "video"},
        ENTRY | {"formats": [{"url": "https://cdn.example.org/a.mp4"}]},
        ENTRY | {"url": "https://cdn.example.org/a.mp4?Expires=1700000000&Signature=abc"},
        ENTRY | {"url": "https://cdn.example.org/a.mp4?X-Amz-Expires=60"},
        ENTRY | {"url": "https://cdn.example.org/a.mp4?token"},
        ENTRY | {"url": "https://me:word@example.org/a"},
        ENTRY | {"url": "https://[broken"},
        ENTRY | {"url": None},
        ENTRY | {"thumbnail": object()},
        None,
    ],
)
def test_one_entry_that_ends_by_itself_spoils_the_list(entry: Any) -> None:
    assert lasting_list(LIST | {"entries": [ENTRY, entry]}) is None


@pytest.mark.parametrize(
    "result", [None, {}, LIST | {"entries": []}, LIST | {"entries": iter([ENTRY])}, LIST | {"_type": "video"}]
)
def test_what_is_no_list_does_not_last(result: Any) -> None:
    assert lasting_list(result) is None


def test_what_is_told_of_a_page_holds_no_address() -> None:
    info = {
        "id": "x",
        "title": "A \x1b[31mtalk",
        "extractor_key": "Some",
        "duration": 61,
        "formats": [
            {"height": 360, "filesize": 10, "url": "https://cdn/1"},
            {"height": 1080, "filesize": 90, "url": "https://cdn/2"},
            {"height": None, "vcodec": "none", "url": "https://cdn/3"},
        ],
        "subtitles": {"en": [{"url": "https://cdn/4"}]},
    }
    told = told_of(info, "https://example.org/x")
    assert (told["heights"], told["size"], told["duration_s"], told["subtitles"]) == ([1080, 360], 90, 61.0, ["en"])
    assert "cdn" not in str(told) and "\x1b" not in told["title"]
    assert told["live"] is False and told_of(info | {"live_status": "is_live"}, "")["live"] is True
