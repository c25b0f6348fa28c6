"""Hostile text in every place that strangers can write to, through every verb, as text and as JSON."""

from __future__ import annotations

import contextlib
import io
import json
import os
from pathlib import Path

import click
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from peewee import TextField

from console.cli.guard import guarded
from console.cli.root import VERBS, spool
from tests.support.context import PlainContext
from tests.support.untrusted import PAYLOADS, harm_in, storable, texts
from workers.client import open_client
from workers.config import load_settings
from workers.jobs import Outcome
from workers.operations import trash
from workers.store.tables import TABLES

OURS = {
    "state", "queue", "wish", "key", "outcome", "error_class", "move", "before", "after", "operation", "params",
    "outputs", "detail", "progress", "figures", "report", "failure", "staging", "published", "operations", "boot_id",
    "submission_key", "host", "version",
}  # fmt: skip
"""Columns that hold a word of ours, or JSON of which the strings are spoilt below."""
ENDLESS = {"worker", "demo"}  # with no further word they would begin to work
ARGUMENTS: tuple[list[str], ...] = ([], ["1"], ["2", "--yes"], ["--help"])


def _spoil(home: Path, hostile: list[str], folder: Path) -> None:
    """A home in which whatever can be strange is: inputs, batches, users, errors, items, logs, replaced files."""
    client = open_client(load_settings())
    turn = iter(hostile * 1000)
    for _ in range(3):
        inputs = [str(folder / next(turn).replace("\0", "").replace("/", "_")[:50]) for _ in range(2)]
        with contextlib.suppress(Exception):  # some of them are refused, as they should be
            client.submit("probe", {"inputs": inputs}, batch="spoilt below", by=next(turn))
        client.submit("download", {"inputs": ["http://127.0.0.1:9/x"]}, hold=True, by=next(turn))
    db = client._db
    for table in TABLES:
        for field in table._meta.sorted_fields:
            if isinstance(field, TextField) and field.name not in OURS and not field.primary_key:
                name = table._meta.table_name
                with contextlib.suppress(Exception):  # unique, or a key of another table
                    db.execute_sql(f'UPDATE "{name}" SET "{field.column_name}" = ?', (storable(next(turn)),))
    first, second, *_ = [job.id for job in client.jobs(sort="id")]
    values = (json.dumps([next(turn)]), json.dumps({next(turn)[:9]: next(turn)}), second)
    db.execute_sql("UPDATE job SET state = 'failed', outputs = ?, detail = ? WHERE id = ?", values)
    row = (first, storable(next(turn)), Outcome.FAILED.value, storable(next(turn)))
    with contextlib.suppress(Exception):
        db.execute_sql("INSERT INTO item (job_id, key, outcome, error_message) VALUES (?, ?, ?, ?)", row)
    for job_id in (first, second):
        with load_settings().paths.job_log(job_id).open("wb") as log:
            log.writelines(text.encode("utf-8", "surrogatepass") + b"\xff\n" for text in hostile)
    client.close()
    _replace(home, folder, hostile)


def _replace(home: Path, folder: Path, hostile: list[str]) -> None:
    for number, text in enumerate(hostile[:3]):
        name = text.replace("\0", "").replace("/", "_").encode("utf-8", "surrogatepass")[:60] or b"x"
        source = folder / f"{number}{os.fsdecode(name)}.avi"
        source.write_bytes(b"old")
        (folder / "staged").write_bytes(b"new")
        ctx = PlainContext(folder / "job", {"state_dir": str(home / "state")}, job_id=1 + number % 2)
        trash.replace(ctx, folder / "staged", trash.look(source), source)


def _interrupted(seconds: float) -> None:
    raise KeyboardInterrupt  # whoever would wait is told to end


def _said(words: list[str]) -> str:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        guarded(words)
    if "--json" in words:
        for line in out.getvalue().splitlines():
            assert isinstance(json.loads(line), dict), words
            assert line.isascii(), words
    return out.getvalue() + err.getvalue()


def _check(words: list[str]) -> str:
    said = _said(words)
    for line in said.split("\n"):
        assert not harm_in(line), (words, harm_in(line), line)
    return said


def _commands(hostile: list[str]) -> list[list[str]]:
    """Every verb and operation with words that fit some of them, and with those of the stranger."""
    operations = [name for name in spool.list_commands(click.Context(spool)) if name not in VERBS]
    found = []
    strange = [text.replace("\0", "").encode("utf-8", "replace").decode()[:200] for text in hostile[:2]]
    for verb in [*VERBS, *operations]:
        for words in (*ARGUMENTS, strange[:1], [f"--{strange[-1]}"]):
            if verb in operations and words not in (["--help"], strange[:1]):
                continue
            if verb in ENDLESS and not words:
                continue
            found += [[verb, *words]] if words == ["--help"] else [[verb, *words, "--json"], [verb, *words]]
    return found


@settings(max_examples=1, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(texts, min_size=5, max_size=12))
@example(list(PAYLOADS))
def test_no_verb_lets_it_pass(tmp_path_factory: pytest.TempPathFactory, hostile: list[str]) -> None:
    folder = tmp_path_factory.mktemp("strange")
    home = folder / "home"
    home.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("SPOOL_")]:
            patch.delenv(name)
        patch.setenv("SPOOL_HOME", str(home))
        patch.chdir(folder)
        patch.setattr("workers.launch.start_worker", lambda settings, slow=None: False)
        patch.setattr("workers.client.start_worker", lambda settings, slow=None: False)
        _spoil(home, hostile, folder)
        patch.setattr("time.sleep", _interrupted)
        said = [(words[0], _check(words)) for words in _commands(hostile)]
    if hostile == list(PAYLOADS):
        shown = {verb for verb, text in said if "clipboard" in text or "by C1" in text}
        assert shown >= {"jobs", "show", "log", "events", "audit", "trash", "undo", "batch", "probe"}, shown
