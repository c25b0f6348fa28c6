"""Checksums end to end."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from tests.support.context import PlainContext
from tests.support.media import HOSTILE_NAMES
from workers.errors import ErrorClass, InvalidParams, JobFailed
from workers.media.names import key_to_path, path_to_key
from workers.operations.contract import Result
from workers.operations.hash import OPERATION


def hashed(ctx: PlainContext, inputs: list[Path], **values: Any) -> dict[str, Result | JobFailed]:
    params = OPERATION.validate({"inputs": [path_to_key(path) for path in inputs], **values})
    assert OPERATION.items is not None
    assert OPERATION.process is not None
    outcomes: dict[str, Result | JobFailed] = {}
    for key in OPERATION.items(params):
        try:
            outcomes[key_to_path(key).name] = OPERATION.process(params, key, ctx)
        except JobFailed as error:
            outcomes[key_to_path(key).name] = error
    return outcomes


@pytest.fixture
def ctx(tmp_path: Path) -> PlainContext:
    return PlainContext(tmp_path / "job")


@pytest.mark.parametrize("algorithm", ["sha256", "blake2b", "sha1", "md5"])
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


@pytest.mark.parametrize("values", [{"algorithm": "crc32"}, {"inputs": []}, {"nonsense": 1}])
def test_wrong_options(values: dict[str, Any]) -> None:
    with pytest.raises(InvalidParams):
        OPERATION.validate({"inputs": ["a"], **values})
