"""Orders in words."""

from __future__ import annotations

import pytest

from console.orders import cancel_words
from workers.jobs import State

R, P, Q = State.RUNNING, State.PAUSED, State.QUEUED


@pytest.mark.parametrize(
    ("states", "words"),
    [
        ([R], "1 running job will be stopped"),
        ([P], "1 paused job will be stopped"),
        ([R, P, P, Q], "1 running job and 2 paused jobs will be stopped"),
        ([Q], "It will not start."),
        ([Q, Q], "They will not start."),
    ],
)
def test_cancelling_is_worded_by_the_states(states: list[State], words: str) -> None:
    assert cancel_words(states).startswith(words)
