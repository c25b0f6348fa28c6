"""What duplicates are told as: groups with a file to keep, sums, and a report as JSON or CSV. Nothing is deleted."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from workers.text import clean

Rule = Literal["oldest", "newest", "largest", "shortest_path"]
Kind = Literal["equal", "pictures", "films"]
TOP_GROUPS, TOP_FILES, TOP_PROBLEMS = 40, 10, 20  # that a summary shows
_ROOM = 60_000  # characters of paths in a summary


@dataclass(frozen=True, slots=True)
class Member:
    """One file of a group."""

    key: str
    size: int  # bytes
    mtime_ns: int
    names: tuple[str, ...] = ()  # other names of the same file, which take no room
    width: int = 0  # pixels; 0 where only the content was compared
    height: int = 0
    distance: float = 0.0  # bits by which it differs from the one to keep

    def facts(self) -> dict[str, Any]:
        """As JSON."""
        made: dict[str, Any] = {"path": self.key, "size": self.size, "modified": _time(self.mtime_ns)}
        if self.width:
            made |= {"width": self.width, "height": self.height, "distance": round(self.distance, 2)}
        return made | ({"other_names": list(self.names)} if self.names else {})


@dataclass(frozen=True, slots=True)
class Group:
    """Files that are equal or look alike; the first is the one that the rule suggests to keep."""

    kind: Kind
    members: tuple[Member, ...]
    digest: str = ""  # of their content, where that is equal

    @property
    def reclaimable(self) -> int:
        """Bytes that the members beside the first take."""
        return sum(member.size for member in self.members[1:])


def ordered(members: Iterable[Member], rule: Rule) -> tuple[Member, ...]:
    """`members`, the one to keep first: by `rule`, and where that does not decide, by age and path."""
    first: Mapping[Rule, Callable[[Member], tuple[int, ...]]] = {
        "oldest": lambda member: (member.mtime_ns,),
        "newest": lambda member: (-member.mtime_ns,),
        "largest": lambda member: (-member.width * member.height, -member.size),
        "shortest_path": lambda member: (len(member.key),),
    }
    key = first[rule]
    return tuple(sorted(members, key=lambda member: (*key(member), member.mtime_ns, member.key)))


def summary(groups: Sequence[Group], problems: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Sums over all groups, the ones that cost most, and the first problems: bounded, however much was found.

    `groups` are in the order of `reclaimable`, the most first.
    """
    room = _ROOM
    top: list[dict[str, Any]] = []
    for group in groups[:TOP_GROUPS]:
        shown = [member.facts() for member in group.members[:TOP_FILES]]
        for facts in shown:
            facts["path"] = clean(facts["path"])
            if "other_names" in facts:
                facts["other_names"] = len(facts["other_names"])
        room -= sum(len(facts["path"]) + 100 for facts in shown)
        if room < 0:
            break
        top.append({**_head(group), "files": shown, "more": len(group.members) - len(shown)})
    return {
        "groups": len(groups),
        "duplicates": sum(len(group.members) - 1 for group in groups),
        "reclaimable_bytes": sum(group.reclaimable for group in groups),
        "top": top,
        "problems": len(problems),
        "first_problems": [{"path": clean(key)[:300], "why": why[:300]} for key, why in problems[:TOP_PROBLEMS]],
    }


def _head(group: Group) -> dict[str, Any]:
    head: dict[str, Any] = {"kind": group.kind, "reclaimable_bytes": group.reclaimable}
    return head | ({"digest": group.digest} if group.digest else {})


def write(
    path: Path, format: Literal["json", "csv"], facts: Mapping[str, Any], groups: Sequence[Group],
    problems: Sequence[tuple[str, str]],
) -> None:  # fmt: skip
    """Write all of it to `path`, group by group; OSError when the disk refuses.

    Paths are told as Spool tells them elsewhere: as they are, or as `bytes:` with percent signs where they are no
    valid text. In CSV each file is a row, with the number of its group and whether to keep it.
    """
    with open(path, "w", encoding="utf-8", newline="") as file:
        if format == "csv":
            rows = csv.writer(file)
            rows.writerow(["group", "kind", "keep", "path", "size", "modified", "distance", "digest", "same_file_as"])
            for number, group in enumerate(groups, 1):
                for place, member in enumerate(group.members):
                    known = (member.size, _time(member.mtime_ns), round(member.distance, 2), group.digest)
                    rows.writerow([number, group.kind, "yes" if place == 0 else "no", _cell(member.key), *known, ""])
                    for name in member.names:
                        rows.writerow([number, group.kind, "", _cell(name), 0, *known[1:], _cell(member.key)])
            return
        head = json.dumps({**facts, "problems": [{"path": key, "why": why} for key, why in problems]}, indent=1)
        file.write(head.removesuffix("\n}") + ',\n "groups": [')
        for number, group in enumerate(groups):
            whole = {**_head(group), "keep": group.members[0].key, "files": [one.facts() for one in group.members]}
            file.write(("," if number else "") + "\n  " + json.dumps(whole))
        file.write("\n ]\n}\n")


def _cell(text: str) -> str:
    """A path as a cell that no spreadsheet takes for a formula: absolute ones begin with a slash."""
    return text if text.startswith(("/", "bytes:")) else f"./{text}"


def _time(mtime_ns: int) -> str:
    try:
        when = datetime.fromtimestamp(mtime_ns / 1e9, UTC)
    except (OverflowError, OSError, ValueError):
        return ""  # a year that no calendar has
    return when.isoformat(timespec="seconds").replace("+00:00", "Z")
