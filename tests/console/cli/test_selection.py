from __future__ import annotations

import pytest

from console.cli.selection import as_query, one_id, select
from workers.client import Client
from workers.errors import UsageError


@pytest.fixture
def three(client: Client) -> Client:
    for number in range(3):
        client.submit("download", {"inputs": [f"http://127.0.0.1:9/{number}.mp4"]}, hold=number == 1)
    return client


def test_ids_and_ranges_name_jobs(three: Client) -> None:
    chosen = select(three, ["2", "1-2", "7"])
    assert chosen.ids == (2, 1, 7)
    assert not chosen.by_query


def test_a_range_leaves_out_what_is_gone(three: Client) -> None:
    three.cancel([2])
    three.remove([2])
    assert select(three, ["1-99"]).ids == (1, 3)


def test_a_query_finds_jobs(three: Client) -> None:
    chosen = select(three, ["queue:downloads", "-id:2"])
    assert set(chosen.ids) == {1, 3}
    assert chosen.by_query


@pytest.mark.parametrize("words", [[], ["1", "state:failed"], ["3-1"], ["1-999999999"], ["stat:failed"], ["state:x"]])
def test_what_cannot_be_meant_is_refused(three: Client, words: list[str]) -> None:
    with pytest.raises(UsageError):
        select(three, words)


@pytest.mark.parametrize("word", ["x", "", "-1", "1-2", "٣", "1" * 16])
def test_what_is_no_id_is_refused(word: str) -> None:
    with pytest.raises(UsageError):
        one_id(word)


def test_a_word_with_a_blank_stays_one_word() -> None:
    assert as_query(["state:failed", "summer holiday"]) == 'state:failed "summer holiday"'


def test_ids_with_commas(client: Client) -> None:
    ids = [client.submit("download", {"inputs": [f"http://127.0.0.1:9/{n}"]}).id for n in range(4)]
    assert select(client, ["1,3-4,"]).ids == (1, 3, 4)
    assert select(client, ["2,1"]).ids == (2, 1) and len(ids) == 4


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["queue:downloads", "age"], "'age' has no value: write older:2d or newer:1h; a shell takes < and >"),
        (["-id", "queue:downloads"], "'id' has no value: write id:12, id:100-"),
        (["batch"], "'batch' has no value: write batch:VALUE; "),
    ],
)
def test_what_a_shell_leaves_of_a_comparison_is_refused(three: Client, words: list[str], meant: str) -> None:
    with pytest.raises(UsageError) as refused:
        select(three, words)
    assert meant in str(refused.value)
    assert not select(three, ['"age"']).ids  # in quotes it is a word like any other


@pytest.mark.parametrize("words", [[" "], ["", "  "], ["\t", "\n"], ['""'], ['-" " ""']])
def test_blanks_alone_are_no_query(three: Client, words: list[str]) -> None:
    three.submit("hash", {"inputs": ["/nowhere/a film.mp4"]})
    with pytest.raises(UsageError, match="which jobs"):
        select(three, words)
    assert set(select(three, [" ", "id:1-2"]).ids) == {1, 2}
