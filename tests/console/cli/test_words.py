from __future__ import annotations

import re
from collections.abc import Callable

import click
import pytest

from console.cli.words import QueryCommand
from tests.console.cli.conftest import Ran
from workers.client import Client
from workers.query import KEYS


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


@pytest.mark.parametrize("verb", ["cancel", "pause", "wait", "priority", "schedule"])
def test_help_says_what_an_id_and_a_query_are(spool: Callable[..., Ran], verb: str) -> None:
    told = " ".join(spool(verb, "--help").out.split())
    assert "or a range such as 12-20. QUERY is words such as state:failed" in told


def test_the_words_of_a_query_that_help_lists_are_all_there_are(spool: Callable[..., Ran]) -> None:
    told = " ".join(spool("jobs", "--help").out.split())
    listed = re.sub(r" \(.*?\)", "", told.partition("Known are ")[2].partition(";")[0])
    plain = set(KEYS) - {"age"}  # which needs < or >; older and newer do not
    assert {word.strip() for word in listed.replace(" and ", ",").split(",")} == plain
