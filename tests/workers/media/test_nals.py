"""H.264 by its units."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.support.media import Media
from workers.media import nals


def config_of(path: Path) -> nals.Config:
    import av

    with av.open(f"file:{path}") as container:
        found = nals.parse_config(bytes(container.streams.video[0].codec_context.extradata or b""))
    assert found is not None
    return found


def test_a_real_record_comes_back_the_same(media: Media) -> None:
    import av

    with av.open(f"file:{media.clip}") as container:
        data = bytes(container.streams.video[0].codec_context.extradata or b"")
    found = nals.parse_config(data)
    assert found is not None
    assert found.packed() == data
    assert (found.length_size, len(found.sps), len(found.pps), sorted(found.ids)) == (4, 1, 1, [0])


def test_byte_streams_have_the_same_sets(media: Media) -> None:
    stream, record = config_of(media.transport), config_of(media.clip)
    assert stream.length_size == 0
    assert (stream.sps, stream.pps) == (record.sps, record.pps)


def test_configurations_are_joined_once(media: Media) -> None:
    one = config_of(media.clip)
    other = nals.Config(one.profile, one.compatible, one.level + 1, 4, (b"\x67\1\2\3\4",), (b"\x68\1",))
    both = one.and_also([other, other])
    assert (both.sps, both.pps, both.level) == (one.sps + other.sps, one.pps + other.pps, one.level + 1)
    assert nals.parse_config(both.packed()) == both


@given(st.lists(st.binary(min_size=1, max_size=40).filter(lambda b: b"\0\0" not in b and b[-1]), max_size=6))
def test_units_survive_both_forms(units: list[bytes]) -> None:
    assert nals.split_by_lengths(nals.with_lengths(units), 4) == units
    assert nals.split_by_start_codes(b"".join(b"\0\0\0\1" + unit for unit in units)) == units


@given(st.binary(max_size=60))
def test_torn_records_are_no_error(data: bytes) -> None:
    nals.parse_config(data)
    nals.parse_config(b"\x01" + data)
    nals.split_by_lengths(data, 4)
