"""Configuration records, cut and random: fewer facts, never an error."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workers.media.configs import config_facts

AVCC = bytes.fromhex(
    "017a000cffe1001a677a000cb6cd941419f8dc04400000030040000" + "00c83c50a658001000668ebe3cb22c0fefafa00"
)


def test_chroma_and_depth_of_high_422() -> None:
    assert config_facts("h264", AVCC) == {"level": 12, "pix_fmt": "yuv422p10le", "bit_depth": 10}


def test_profiles_of_sound_and_vp9() -> None:
    assert config_facts("aac", b"\x12\x08") == {"profile": "LC"}
    assert config_facts("aac", b"\x2b\x92\x08\x00") == {"profile": "HE-AAC"}
    assert config_facts("vp9", None, "Profile 0") == {"pix_fmt": "yuv420p", "bit_depth": 8}
    assert (
        config_facts("vp9", None, "Profile 2") == config_facts("opus", b"OpusHead") == config_facts("h264", None) == {}
    )


def test_colours_of_av1_records() -> None:
    made = [
        config_facts("av1", bytes([0x81, 8, flags, 0])).get("pix_fmt") for flags in (0x0C, 0x08, 0x00, 0x1C, 0x4C, 0x6C)
    ]
    assert made == ["yuv420p", "yuv422p", "yuv444p", "gray", "yuv420p10le", "yuv420p12le"]


@given(st.sampled_from(["h264", "hevc", "av1", "aac", "flac", "alac"]), st.binary(max_size=200))
def test_anything(codec: str, record: bytes) -> None:
    for start in (b"", b"\x01", b"\0\0\1\x67", b"\x81"):
        facts = config_facts(codec, start + record)
        assert facts.get("bit_depth", 8) <= 32


def test_cut_anywhere() -> None:
    for length in range(len(AVCC)):
        config_facts("h264", AVCC[:length])
