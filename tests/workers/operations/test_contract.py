"""What the parameters of every operation must hold, whoever asks: the command line, the console or a program."""

from __future__ import annotations

from typing import Any

import pytest

from workers.errors import InvalidParams
from workers.operations.contract import Operation
from workers.operations.registry import REGISTRY

OPERATIONS = {operation.name: operation for operation in REGISTRY}
BULK = [name for name, operation in OPERATIONS.items() if operation.takes_many]


def problems(operation: Operation[Any], values: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(InvalidParams) as caught:
        operation.validate(values)
    return caught.value.problems


@pytest.mark.parametrize("name", BULK)
@pytest.mark.parametrize("empty", ["", " ", "\t\n"])
def test_no_input_is_empty(name: str, empty: str) -> None:
    found = dict(problems(OPERATIONS[name], {"inputs": ["/media/good.mp4", empty]}))
    assert "the name is empty; nothing was done" in found["inputs"]


@pytest.mark.parametrize("name", BULK)
@pytest.mark.parametrize("short", ["film.mp4", ".", "../films", "bytes:film%FF.mp4", "http://127.0.0.1/film.mp4"])
def test_no_input_is_looked_for_in_the_folder_of_the_worker(name: str, short: str) -> None:
    found = dict(problems(OPERATIONS[name], {"inputs": [short]}))
    assert f"{short!r} is no whole path" in found["inputs"]


@pytest.mark.parametrize(
    ("name", "field"),
    [
        (operation.name, field)
        for operation in OPERATIONS.values()
        for field in ("output", "report", "cookies")
        if field in operation.params.model_fields
    ],
)
def test_no_output_is_put_in_the_folder_of_the_worker(name: str, field: str) -> None:
    found = dict(problems(OPERATIONS[name], {"inputs": ["/media/a.mp4"], field: "here/x.json"}))
    assert "'here/x.json' is no whole path" in found[field]


def test_whole_paths_and_their_bytes_are_taken() -> None:
    inputs = ["/media/a.mp4", "bytes:/media/b%FF.mp4", "/"]
    assert OPERATIONS["probe"].validate({"inputs": inputs}).inputs == tuple(inputs)


@pytest.mark.parametrize("field", ["only", "skip"])
@pytest.mark.parametrize(
    ("pattern", "words"), [("", "empty"), (" ", "empty"), ("[", "without its ]"), ("a[]", "without")]
)
def test_patterns_that_fit_nothing_are_refused(field: str, pattern: str, words: str) -> None:
    found = dict(problems(OPERATIONS["probe"], {"inputs": ["/media"], field: ["*.mp4", pattern]}))
    assert words in found[field]


def test_patterns_with_sets_are_taken() -> None:
    patterns = ("[ab]*.mp4", "[]]*", "[!x]?.mkv", "*sample*", "[[]x")
    assert OPERATIONS["probe"].validate({"inputs": ["/media"], "only": patterns}).only == patterns


@pytest.mark.parametrize(
    ("name", "values", "problem"),
    [
        ("concat", {}, ("output", "this is required")),
        ("thumbnail", {"size": 5}, ("size", "must be at least 16")),
        ("thumbnail", {"size": "big"}, ("size", "must be a whole number")),
        ("probe", {"depth": "deep"}, ("depth", "must be 'headers' or 'decoded'")),
        ("probe", {"depht": "headers"}, ("depht", "there is no such option")),
        ("probe", {"recursive": "perhaps"}, ("recursive", "must be yes or no")),
        ("probe", {"inputs": []}, ("inputs", "at least 1 must be given")),
        ("transcode", {"vmaf": 101}, ("vmaf", "must be at most 100")),
    ],
)
def test_problems_are_told_in_our_words(name: str, values: dict[str, Any], problem: tuple[str, str]) -> None:
    assert problem in problems(OPERATIONS[name], {"inputs": ["/media/a"], **values})


def test_a_message_of_our_own_comes_without_the_validators_words() -> None:
    (found,) = problems(OPERATIONS["download"], {"inputs": ["ftp://x"]})
    assert found[1].startswith("the address must begin with http")
