"""Reports of duplicates: the order, the sums, the bounds, and both formats."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from workers.media.twinreport import Group, Member, Rule, ordered, summary, write

OLD = Member("/long/path/old", 10, 1_000_000_000)
NEW = Member("/new", 10, 2_000_000_000, names=("/new too",))
LARGE = Member("/large/one", 90, 3_000_000_000, width=40, height=30, distance=2.0)


@pytest.mark.parametrize(
    ("rule", "first"), [("oldest", OLD), ("newest", LARGE), ("largest", LARGE), ("shortest_path", NEW)]
)
def test_the_rule_says_which_to_keep(rule: Rule, first: Member) -> None:
    assert ordered([NEW, LARGE, OLD], rule)[0] == first


def test_where_the_rule_does_not_decide_age_and_path_do() -> None:
    twin = Member("/a", 10, OLD.mtime_ns)
    assert [one.key for one in ordered([OLD, twin, NEW], "largest")] == ["/a", "/long/path/old", "/new"]


def test_sums() -> None:
    found = summary([Group("equal", (OLD, NEW), "ab"), Group("pictures", (LARGE, OLD))], [("/x", "cannot read /x")])
    assert (found["groups"], found["duplicates"], found["reclaimable_bytes"]) == (2, 2, 20)
    assert found["top"][0]["files"][0] == {"path": "/long/path/old", "size": 10, "modified": "1970-01-01T00:00:01Z"}
    assert found["top"][0]["files"][1]["other_names"] == 1
    assert (found["problems"], found["first_problems"]) == (1, [{"path": "/x", "why": "cannot read /x"}])


def test_the_summary_is_bounded() -> None:
    long = [Member("/" + "\x1b" * 4000 + str(number), 1, number) for number in range(200)]
    problems = [(member.key, "why" * 500) for member in long]
    for groups in ([Group("equal", tuple(long))] * 500, [Group("equal", tuple(long[:2]))] * 3):
        assert len(json.dumps(summary(groups, problems))) < 100_000


def test_json_holds_everything(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    write(
        path, "json", {"match": "exact"}, [Group("equal", (OLD, NEW), "ab"), Group("equal", (NEW, OLD))], [("k", "w")]
    )
    found = json.loads(path.read_text())
    assert found["match"] == "exact"
    assert found["problems"] == [{"path": "k", "why": "w"}]
    assert [group["keep"] for group in found["groups"]] == ["/long/path/old", "/new"]
    assert found["groups"][0]["files"][1]["other_names"] == ["/new too"]
    write(path, "json", {}, [], [])
    assert json.loads(path.read_text()) == {"problems": [], "groups": []}


def test_csv_holds_a_row_for_each_name(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    odd = Member('/with "quotes", commas\nand lines', 5, 0)
    write(path, "csv", {}, [Group("equal", (OLD, NEW, odd), "ab")], [])
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["path"], row["keep"], row["same_file_as"]) for row in rows] == [
        (OLD.key, "yes", ""),
        (NEW.key, "no", ""),
        ("/new too", "", NEW.key),
        (odd.key, "no", ""),
    ]
