from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.secret_lines import plain_lines, secret_lines, shows
from workers.text import clean, clean_lines, redacted, shorten, size_words, span_words

_ANY = st.text(st.characters(codec=None))  # surrogates too
_BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 B"), (812, "812 B"), (999, "999 B"), (1000, "1.0 kB"), (45_100, "45.1 kB"), (999_960, "1.0 MB"),
     (73_900_000, "73.9 MB"), (1.2e9, "1.2 GB"), (5e15, "5,000.0 TB")],
)  # fmt: skip
def test_sizes_have_the_digits_that_tell_something(number: float, text: str) -> None:
    assert size_words(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3, "0s"), (8.9, "8s"), (250, "4m10s"), (3900, "1h05m"), (273_600, "3d04h"), (8_640_000, "100d")],
)
def test_spans_are_short(seconds: float, text: str) -> None:
    assert span_words(seconds) == text


def _harmless(text: str) -> bool:
    return not any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") or char in _BIDI for char in text)


@given(_ANY)
def test_nothing_that_acts_ever_passes(text: str) -> None:
    safe = clean(text)
    assert _harmless(safe)
    safe.encode("utf-8")
    assert clean(safe) == safe


def test_every_single_character_is_harmless() -> None:
    for number in range(0x110000):
        char = chr(number)
        safe = clean(char)
        if not char.isprintable() or char in _BIDI:
            assert _harmless(safe), hex(number)


@given(st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S"))))
def test_ordinary_text_stays(text: str) -> None:
    assert clean(text) == text


@given(_ANY)
def test_lines_stay_lines(text: str) -> None:
    lines = clean_lines(text).split("\n")
    assert all(map(_harmless, lines))
    assert len(lines) == text.replace("\r\n", "\n").replace("\r", "\n").count("\n") + 1


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("\x1b[31mred\x1b]0;title\x07", "\\x1b[31mred\\x1b]0;title\\x07"),
        ("\u202egnp.exe", "?gnp.exe"),
        ("two\nlines\there", "two lines here"),
        ("\x9b31m", "\\x9b31m"),
        ("\udcff", "?"),
        ("soft\xadhyphen \ufeff", "soft\\xadhyphen ?"),
        ("Ünï 😀", "Ünï 😀"),
    ],
)
def test_examples(text: str, safe: str) -> None:
    assert clean(text) == safe


@given(_ANY, st.integers(-2, 40))
def test_shortened_text_is_no_longer_than_asked(text: str, limit: int) -> None:
    short = shorten(text, limit)
    assert len(short) <= max(0, limit) or short == text
    if len(text) <= limit:
        assert short == text


def test_the_end_stays() -> None:
    assert shorten("a-very-long-name-of-a-film.mp4", 15) == "a-very-lo…m.mp4"


@pytest.mark.parametrize(
    "text",
    [
        "403 for https://me:SENTINEL@example.org/v?token=SENTINEL#SENTINEL, and more",
        "rtmp://example.org/live?key=SENTINEL",
        "refused: Cookie: id=SENTINEL; other=SENTINEL",
        "{'Set-Cookie': 'id=SENTINEL', 'a': 'SENTINEL'}",
        "sent Authorization: Basic SENTINEL12=",
        "proxy-authorization=Digest SENTINEL",
        "curl -H 'X: Bearer SENTINEL.12/ab'",
        'access_token="SENTINEL SENTINEL" tried',
        "api-key = SENTINEL",
        '{"client_secret": "SENTINEL", "a": 1}',
        "mysql PASSWORD=SENTINEL",
        "> X-Auth-Token: SENTINEL",
    ],
)
def test_no_secret_passes(text: str) -> None:
    assert "SENTINEL" not in redacted(text)


@pytest.mark.parametrize(
    "text",
    [
        "no such file: /films/What? A token = of love.mkv",
        "https://example.org/a/b.mp4: the server answered 404",
        "unexpected token: expected ';'",
        "it has no cookies; basic authentication failed for 12 bearers",
        "me@example.org is no address",
    ],
)
def test_what_is_no_secret_passes(text: str) -> None:
    shown = redacted(text)
    assert shown == text or (shown.startswith("no such file") and shown.endswith("love.mkv"))


def test_the_name_of_an_input_stays_to_be_recognised() -> None:
    address = "https://me:SENTINEL@example.org/watch?v=abc123&token=SENTINEL&t=5"
    assert redacted(address, queries=False) == "https://example.org/watch?v=abc123&token=…&t=5"
    assert redacted("a https://example.org/watch?v=abc123 b") == "a https://example.org/watch?… b"


@given(_ANY)
def test_redacting_twice_changes_no_more_than_once(text: str) -> None:
    once = redacted(text)
    assert redacted(once) == once


_SECRET_PIECES = st.sampled_from(
    [
        *("token", "secret", "PassWord", "pass", "api", "key", "pwd", "sig", "authorization", "cookie", "bearer"),
        *("-", "--", "_", "=", ":", "=>", "'", '"', "\\", "[", " ", ",", "a1", "abc123456789"),
        *("\n", "…", "\x1b[1m"),
    ]
)


@given(st.lists(_SECRET_PIECES).map("".join))
def test_what_is_redacted_is_redacted_by_itself(text: str) -> None:
    """A second time changes nothing, and no line changes another. (What is left may look like the query of a URL.)"""
    once = redacted(text)
    assert redacted(once) == once
    assert once == "\n".join(map(redacted, text.split("\n")))


@settings(max_examples=600, deadline=None)
@given(secret_lines())
def test_nothing_of_a_secret_stays_in_any_form(line: str) -> None:
    assert shows(line) and not shows(redacted(line)), redacted(line)


@given(plain_lines)
def test_words_of_sentences_stay(line: str) -> None:
    assert redacted(line) == line


def test_what_stands_around_a_secret_stays() -> None:
    text = """'--password', 'a b', '-i', user=me password="c d"; token: abc123456, {"api_key": "e", "f": "g"}"""
    assert redacted(text) == ("""'--password', …, '-i', user=me password=…; token: …, {"api_key": …, "f": "g"}""")
    assert redacted("https://h:80/a password: b c\nd") == "https://h:80/a password: …\nd"


def test_long_texts_are_redacted_in_no_time() -> None:
    for piece in (
        "a-",
        "://",
        "a://b",
        "://a:b",
        "token",
        "token=",
        "cookie ",
        "bearer ",
        "=",
        "-",
        "\\'",
        'key"',
        "x" * 50,
    ):
        redacted(piece * (200_000 // len(piece)))
