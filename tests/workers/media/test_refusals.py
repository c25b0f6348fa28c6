"""From what yt-dlp raises to classes of errors."""

from __future__ import annotations

import email.utils
import errno
import time
from typing import Any

import pytest

from workers.errors import ErrorClass
from workers.media.reach import ReachRefusedError
from workers.media.refusals import failure_of, plain_words, retry_after_s, without_query

URL = "https://example.org/film"


def http_error(status: int, **headers: str) -> Exception:
    """An error of yt-dlp's network layer, as it raises it."""
    import io

    from yt_dlp.networking.common import Response  # type: ignore[import-untyped]
    from yt_dlp.networking.exceptions import HTTPError  # type: ignore[import-untyped]

    response = Response(io.BytesIO(b""), URL, {name.replace("_", "-"): v for name, v in headers.items()}, status=status)
    return HTTPError(response)  # type: ignore[no-any-return]


def wrapped(cause: Exception) -> Exception:
    """As it arrives: a DownloadError around an ExtractorError around the cause."""
    from yt_dlp.utils import DownloadError, ExtractorError  # type: ignore[import-untyped]

    try:
        try:
            raise ExtractorError("Unable to download webpage", cause=cause)
        except ExtractorError as error:
            import sys

            raise DownloadError(f"ERROR: [site] abc: {error}", sys.exc_info()) from error
    except DownloadError as error:
        return error  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (404, ErrorClass.GONE),
        (410, ErrorClass.GONE),
        (451, ErrorClass.GONE),
        (401, ErrorClass.AUTH),
        (403, ErrorClass.AUTH),
        (429, ErrorClass.THROTTLED),
        (408, ErrorClass.NETWORK),
        (500, ErrorClass.NETWORK),
        (503, ErrorClass.NETWORK),
        (418, ErrorClass.TOOL),
    ],
)
def test_statuses(status: int, expected: ErrorClass) -> None:
    assert failure_of(wrapped(http_error(status)), URL).error_class is expected


def test_a_refusal_after_bytes_had_come_is_worth_another_attempt() -> None:
    assert failure_of(wrapped(http_error(403)), URL, started=True).error_class is ErrorClass.NETWORK


def test_retry_after() -> None:
    assert failure_of(wrapped(http_error(429, Retry_After="7")), URL).retry_after_s == 7.0
    assert retry_after_s(" 120 ") == 120.0
    date = email.utils.formatdate(time.time() + 60, usegmt=True)
    assert retry_after_s(date) == pytest.approx(60, abs=3)
    assert retry_after_s("Thu, 01 Jan 1970 00:00:00 GMT") == 0.0
    assert retry_after_s("soon") is None
    assert retry_after_s("") is None


@pytest.mark.parametrize(
    ("cause", "expected"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), ErrorClass.DISK),
        (OSError(errno.EIO, "Input/output error"), ErrorClass.DISK),
        (OSError(errno.EFBIG, "File too large"), ErrorClass.UNSUPPORTED),
        (ConnectionResetError(), ErrorClass.NETWORK),
        (TimeoutError(), ErrorClass.NETWORK),
        (ReachRefusedError("the site led to the private address 10.0.0.1"), ErrorClass.BAD_INPUT),
    ],
)
def test_causes(cause: Exception, expected: ErrorClass) -> None:
    assert failure_of(wrapped(cause), URL).error_class is expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("Private video. Sign in if you've been granted access to this video", ErrorClass.GONE),
        ("Video unavailable. This video has been removed by the uploader", ErrorClass.GONE),
        ("Sign in to confirm your age. This video may be inappropriate", ErrorClass.AUTH),
        ("This video is only available for registered users. Use --cookies", ErrorClass.AUTH),
        ("Sign in to confirm you're not a bot", ErrorClass.THROTTLED),
        ("This video is DRM protected", ErrorClass.UNSUPPORTED),
        ("Requested format is not available. Use --list-formats", ErrorClass.UNSUPPORTED),
        ("unable to write data: [Errno 28] No space left on device", ErrorClass.DISK),
        ("The read operation timed out", ErrorClass.NETWORK),
        ("\r[download] Got error: 1629248 bytes read, 2443873 more expected", ErrorClass.NETWORK),
        ("\r[download] Got error: HTTP Error 503: Service Unavailable", ErrorClass.NETWORK),
        ("\r[download] Got error: HTTP Error 429: Too Many Requests", ErrorClass.THROTTLED),
        ("'NoneType' object has no attribute 'get'", ErrorClass.TOOL),
    ],
)
def test_words_of_sites(words: str, expected: ErrorClass) -> None:
    from yt_dlp.utils import DownloadError

    error: Any = DownloadError(f"ERROR: [youtube] abc: {words}")
    assert failure_of(error, URL).error_class is expected


def test_words_are_plain() -> None:
    raw = (
        "\x1b[0;31mERROR:\x1b[0m [generic] abc: Unable to download webpage: HTTP Error 404: Not Found (caused by "
        "<HTTPError 404: Not Found>); please report this issue on  https://github.com/yt-dlp/…"
    )
    assert plain_words(raw) == "Unable to download webpage: HTTP Error 404: Not Found"


def test_secrets_are_left_out() -> None:
    assert "SENTINEL" not in plain_words("GET https://me:SENTINEL@h.example/a?token=SENTINEL#SENTINEL failed")
    url = "https://h.example/film.mp4?token=SENTINEL.x&a=1"
    assert without_query("film.mp4?token=SENTINEL: Downloading", url) == "film.mp4: Downloading"
    assert without_query("token=SENTINEL.x&a=1", url) == "…"
    assert without_query("A film?", url) == "A film?"
