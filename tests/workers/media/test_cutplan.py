"""Where packets can be cut, held against every kind of order that encoders make."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workers.media.cutplan import Ending, Frame, beginnings, ending_at_or_after, ending_at_or_before, endings


@st.composite
def groups(draw: st.DrawFn) -> list[Frame]:
    """Packets in the order of decoding: groups of a key frame and runs of frames shown before the one they follow."""
    frames: list[Frame] = []
    shown = 0
    for _ in range(draw(st.integers(1, 4))):
        opens = draw(st.integers(0, 2)) if frames else 0  # frames of an open group, shown before its key frame
        frames.append(Frame(shown + opens, key=True))
        frames += [Frame(shown + number) for number in range(opens)]
        shown += opens + 1
        for between in draw(st.lists(st.integers(0, 3), max_size=4)):
            order = draw(st.permutations(range(between)))
            frames += [Frame(shown + between), *(Frame(shown + number) for number in order)]
            shown += between + 1
    return frames


@given(groups())
def test_every_ending_keeps_exactly_what_is_shown_before_it(frames: list[Frame]) -> None:
    last = len(frames)
    found = endings(frames, last)
    assert found[-1] == Ending(0, len(frames), last)
    for ending in found:
        kept = {frame.pts for frame in frames[: ending.count]}
        assert kept == {pts for pts in range(last) if pts < ending.at}
    counts = {ending.count for ending in found}
    for count in range(1, last):
        closed = max(f.pts for f in frames[:count]) < min(f.pts for f in frames[count:])
        assert closed == (count in counts), "none is missed"


@given(groups())
def test_without_the_end_of_the_film_nothing_is_promised_behind_it(frames: list[Frame]) -> None:
    assert all(ending.count < len(frames) for ending in endings(frames, None))


@given(groups(), st.integers(-1, 40))
def test_choices_lie_on_the_right_side(frames: list[Frame], wish: int) -> None:
    found = endings(frames, len(frames))
    after, before = ending_at_or_after(found, wish, 0), ending_at_or_before(found, wish, 0)
    assert after is None or (after.at >= wish and all(e.at < wish for e in found if e.at < after.at))
    assert before is None or (before.at <= wish and all(e.at > wish for e in found if e.at > before.at))
    assert (after is None) == (wish > len(frames))


@given(groups(), st.integers(-1, 40))
def test_beginnings_are_the_key_frames_around(frames: list[Frame], wish: int) -> None:
    before, after = beginnings(frames, wish)
    keys = [frame.pts for frame in frames if frame.key]
    assert before == max((key for key in keys if key <= wish), default=None)
    assert after == min((key for key in keys if key > wish), default=None)


def test_nothing_has_no_ending() -> None:
    assert endings([], 5) == ()
