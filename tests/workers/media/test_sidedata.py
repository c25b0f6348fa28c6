"""Side data out of libav's printed summary."""

from __future__ import annotations

from workers.media.sidedata import side_data

SUMMARY = """Input #0, matroska,webm, from '':
  Metadata:
    title           : Side data:
                    :       Display Matrix: rotation of 45.00 degrees
  Stream #0:0[0x1](und): Video: hevc, none(tv), 320x180
    Metadata:
      ENCODER         : x
    Side data:
      Display Matrix: rotation of -90.00 degrees
      Content light level metadata: MaxCLL=1000, MaxFALL=400
      DOVI configuration record: version: 1.0, profile: 8, level: 6, rpu flag: 1
  Stream #0:1: Audio: aac
    Metadata:
      comment         : rotation of 90 degrees
"""


def test_each_stream_has_its_own() -> None:
    assert side_data(SUMMARY) == {
        0: {"rotation": 270, "max_cll": 1000, "max_fall": 400, "dolby_vision": {"profile": 8, "level": 6}}
    }


def test_nothing_from_nothing() -> None:
    assert side_data("") == side_data("Side data:\n" * 9) == {}
