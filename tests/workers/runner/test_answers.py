from __future__ import annotations

import pytest

from workers.errors import LeaseLost
from workers.runner.answers import is_granted
from workers.runner.messages import Granted, Refused, Staging

QUESTION = Staging("/made/.spool-7-1-x")


def test_a_grant_counts_for_its_own_question_only() -> None:
    assert is_granted(QUESTION, Granted(QUESTION.path))
    assert not is_granted(QUESTION, Granted("/made/other"))
    assert not is_granted(QUESTION, "nonsense")


@pytest.mark.parametrize("path", ["", QUESTION.path])
def test_a_refusal_of_it_or_of_everything_ends_the_attempt(path: str) -> None:
    with pytest.raises(LeaseLost, match=r"refused /made/\.spool-7-1-x: lease lost"):
        is_granted(QUESTION, Refused("lease_lost", path))


def test_a_refusal_of_another_question_is_passed_over() -> None:
    assert not is_granted(QUESTION, Refused("lease_lost", "/made/other"))
