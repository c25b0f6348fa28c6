"""Pictures and films that look alike are found, whatever their format."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from tests.support.drawn import drawn
from tests.support.media import Media, ffmpeg
from workers.media import likeness
from workers.media.names import path_to_key
from workers.media.twins import Catalogue


def looked(folder: Path, distance: int = 3, threads: int = 2) -> tuple[list[set[str]], likeness.Likeness]:
    catalogue = Catalogue()
    for path in sorted(folder.iterdir()):
        catalogue.add(path_to_key(path), path.stat().st_size)
    found = likeness.find(catalogue, distance=distance, threads=threads, tick=lambda phase, done, total: None)
    groups = [{catalogue.path(number).name for number in group} for group in [*found.pictures, *found.films]]
    return groups, found


def test_pictures_in_other_formats_and_sizes(tmp_path: Path) -> None:
    for seed in range(4):
        drawn(seed).save(tmp_path / f"{seed}.jpg", quality=90)
    drawn(1).resize((400, 300)).save(tmp_path / "1 small.webp")
    drawn(1).save(tmp_path / "1.png")
    Image.new("RGB", (90, 90), "black").save(tmp_path / "black.png")
    Image.new("RGB", (80, 90), "white").save(tmp_path / "white.png")
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(99))
    groups, found = looked(tmp_path)
    assert groups == [{"1.jpg", "1 small.webp", "1.png"}]
    assert found.flat == 2
    ((key, why),) = found.problems
    assert Path(key).name == "broken.jpg"
    assert why
    (members,) = found.pictures
    one, other, third = (found.looks[number] for number in members)
    assert likeness.distance_of(one, other) <= 6
    assert {(look.width, look.height) for look in (one, other, third)} == {(640, 480), (400, 300)}


def test_films_in_other_containers(tmp_path: Path, media: Media) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    ffmpeg("-i", media.clip, "-c", "copy", folder / "copy.mkv")
    ffmpeg("-i", media.clip, "-vf", "scale=240:-2", "-c:v", "libx264", "-an", folder / "small.mp4")
    ffmpeg("-f", "lavfi", "-i", "mandelbrot=size=320x180:rate=25,trim=duration=2", folder / "other.mp4")
    (folder / "clip.mp4").write_bytes(media.clip.read_bytes())
    (folder / "song.mp3").write_bytes(media.song.read_bytes())
    groups, found = looked(folder, distance=4)
    assert groups == [{"clip.mp4", "copy.mkv", "small.mp4"}]
    assert [Path(key).name for key, _ in found.problems] == ["song.mp3"]
    (members,) = found.films
    assert likeness.distance_of(found.looks[members[0]], found.looks[members[1]]) <= 4
