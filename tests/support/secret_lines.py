"""Lines that hold a secret in one of many forms, and lines of words that only sound like one, to be drawn in tests."""

from __future__ import annotations

from hypothesis import strategies as st

_CHARS = "QJ7~+"  # in no line otherwise, however its letters are written
_NAMES = (
    *("password", "passwd", "db_password", "PGPASSWORD", "passphrase", "client_secret", "secret", "api_key", "api-key"),
    *("apiKey", "access_token", "refresh-token", "x-auth-token", "PRIVATE-TOKEN", "X-Api-Key", "signing_key"),
    *("x-amz-signature", "session_id", "sessionid", "pwd", "decryption_key"),
)
_AFTER_A_NAME = (
    *("{name}={word} b", "{name} = {word}", "a&{name}={word}&b=c", "{name}='{text}' b", '{name}="{text}", b'),
    *("{name}='{text}", '{name}=b"{text}" c', "{name} => '{text}'", "{name}: {text}", "> {name} :  {text}"),
    *('"{name}": "{text}", "b": 1', '"{name}":"{text}"', "{{'{name}': '{text}'}}", '"{name}": ["{text}", "{text}"]'),
    *('{{\\"{name}\\": \\"{text}\\"}}', '"{name}": "\\"{text}"', "{name}\x1b[0m=\x1b[1;32m{word}\x1b[0m b"),
    *("\x1b[33m{name}\x1b[39m: {text}", "a --{name}={word} b", "a '--{name}={text}' b", "{name}=f({text}"),
)
_AS_AN_OPTION = ("--{name} {word} b", "a --db-{name} '{text}' b", "['--{name}', '{text}', 'b']", '--{name} "{text}')
_OPTIONS = ("password", "passwd", "secret", "token", "api-key", "passphrase", "auth-token", "ap-password")
_BY_ITSELF = (
    *("token={word} b", "key={word}", "sig={word}&b", "'token': '{text}'", "a token: {word}"),
    *("Cookie: {text}", "{{'Set-Cookie': '{text}', 'b': '{text}'}}", "HTTP_COOKIE=a={text}; b={text}"),
    *("Authorization: Digest a, response={text}", "Authorization\x1b[0m: Basic {word}", "b Bearer {word} c"),
    *("access_token {word} b", "my-api-key {word}", "-decryption_key {word} -i b", "-cookies '{text}' -i b"),
    *("https://me:{word}@h/b", "https://{word}@h/b", "https://me:{word}/{word}@h/b", "ftp://me:{word}#{word}@h"),
    *("https://me:{word}@{word}@h/b", "https://h/b?v={word}#{word} b", "rtmp://h/b#{word}"),
)

words = st.text(_CHARS, min_size=8, max_size=20).map(lambda text: f"{text}7")
texts = st.lists(words, min_size=1, max_size=3).map(" ".join)


@st.composite
def secret_lines(draw: st.DrawFn) -> str:
    """One line with a secret; `shows` knows it."""
    form, names = draw(
        st.one_of(
            st.tuples(st.sampled_from(_AFTER_A_NAME), st.just(_NAMES)),
            st.tuples(st.sampled_from(_AS_AN_OPTION), st.just(_OPTIONS)),
            st.tuples(st.sampled_from(_BY_ITSELF), st.just(("",))),
        )
    )
    case = draw(st.sampled_from(("", "lower", "upper")))
    before = draw(st.sampled_from(("", "[debug] ", "é 12:00:01 ", "\x1b[31mERROR\x1b[0m: ", "a=b, ")))
    name = draw(st.sampled_from(names))
    form = form.replace("{name}", name)
    written = getattr(form, case)() if case else form
    return before + str(written).format_map(_Either(word=draw(words), text=draw(texts)))


class _Either(dict[str, str]):
    """Forms that are in capitals name their parts so."""

    def __missing__(self, key: str) -> str:
        return self[key.lower()]


def shows(text: str) -> str:
    """What there is to see of any secret."""
    return "".join(char for char in text if char in _CHARS)


plain_lines = st.sampled_from(
    (
        "unexpected token: expected ';'",
        "linux-access api tokens basic cookie passing signature session line of words",
        "basic cookies and tokens: api session signature access x-",
        "it has no cookies; basic authentication failed for bearers",
        "Use --cookies-from-browser or --cookies for the authentication.",
        "protected by a password, use --username and --password, --netrc-cmd, or --netrc",
        "  Duration: 00:00:10.00, start: 0.000000, bitrate: 524 kb/s",
        "Stream #0:0[0x1](und): Video: h264 (High) (avc1 / 0x31), yuv420p",
        "frame=  100 fps= 25 q=28.0 size=     256kB time=00:00:04.00 bitrate= 524.3kbits/s speed=1x",
        "ffmpeg -y -i in.mkv -c:v libx264 -pass 1 -passlogfile x -an -f null /dev/null",
        "first pass: done in 12s; second pass: 40%; keyint=250",
        "KeyError: missing key: 'title'",
        "std::token::Token of vault://secret://x",
        "https://web.archive.org/web/2020/https://www.example.org/@x and https://host:8080/@user/video",
        '{"id": "abc", "url":"https://host:8080","mail":"me@example.org", "key": "title"}',
        "\x1b[0;32m[download]\x1b[0m  44% of 10MiB, monkey=banana; a secret passes",
        "Enter password: ",
        "max_tokens: 512",
        "",
    )
)
"""What tools print; none of it is a secret."""
