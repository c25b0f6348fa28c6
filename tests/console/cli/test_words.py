from __future__ import annotations

from collections.abc import Callable

import click
import pytest

from console.cli.words import QueryCommand
from tests.console.cli.conftest import Ran
from workers.client import Client


@pytest.fixture
def command() -> QueryCommand:
    params: list[click.Parameter] = [
        click.Argument(["words"], nargs=-1),
        click.Option(["-y", "--yes"], is_flag=True),
        click.Option(["--sort"]),
    ]
    return QueryCommand("x", params=params, callback=lambda **given: given)


@pytest.mark.parametrize(
    ("args", "words", "yes", "sort"),
    [
        (["-state:failed", "holiday"], ("-state:failed", "holiday"), False, None),
        (["holiday", "-y", "-site:a.org"], ("holiday", "-site:a.org"), True, None),
        (["--sort", "-id", "-x1", "--yes"], ("-x1",), True, "-id"),
        (["--sort=-id", "--", "-y"], ("-y",), False, "-id"),
    ],
)
def test_words_that_exclude_are_no_options(
    command: QueryCommand, args: list[str], words: tuple[str, ...], yes: bool, sort: str | None
) -> None:
    given = command.main(args, standalone_mode=False)
    assert given == {"words": words, "yes": yes, "sort": sort}


def test_an_unknown_option_is_still_told(spool: Callable[..., Ran], client: Client) -> None:
    ran = spool("jobs", "--jsn")
    assert ran.code == 2
    assert "--json" in ran.err
