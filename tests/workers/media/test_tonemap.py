from __future__ import annotations

import pytest

from workers.errors import ErrorClass, JobFailed
from workers.media.av import StreamFacts
from workers.media.escape import escaped
from workers.media.tonemap import chain, need


@pytest.mark.parametrize(("transfer", "name"), [(16, "smpte2084"), (18, "arib-std-b67")])
def test_the_chain_says_what_the_film_is(transfer: int, name: str) -> None:
    words = chain(StreamFacts(0, "video", "hevc", transfer=transfer))
    assert words.startswith(f"setparams=color_trc={name}:") and words.endswith("t=bt709:m=bt709:r=tv")


def test_what_lacks_is_named() -> None:
    need({"zscale", "tonemap"}, "ff")
    with pytest.raises(JobFailed, match="without tonemap and zscale") as caught:
        need(set(), "/bin/ff", input="a.mkv")
    assert (caught.value.failure.error_class, caught.value.failure.input) == (ErrorClass.UNSUPPORTED, "a.mkv")


@pytest.mark.parametrize(
    ("value", "expected"), [("/a/b.ass", "/a/b.ass"), ("a:b", r"a\\:b"), ("it's", r"it\\\'s"), ("[x],;", r"\[x\]\,\;")]
)
def test_values_of_filters_are_escaped_twice(value: str, expected: str) -> None:
    assert escaped(value) == expected
