"""Checksums end to end."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from tests.support.context import PlainContext
from tests.support.engine import outcomes_of
from tests.support.media import HOSTILE_NAMES, Media
from workers.errors import ErrorClass, InvalidParams, JobFailed
from workers.media.names import path_to_key
from workers.operations.contract import Result
from workers.operations.hash import OPERATION


def hashed(ctx: PlainContext, inputs: list[Path], **values: Any) -> dict[str, Result | JobFailed]:
    return outcomes_of(OPERATION, ctx, inputs, fresh=False, **values)


@pytest.mark.parametrize("algorithm", ["sha256", "blake2b", "sha512", "sha1", "md5"])
def test_a_folder_of_anything_and_a_missing_file(ctx: PlainContext, tmp_path: Path, algorithm: str) -> None:
    folder = tmp_path / "in"
    (folder / "sub").mkdir(parents=True)
    contents = {"a.txt": b"words", "b": b"", "c.mp4": bytes(range(256)) * 9000}
    for name, content in contents.items():
        (folder / "sub" / name).write_bytes(content)
    outcomes = hashed(ctx, [folder, tmp_path / "missing"], algorithm=algorithm)
    missing = outcomes.pop("missing")
    assert isinstance(missing, JobFailed)
    assert missing.failure.error_class is ErrorClass.BAD_INPUT
    assert set(outcomes) == set(contents)
    for name, content in contents.items():
        outcome = outcomes[name]
        assert isinstance(outcome, Result)
        assert outcome.outputs == ()
        checksum = hashlib.new(algorithm, content).hexdigest()
        assert dict(outcome.detail) == {"algorithm": algorithm, "digest": checksum, "size": len(content)}


def test_hostile_names(ctx: PlainContext, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for raw in HOSTILE_NAMES:
        with open(os.fsencode(folder) + b"/" + raw, "wb") as file:
            file.write(raw)
    outcomes = hashed(ctx, [folder])
    assert len(outcomes) == len(HOSTILE_NAMES)
    for name, outcome in outcomes.items():
        assert isinstance(outcome, Result)
        assert outcome.detail["digest"] == hashlib.sha256(os.fsencode(name)).hexdigest()


def written(folder: Path, names: dict[str, bytes]) -> None:
    for name, content in names.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def sums(algorithm: str, names: dict[str, bytes]) -> bytes:
    lines = [f"{hashlib.new(algorithm, content).hexdigest()}  {name}\n" for name, content in names.items()]
    return "".join(lines).encode()


def test_a_list_is_checked(ctx: PlainContext, tmp_path: Path) -> None:
    names = {"good": b"words", "changed": b"before", "sub/gone": b"x"}
    written(tmp_path, {**names, "changed": b"after"})
    (tmp_path / "sub/gone").unlink()
    (tmp_path / "LIST").write_bytes(sums("sha256", names))
    outcomes = hashed(ctx, [tmp_path / "LIST"], check=True)
    good, changed, gone = (outcomes[name] for name in ("good", "changed", "gone"))
    assert isinstance(good, Result)
    assert good.detail["matches"] is True
    assert isinstance(changed, JobFailed)
    assert "does not match" in changed.failure.message
    assert hashlib.sha256(b"after").hexdigest() in changed.failure.detail
    assert isinstance(gone, JobFailed)
    assert "No such file" in gone.failure.message


def test_a_file_that_two_lists_name_has_to_match_both(ctx: PlainContext, tmp_path: Path) -> None:
    written(tmp_path, {"file": b"words"})
    (tmp_path / "a").write_bytes(sums("md5", {"file": b"other"}))
    (tmp_path / "b").write_bytes(sums("sha256", {"file": b"words"}))
    outcomes = hashed(ctx, [tmp_path / "a", tmp_path / "b"], check=True)
    assert isinstance(outcomes["file"], JobFailed)


def test_a_file_that_two_lists_name_is_one_item(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"words")
    lists = [tmp_path / "one.sha256", tmp_path / "two.sha256"]
    for path in lists:
        path.write_text(f"{hashlib.sha256(b'words').hexdigest()}  a.bin\n")
    params = OPERATION.validate({"inputs": [path_to_key(path) for path in (*lists, lists[0])], "check": True})
    assert OPERATION.items is not None
    assert list(OPERATION.items(params)) == [path_to_key(tmp_path / "a.bin")]


def test_a_bad_list_that_another_one_names_is_told_of(ctx: PlainContext, tmp_path: Path) -> None:
    bad = tmp_path / "bad.sha256"
    (tmp_path / "file").write_bytes(b"words")
    bad.write_bytes(b"no checksum\n" + sums("sha256", {"file": b"words"}))
    good = tmp_path / "good.sha256"
    good.write_text(f"{hashlib.sha256(bad.read_bytes()).hexdigest()}  bad.sha256\n")
    outcome = hashed(ctx, [bad, good], check=True)["bad.sha256"]
    assert isinstance(outcome, JobFailed)
    assert "1 lines of" in outcome.failure.message


def test_what_is_wrong_with_a_list_is_told(ctx: PlainContext, tmp_path: Path) -> None:
    written(tmp_path, {"file": b"words", "NOLIST": b"nothing\nof the kind\n"})
    (tmp_path / "LIST").write_bytes(b"a line of words\n" + sums("sha1", {"file": b"words"}))
    outcomes = hashed(ctx, [tmp_path / "LIST", tmp_path / "NOLIST", tmp_path / "missing", tmp_path], check=True)
    assert isinstance(outcomes["file"], Result)
    words = {name: str(outcome) for name, outcome in outcomes.items() if isinstance(outcome, JobFailed)}
    assert "1 lines of" in words["LIST"]
    assert "first line 1" in words["LIST"]
    assert "no list of checksums" in words["NOLIST"]
    assert "does not exist" in words["missing"]
    assert "is no file" in words[tmp_path.name]


def test_a_check_keeps_nothing() -> None:
    assert OPERATION.validate({"inputs": ["/a"], "check": True}).cache == "off"
    assert OPERATION.validate({"inputs": ["/a"]}).cache == "on"


def test_how_pictures_and_films_look(ctx: PlainContext, media: Media, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for source in (media.picture, media.clip, media.song):
        os.link(source, folder / source.name)
    (folder / "notes.txt").write_text("no look")
    outcomes = hashed(ctx, [folder, media.song], algorithm="perceptual")
    assert set(outcomes) == {"picture.jpg", "clip.mp4", "song.mp3"}
    picture, clip, song = (outcomes[name] for name in ("picture.jpg", "clip.mp4", "song.mp3"))
    assert isinstance(picture, Result)
    assert (picture.detail["kind"], len(picture.detail["phash"])) == ("picture", 16)
    assert isinstance(clip, Result)
    assert clip.detail["kind"] == "film"
    assert {len(value) for value in clip.detail["phash"]} == {16}
    assert isinstance(song, JobFailed)
    assert song.failure.error_class is ErrorClass.UNSUPPORTED


WRONG: list[dict[str, Any]] = [{"check": True, "algorithm": "perceptual"}, {"check": True, "cache": "on"}]


@pytest.mark.parametrize("values", [*WRONG, {"algorithm": "crc32"}, {"inputs": []}, {"nonsense": 1}])
def test_wrong_options(values: dict[str, Any]) -> None:
    with pytest.raises(InvalidParams):
        OPERATION.validate({"inputs": ["/a"], **values})
