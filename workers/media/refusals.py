"""Why a download failed: from what yt-dlp raised to a class of error and words for a person. Pure."""

from __future__ import annotations

import email.utils
import re
import time
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from workers.errors import ErrorClass, Failure, disk_refusal
from workers.media.reach import ReachRefusedError
from workers.text import clean, redacted

_NETWORK_NAMES = frozenset(
    {"TransportError", "IncompleteRead", "ProxyError", "SSLError", "ContentTooShortError", "NoSupportingHandlers"}
)
# Words of sites, where no status tells. The order decides: "Private video. Sign in if …" is gone, not a login.
_WORDS: tuple[tuple[ErrorClass, str], ...] = (
    (ErrorClass.DISK, r"no space left|disk quota exceeded|read-only file system"),
    # "Got error" is what is left of the cause when all tries of a connection are used.
    (ErrorClass.NETWORK, r"http error (5\d\d|408|425)|got error:(?!.*http error)|more expected"),
    (ErrorClass.AUTH, r"http error (401|402|403|407)"),
    (ErrorClass.THROTTLED, r"rate.?limit|too many requests|http error 429|try again later|not a bot"),
    (ErrorClass.UNSUPPORTED, r"\bdrm\b|requested format is not available|no video formats found|unsupported url"),
    (
        ErrorClass.GONE,
        r"private video|video is private|has been (removed|deleted|terminated)|no longer (available|exists)",
    ),
    (
        ErrorClass.AUTH,
        r"log.?in|sign in|registered users|members.only|age.restricted|confirm your age"
        r"|password|subscri|geo.?restrict|cookies",
    ),
    (ErrorClass.GONE, r"http error 4(04|10|51)|not found|unavailable|not available|does not exist|been taken down"),
    (ErrorClass.NETWORK, r"timed? ?out|connection|unable to download|did not get any data|is empty"),
)


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and all that caused it, by every way that Python, requests, urllib3 and yt-dlp note a cause."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        one = waiting.pop(0)
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        info = getattr(one, "exc_info", None)
        waiting += [info[1]] if isinstance(info, tuple) and len(info) == 3 else []
        waiting += [getattr(one, "cause", None), getattr(one, "reason", None), one.__cause__, one.__context__]
        waiting += [arg for arg in one.args if isinstance(arg, BaseException)]


def failure_of(error: BaseException, url: str, *, started: bool = False, refused: str = "") -> Failure:
    """The failure to tell for what yt-dlp raised about `url`.

    `started` says that bytes of the media had come: a refusal then means an address that ran out, and a new attempt
    asks for a fresh one. `refused` is an address that the guard did not let it connect to.
    """
    words = plain_words(str(error))
    causes = list(chain(error))
    if refused or any(isinstance(cause, ReachRefusedError) for cause in causes):
        where = f" ({refused})" if refused else ""
        return Failure(ErrorClass.BAD_INPUT, f"the site led to a private address{where}, which is not followed", url)
    for cause in causes:
        status = getattr(cause, "status", None)
        if type(cause).__name__ == "HTTPError" and isinstance(status, int):
            wait = retry_after_s(_header(cause, "Retry-After"))
            return Failure(_class_of_status(status, started), words, url, retry_after_s=wait)
    for cause in causes:
        if disk := disk_refusal(cause):
            return Failure(disk[0], f"cannot write: {disk[1]}", url)
    names = {type(cause).__name__ for cause in causes}
    if "GeoRestrictedError" in names:
        return Failure(ErrorClass.AUTH, words, url)
    if "CertificateVerifyError" in names:
        return Failure(ErrorClass.AUTH, f"the site's certificate is not valid: {words}", url)
    if "UnsupportedError" in names:
        return Failure(ErrorClass.UNSUPPORTED, "no film or sound found on this page", url)
    if names & _NETWORK_NAMES or any(isinstance(c, ConnectionError | TimeoutError) for c in causes):
        return Failure(ErrorClass.NETWORK, words, url)
    return Failure(_class_of_words(str(error)), words, url)


def _class_of_status(status: int, started: bool) -> ErrorClass:
    if status == 429:
        return ErrorClass.THROTTLED
    if status in (404, 410, 451):
        return ErrorClass.NETWORK if started else ErrorClass.GONE
    if status in (401, 402, 403, 407):
        return ErrorClass.NETWORK if started else ErrorClass.AUTH
    if status >= 500 or status in (408, 421, 425):
        return ErrorClass.NETWORK
    return ErrorClass.TOOL


def _class_of_words(words: str) -> ErrorClass:
    for error_class, pattern in _WORDS:
        if re.search(pattern, words, re.IGNORECASE):
            return error_class
    return ErrorClass.TOOL


def _header(error: BaseException, name: str) -> str:
    headers = getattr(getattr(error, "response", None), "headers", None)
    try:
        return str(headers.get(name) or "") if headers is not None else ""
    except (AttributeError, TypeError):
        return ""


def retry_after_s(value: str) -> float | None:
    """Seconds from a Retry-After header, which holds seconds or a date; None when it is absent or no use."""
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        return max(email.utils.parsedate_to_datetime(value).timestamp() - time.time(), 0.0)
    except (ValueError, TypeError, OverflowError):
        return None


def plain_words(message: str) -> str:
    """A message of yt-dlp without its marks, its request to report bugs, its advice on flags, and secrets of URLs."""
    text = clean(re.sub(r"\x1b\[[0-9;]*m", "", message))
    text = re.sub(r"^ERROR:\s*(\[download\] Got error:\s*)?", "", text)
    text = re.sub(r"^\[[\w:+-]+\]\s*(\S+:\s+)?", "", text)
    text = re.split(r"; please report this issue|; see +https://|\(caused by |\s*Use --|; Confirm you are", text)[0]
    return redacted(text.strip(" ;.")) or "yt-dlp failed without a word"


def without_query(text: str, url: str) -> str:
    """`text` without the query of `url`, which some titles and ids of plain addresses hold: it may be a token."""
    query = urlsplit(url).query
    if not query:
        return text
    for secret in {query, unquote(query), clean(unquote(query))}:
        text = text.replace(f"?{secret}", "").replace(secret, "…") if len(secret) > 3 else text
    at = text.find("?" + query[:6])
    return text if at < 0 else text[:at] + re.sub(r"^\S*?(?=[:,;]?(\s|$))", "", text[at:])
