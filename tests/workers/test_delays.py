from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from workers.delays import retry_delay_s
from workers.errors import ErrorClass, Failure


@given(
    st.sampled_from(ErrorClass),
    st.integers(1, 10_000),
    st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True)),
    st.integers(),
)
def test_delays_are_bounded_and_heed_the_site(kind: ErrorClass, failures: int, asked: float | None, seed: int) -> None:
    delay = retry_delay_s(Failure(kind, "x", retry_after_s=asked), failures, random.Random(seed))
    assert 1.5 <= delay <= 86_400
    if asked is not None and 0 < asked <= 86_400:
        assert delay >= asked
    elif asked is None:
        assert delay <= 4500


def test_delays_grow() -> None:
    for kind in ErrorClass:
        means = [retry_delay_s(Failure(kind, "x"), n, random.Random(1)) for n in range(1, 12)]
        assert means == sorted(means)
    assert retry_delay_s(Failure(ErrorClass.THROTTLED, "x"), 1, random.Random(1)) >= 45
