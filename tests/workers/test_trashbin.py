from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from workers import trash
from workers.errors import UsageError
from workers.trash import Entry
from workers.trashbin import TrashBin


def thrown(home: Path, name: str, id: str = "") -> Entry:
    """A file in the trash, its successor in its place; `id` instead of one of its own."""
    source, staged = home / name, home / f"{name}.new"
    source.write_text("old")
    staged.write_text("new")
    entry = trash.new_entry(source, source, staged, job_id=1, keep_days=9)
    entry = replace(entry, id=id or entry.id)
    trash.write(entry, home)
    source.rename(entry.kept)
    staged.rename(source)
    entry = replace(entry, done=True)
    trash.write(entry, home)
    return entry


def test_a_few_letters_of_an_id_name_one_of_many_files(tmp_path: Path) -> None:
    """Files that one job replaces within a moment have ids that differ at once."""
    made = [thrown(tmp_path, f"film-{number}.mkv") for number in range(12)]
    bin = TrashBin(tmp_path, 9)
    assert len({entry.id[:8] for entry in made}) == len(made)
    for entry in made:
        assert [found.id for found in bin.chosen([entry.id[:8]])] == [entry.id]
        assert entry.id[8] == "-" and entry.id[:8] not in entry.id[9:]


def test_ids_of_before_are_found_by_either_part(tmp_path: Path) -> None:
    old = thrown(tmp_path, "old.mkv", "19a2b3c4d5e-00ff1122")
    other = thrown(tmp_path, "other.mkv", "19a2b3c4d5e-77aa8899")
    bin = TrashBin(tmp_path, 9)
    assert bin.chosen(["19a2b3c4d5e-00", "77aa"]) == [old, other]
    assert bin.chosen([old.id]) == [old]
    (done,) = bin.restore([old])
    assert done.ok and (tmp_path / "old.mkv").read_text() == "old"


def test_what_may_mean_several_names_them(tmp_path: Path) -> None:
    for number in range(7):
        thrown(tmp_path, f"film-{number}.mkv", f"aaaa000{number}-19a2b3c4d5e")
    bin = TrashBin(tmp_path, 9)
    with pytest.raises(UsageError) as refused:
        bin.chosen(["aaaa"])
    said = str(refused.value)
    assert "'aaaa' may be any of 7 files: " in said and "aaaa0006-19a2b3c4d5e (film-6.mkv)" in said
    assert said.endswith(" and 2 more; write more of the id")
    for wrong in ("", "bbbb"):
        with pytest.raises(UsageError, match="no such file in the trash; `spool trash` lists them"):
            bin.chosen([wrong])
