from __future__ import annotations

from collections.abc import Callable

from tests.console.cli.conftest import Ran
from workers.client import Client, login_name
from workers.errors import UsageError
from workers.store.audit import note_order
from workers.store.database import transaction

URL = "http://127.0.0.1:9/x.mp4"


def test_orders_with_who_and_when(spool: Callable[..., Ran], client: Client) -> None:
    client.submit("download", {"inputs": [URL]}, by="ada")
    client.submit("download", {"inputs": [URL]}, by="bob")
    client.cancel([1], by="bob")
    client.set_slots("video", 2, by="bob")
    client.remove([1], by="ada")
    spool("cache", "clear", "--yes")
    orders = [(one["by"], one["order"], one["id"]) for one in spool("audit", "--json").objects]
    assert ("bob", "submitted", 2) in orders and ("ada", "removed", 0) in orders
    assert orders[-1] == (login_name(), "cache cleared", 0)
    assert [one for one in orders if one[0] == "bob"][-1][1] == "slots set"
    bobs = spool("audit", "--by", "bob", "--json").objects
    assert {one["by"] for one in bobs} == {"bob"}
    assert all(one["at"].endswith("Z") for one in bobs)
    assert "bob" in spool("audit", "--by", "bob").lines[0]


def test_since(spool: Callable[..., Ran], client: Client) -> None:
    client.submit("download", {"inputs": [URL]})
    assert len(spool("audit", "--since", "1h").lines) == 1
    assert spool("audit", "--since", "2001-01-01T00:00:00Z", "--json").objects
    assert spool("audit", "--since", "00:00").code == 0
    for wrong in ("2999-01-01T00:00:00Z", "yesterday", "1h2"):
        ran = spool("audit", "--since", wrong)
        assert ran.code == UsageError.exit_code and wrong in ran.err
    ran = spool("audit", "--by", "nobody")
    assert (ran.code, ran.out, ran.err) == (0, "", "no order was found\n")


def test_many_orders_come_whole(spool: Callable[..., Ran], client: Client) -> None:
    with transaction(client._db):
        for number in range(1200):
            note_order(client._db, "cache cleared", "ada", str(number))
    orders = spool("audit", "--json").objects
    revisions = [one["revision"] for one in orders]
    assert [one["reason"] for one in orders] == [str(number) for number in range(1200)] and revisions == sorted(
        revisions
    )


def test_what_the_worker_does_by_itself_is_no_order(spool: Callable[..., Ran], client: Client) -> None:
    client.submit("download", {"inputs": [URL]}, by="ada")
    client.cancel([1], by="worker")
    assert [one["by"] for one in spool("audit", "--json").objects] == ["ada"]
