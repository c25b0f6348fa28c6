"""MP4 judged by its index: the same figures as the packets give, and damage inside samples."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from tests.support.media import H264, Media, cut, ffmpeg
from workers.media.damage import examine
from workers.media.samples import Samples, tells_all, walk_samples


def by_index(path: Path) -> dict[int, Samples] | None:
    options = {"codec_whitelist": "none", "ignore_editlist": "1"}
    with av.open(str(path), format="mp4", container_options=options) as container:
        return walk_samples(path, container, lambda share: None) if tells_all(container) else None


def by_packets(path: Path) -> dict[int, tuple[int, int]]:
    """Of each stream: the number of packets, and the end of the last in ticks of decoding time."""
    found: dict[int, tuple[int, int]] = {}
    with av.open(str(path), container_options={"ignore_editlist": "1"}) as container:
        for packet in container.demux():
            if packet.size and packet.dts is not None:
                count, end = found.get(packet.stream.index, (0, 0))
                found[packet.stream.index] = (count + 1, max(end, packet.dts + (packet.duration or 0)))
    return found


def broken_at(path: Path, target: Path, at: int, data: bytes) -> Path:
    whole = path.read_bytes()
    target.write_bytes(whole[:at] + data + whole[at + len(data) :])
    return target


def picture_places(path: Path) -> list[tuple[int, int]]:
    with av.open(str(path)) as container:
        return [(entry.pos, entry.size) for entry in container.streams.video[0].index_entries]


@pytest.mark.parametrize("coder", [H264, ("-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1")])
def test_the_index_tells_what_packets_tell(media: Media, tmp_path: Path, coder: tuple[str, ...]) -> None:
    film = tmp_path / "film.mp4"
    ffmpeg("-i", media.clip, *coder, "-bf", "2", "-c:a", "copy", film)
    told = by_index(film)
    assert told is not None
    packets = by_packets(film)
    assert set(told) == set(packets) == {0, 1}
    for index, samples in told.items():
        count, end = packets[index]
        assert samples.inside == count
        assert samples.end == pytest.approx(end, rel=0.01)
        assert samples.torn == 0
        assert samples.configured
    assert max(samples.last_byte for samples in told.values()) <= film.stat().st_size


def test_fragments_are_left_to_the_walk(media: Media, tmp_path: Path) -> None:
    ffmpeg("-i", media.clip, "-c", "copy", "-movflags", "frag_keyframe+empty_moov", tmp_path / "fragments.mp4")
    assert by_index(tmp_path / "fragments.mp4") is None


def test_a_last_picture_may_last_long(tmp_path: Path) -> None:
    slides = "color=red:size=64x64:rate=25:duration=1,setpts=N*250*TB"
    words = ("-f", "lavfi", "-i", slides, "-frames:v", "4", "-r", "0.2", *H264)
    ffmpeg(*words, tmp_path / "slides.mp4")
    assert not examine(tmp_path / "slides.mp4", "quick").findings


def test_a_cut_file_has_fewer_samples(media: Media, tmp_path: Path) -> None:
    whole, short = by_index(media.clip), by_index(cut(media.clip, tmp_path / "short.mp4"))
    assert whole is not None
    assert short is not None
    assert 0 < short[0].inside < whole[0].inside
    assert short[0].end < whole[0].end
    assert short[0].last_byte == whole[0].last_byte > (tmp_path / "short.mp4").stat().st_size


@pytest.mark.parametrize("data", [bytes(400), b"\x00\x00\x00\x40\xe5", b"\x7f\xff\xff\xff"])
def test_a_sample_that_is_no_chain_of_units(media: Media, tmp_path: Path, data: bytes) -> None:
    at, size = picture_places(media.clip)[30]
    assert size > len(data)
    told = by_index(broken_at(media.clip, tmp_path / "broken.mp4", at, data))
    assert told is not None
    assert told[0].torn >= 1
    (finding,) = examine(tmp_path / "broken.mp4", "quick").findings
    assert finding.name == "corrupt_packets"


def test_a_torn_configuration(media: Media, tmp_path: Path) -> None:
    at = media.clip.read_bytes().index(b"avcC") + 4
    broken = broken_at(media.clip, tmp_path / "broken.mp4", at + 6, b"\x40")
    assert "broken_configuration" in {finding.name for finding in examine(broken, "quick").findings}
