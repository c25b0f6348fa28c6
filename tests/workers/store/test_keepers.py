"""Who keeps a job from going on, as text and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.jobs import Scope, State, Wish
from workers.store.keepers import Keepers, With, keepers, read

_NAMES = st.text("ab.;() \n", min_size=1, max_size=9)
_WITHS = st.builds(With, st.text("abc. ", max_size=5), st.sampled_from(Scope), _NAMES)
_ALL = Keepers("zoe", (With("ann", Scope.QUEUE, "video"), With("bob", Scope.BATCH, "summer; (1)")))


@given(st.builds(Keepers, st.text("xyz", max_size=4), st.lists(_WITHS, max_size=3).map(tuple)))
def test_the_text_holds_all_of_them(kept: Keepers) -> None:
    assert read(str(kept)) == kept
    assert bool(kept) is bool(kept.person or kept.scopes)


def test_the_text_is_told_to_people() -> None:
    assert str(_ALL) == "zoe; ann (with the queue video); bob (with the batch summer; (1))"
    assert str(Keepers("ann")) == "ann" and str(Keepers()) == "" and read("") == Keepers()


def test_each_queue_site_or_batch_keeps_it_once() -> None:
    again = _ALL.joined("cem", Scope.QUEUE, "video")
    assert again.scopes == (With("bob", Scope.BATCH, "summer; (1)"), With("cem", Scope.QUEUE, "video"))
    assert again.kept_with(Scope.QUEUE, "video") and not again.kept_with(Scope.QUEUE, "images")
    assert not again.without(Scope.QUEUE, "video").kept_with(Scope.QUEUE, "video")
    assert again.taken_over("eve").person == "eve"


def test_a_name_cannot_be_taken_for_two_keepers() -> None:
    odd = Keepers("a; b (with the queue video)", (With("c; d (with the site x)", Scope.SITE, "y"),))
    found = read(str(odd))
    assert [(one.scope, one.name) for one in found.scopes] == [(Scope.SITE, "y")]


@pytest.mark.parametrize(
    ("state", "hold", "wish", "kept"),
    [
        (State.QUEUED, True, Wish.NONE, True),
        (State.QUEUED, False, Wish.NONE, False),
        (State.RUNNING, False, Wish.PAUSE, True),
        (State.RUNNING, False, Wish.HOLD, True),
        (State.RUNNING, False, Wish.NONE, False),
        (State.RUNNING, False, Wish.CANCEL, False),
        (State.PAUSED, False, Wish.NONE, True),
        (State.PAUSED, False, Wish.RESUME, False),
        (State.PAUSED, False, Wish.CANCEL, False),
        (State.FAILED, False, Wish.NONE, False),
    ],
)
def test_what_the_text_says_of_a_job_that_may_go_on_is_about_an_earlier_time(
    state: State, hold: bool, wish: Wish, kept: bool
) -> None:
    assert keepers(state, hold, wish, "ann") == (Keepers("ann") if kept else Keepers())
