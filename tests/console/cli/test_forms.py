from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Optional

import click
import pytest
from pydantic import Field

from console.cli.forms import (
    Kind,
    absolute,
    edited_values,
    inputs_of,
    kind_of,
    options_of,
    secret_fields,
    takes_many,
    values_of,
)
from workers.client import load_registry
from workers.errors import InvalidParams, UsageError
from workers.media.names import path_to_key
from workers.operations.contract import Operation, Params, Result


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Everything(Params):
    """A parameter of every kind."""

    inputs: tuple[str, ...]
    """What to work on."""
    name: str
    """A name that must be given."""
    count: int = Field(default=3, ge=1, le=9)
    """How many."""
    share: float | None = None
    """How much of it."""
    loud: bool = Field(default=True, json_schema_extra={"short": "l"})
    """Whether it is heard."""
    colour: Colour = Colour.RED
    """Which colour."""
    level: Literal["low", "high"] = Field(default="low", json_schema_extra={"advanced": True})
    """How high."""
    tags: list[str] = Field(default_factory=list)
    """Words for it."""
    folder: Path = Path("out")
    """Where to."""
    files: tuple[str, ...] = Field(default=(), json_schema_extra={"path": True})
    """More of it."""
    headers: dict[str, str] = Field(default_factory=dict)
    """Extra headers."""
    token: str = Field(default="", json_schema_extra={"secret": True})
    """Never shown."""


OPERATION = Operation(
    name="everything",
    title="Everything",
    summary="Everything at once.",
    queue="default",
    params=Everything,
    label=lambda params: params.name,
    run=lambda params, ctx: Result(),
)


def parsed(*arguments: str) -> dict[str, Any]:
    command = click.Command("x", params=list(options_of(OPERATION)), callback=lambda **given: given)
    given = command.main(list(arguments), standalone_mode=False)
    return values_of(OPERATION, given)


@pytest.mark.parametrize(
    ("annotation", "kind"),
    [
        (str, Kind()),
        (bool, Kind(switch=True)),
        (int | None, Kind(optional=True, word="INTEGER")),
        (Optional[Path], Kind(optional=True, word="PATH")),  # noqa: UP045 - the older spelling must be understood too
        (Annotated[float, Field(ge=0)], Kind(word="NUMBER")),
        (Literal["a", "b"], Kind(choices=("a", "b"))),
        (Colour, Kind(choices=("red", "blue"))),
        (tuple[Colour, ...], Kind(many=True, choices=("red", "blue"))),
        (Sequence[int], Kind(many=True, word="INTEGER")),
        (list[str] | None, Kind(many=True, optional=True)),
        (Mapping[str, str], Kind(many=True, pairs=True, word="KEY=VALUE")),
        (int | str, Kind(word="INTEGER|TEXT")),
    ],
)
def test_each_kind_of_field_is_known(annotation: Any, kind: Kind) -> None:
    assert kind_of(annotation) == kind


def test_what_was_not_given_keeps_its_default() -> None:
    assert parsed() == {}


def test_every_flag_becomes_its_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    values = parsed(
        *("--name", "n", "--count", "4", "--share", "0.5", "--no-loud", "--colour", "blue", "--level", "high"),
        *("--tags", "a", "--tags", "b", "--folder", "f", "--files", "g", "--headers", "A=b=c"),
    )
    checked = OPERATION.validate({**values, "inputs": ["x"]})
    assert checked == Everything(
        inputs=("x",), name="n", count=4, share=0.5, loud=False, colour=Colour.BLUE, level="high", tags=["a", "b"],
        folder=tmp_path / "f", files=(str(tmp_path / "g"),), headers={"A": "b=c"},
    )  # fmt: skip


def test_a_switch_goes_both_ways_and_has_its_letter() -> None:
    assert parsed("-l") == {"loud": True}
    assert parsed("--no-loud") == {"loud": False}


def test_a_pair_without_its_sign_is_told() -> None:
    with pytest.raises(InvalidParams) as caught:
        parsed("--headers", "oops")
    assert caught.value.problems == [("--headers", "'oops' is not KEY=VALUE")]


def test_help_says_bounds_defaults_and_what_repeats_but_no_secret() -> None:
    helps = {option.name: option.help or "" for option in options_of(OPERATION)}
    assert helps["count"] == "How many. [1 to 9; default: 3]"
    assert helps["name"] == "A name that must be given. [required]"
    assert helps["loud"] == "Whether it is heard. [default: on]"
    assert helps["colour"] == "Which colour. [default: red]"
    assert "repeatable" in helps["tags"]
    assert helps["token"] == "Never shown."


def test_paths_are_made_absolute_and_urls_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/somebody")
    assert absolute("a/../b.mp4") == str(tmp_path / "b.mp4")
    assert absolute("~/b.mp4") == "/home/somebody/b.mp4"
    assert absolute("") == ""
    assert absolute("Star:Wars.mkv") == str(tmp_path / "Star:Wars.mkv")
    assert absolute("https://example.org/../x") == "https://example.org/../x"


def test_a_name_that_is_no_utf8_has_the_same_key_as_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    name = os.fsdecode(b"caf\xe9 %.mp4")
    key = absolute(name)
    assert key == path_to_key(tmp_path / name)
    assert absolute(key) == key


def test_inputs_are_files_only_where_files_are_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    operations = {operation.name: operation for operation in load_registry()}
    assert inputs_of(operations["transcode"], ["a.mov"]) == [str(tmp_path / "a.mov")]
    assert inputs_of(operations["download"], ["a.mov"]) == ["a.mov"]


def test_one_job_for_many_inputs_only_where_one_can_take_them() -> None:
    operations = {operation.name: operation for operation in load_registry()}
    assert takes_many(operations["thumbnail"])
    assert takes_many(operations["concat"]), "one result of them all"
    assert not takes_many(operations["download"])
    assert not takes_many(OPERATION)


def test_edits_are_values_of_the_same_fields() -> None:
    assert edited_values(OPERATION, ["count=5", "--tags=a", "tags=b", "loud=false", "share="]) == {
        "count": "5", "tags": ["a", "b"], "loud": "false", "share": None,
    }  # fmt: skip


@pytest.mark.parametrize(("word", "said"), [("cuont=5", "did you mean count?"), ("count", "option=value")])
def test_a_wrong_edit_is_told(word: str, said: str) -> None:
    with pytest.raises(UsageError, match=said.replace("?", r"\?")):
        edited_values(OPERATION, [word])


def test_a_required_option_cannot_be_emptied() -> None:
    with pytest.raises(InvalidParams):
        edited_values(OPERATION, ["name="])


def test_secrets_are_known() -> None:
    assert secret_fields([OPERATION], "everything") == {"token"}
    assert secret_fields([OPERATION], "another") == set()
