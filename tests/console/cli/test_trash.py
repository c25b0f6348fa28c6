from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.console.cli.conftest import Ran
from tests.support.context import PlainContext
from workers.operations import trash
from workers.trash import FOLDER


@pytest.fixture
def film(home: Path, tmp_path: Path) -> Path:
    """A film that a job replaced by one of the same name."""
    source = tmp_path / "film.mkv"
    source.write_bytes(b"old")
    staged = tmp_path / "staged"
    staged.write_bytes(b"new one")
    ctx = PlainContext(tmp_path / "job", {"state_dir": str(home / "state")}, job_id=7)
    trash.replace(ctx, staged, trash.look(source), source)
    return source


def test_list_restore_and_back_again(spool: Callable[..., Ran], film: Path) -> None:
    (line,) = spool("trash").lines
    assert line.endswith(str(film))
    (told,) = spool("trash", "list", "--json").objects
    assert (told["path"], told["job"], told["size"], told["settled"]) == (str(film), 7, 3, True)
    ran = spool("trash", "restore", told["id"])
    assert (ran.code, ran.out) == (0, f"{told['id']}: back at {film}\n")
    assert film.read_bytes() == b"old"
    (turned,) = spool("trash", "--json").objects
    assert turned["size"] == 7, "what took its place is in the trash now"


def test_emptying_asks(spool: Callable[..., Ran], film: Path) -> None:
    ran = spool("trash", "empty")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "spool: empty of 1 file needs --yes where nobody can be asked; nothing was removed\n"
    assert (film.parent / FOLDER).is_dir()
    ran = spool("trash", "empty", "--yes", "--json")
    assert ran.code == 0 and ran.objects[0]["message"] == "removed, 3 bytes"
    assert not (film.parent / FOLDER).exists() and film.read_bytes() == b"new one"
    assert spool("trash", "empty").err == "the trash is empty\n"


def test_what_a_job_is_putting_there_is_left(spool: Callable[..., Ran], film: Path) -> None:
    (told,) = spool("trash", "--json").objects
    record = film.parent / FOLDER / f"{told['id']}.json"
    values = json.loads(record.read_text())
    record.write_text(json.dumps({**values, "done": False}))  # as it is before the files have moved
    ran = spool("trash", "empty", "--yes")
    assert ran.code == 0 and "while jobs put 1 of its files there" in ran.err
    assert record.exists()
    record.write_text(json.dumps({**values, "done": False, "at_ms": 1}))
    assert spool("trash", "empty", "--yes").code == 0
    assert not record.exists()


def test_wrong_words(spool: Callable[..., Ran], film: Path) -> None:
    assert spool("trash", "burn").code == 2
    assert spool("trash", "restore").code == 2
    ran = spool("trash", "restore", "nonsense")
    assert ran.code == 2 and "no such file in the trash" in ran.err


def test_what_cannot_be_put_back_is_told(spool: Callable[..., Ran], film: Path) -> None:
    (told,) = spool("trash", "--json").objects
    film.write_bytes(b"edited since")
    ran = spool("trash", "restore", told["id"])
    assert ran.code == 1 and "another file has its name now" in ran.err
    assert film.read_bytes() == b"edited since"


def test_a_file_that_changed_in_the_trash_is_left(spool: Callable[..., Ran], film: Path) -> None:
    (told,) = spool("trash", "--json").objects
    kept = Path(told["kept"])
    kept.write_bytes(b"put here by somebody")
    ran = spool("trash", "empty", "--yes")
    assert ran.code == 1 and "not the file that was put there" in ran.err
    assert kept.read_bytes() == b"put here by somebody"
