"""`--read-only` leaves no trace in a home: every verb, and the console, with the files as a worker may leave them."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from console.app import SpoolApp
from console.cli.guard import guarded
from console.cli.looking import LOOKING
from console.cli.root import VERBS
from console.keys import ACTIONS
from tests.console.conftest import shows, until
from tests.support.home import ROOT, Home, opened
from workers.client import open_client
from workers.config import load_settings
from workers.errors import ReadOnlyError, StoreError
from workers.jobs import State

MOST = {
    "jobs": ["state:succeeded"],
    "show": ["1"],
    "why": ["2"],
    "log": ["1"],
    "wait": ["1"],
    "events": [],
    "backup": ["list"],
    "batch": ["list"],
    "site": [],
    "doctor": ["--full"],
    "undo": ["1", "--plan"],
}


def _traces(home: Home) -> dict[str, tuple[int, int, str]]:
    """Every file and folder of the home: mode, time of change, and what a file holds."""
    found = {}
    for folder, _, names in os.walk(home.root):
        for path in (Path(folder), *(Path(folder) / name for name in names)):
            facts = os.lstat(path)
            content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
            found[str(path)] = (facts.st_mode, facts.st_mtime_ns, content)
    return found


def _submit_elsewhere(home: Home, *calls: str) -> None:
    """Submit jobs from a process of its own: SQLite shares within a process what its connections hold and may do."""
    script = "from workers.client import *; from workers.config import *; import sys; "
    script += "submit = open_client(load_settings(), sys.argv[1]).submit; " + "; ".join(calls)
    subprocess.run([sys.executable, "-c", script, home.registry], env=home.environment(), cwd=ROOT, check=True)


@pytest.fixture(scope="module", params=["stop", "kill", "freeze"])
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home with an ended and a held job, whose worker has ended, was killed, or does not move.

    All tests share it: that nothing in it changes is what they prove.
    """
    with opened(tmp_path_factory.mktemp("watched") / "home") as home:
        worker = home.start()
        _submit_elsewhere(home, "submit('print', {'out': 'said'})", "submit('noop', {}, hold=True)")
        home.wait_final(1)
        home.client.close()
        home._clients.clear()
        if request.param == "freeze":
            worker.signal(signal.SIGSTOP)
        else:
            getattr(worker, request.param)()
        yield home


@pytest.fixture
def watched(shared: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """The shared home as that of this process, which may only watch."""
    monkeypatch.setenv("SPOOL_HOME", str(shared.root))
    monkeypatch.setenv("SPOOL_READ_ONLY", "1")
    return shared


def test_every_verb_leaves_no_trace(watched: Home, capfd: pytest.CaptureFixture[str]) -> None:
    before = _traces(watched)
    for verb in VERBS:
        for more in (["--json"], []):
            code = guarded([verb, *MOST.get(verb, []), *more])
            out, err = capfd.readouterr()
            if verb not in LOOKING:
                assert (code, out) == (2, "") and "read only" in err, (verb, err)
            elif verb == "undo":
                assert (code, out) == (2, "") and "nothing in the trash" in err
            elif verb != "doctor":
                assert code == 0, (verb, err)
            assert _traces(watched) == before, verb


@pytest.mark.parametrize(
    "words",
    [
        ["queue", "pause"],
        ["queue", "slots", "3", "video"],
        ["cache", "clear", "--yes"],
        ["cache", "verify"],
        ["cache", "warm", "/"],
        ["probe", "/x"],
        ["--read-only", "cancel", "2"],
    ],
    ids=" ".join,
)
def test_orders_are_refused(words: list[str], watched: Home, capfd: pytest.CaptureFixture[str]) -> None:
    before = _traces(watched)
    assert guarded(words) == 2
    assert "read only" in capfd.readouterr().err
    assert _traces(watched) == before


def test_every_order_of_the_front_door_is_refused(watched: Home) -> None:
    before = _traces(watched)
    client = open_client(load_settings(), watched.registry)
    asked: dict[str, Callable[[], object]] = {
        "submit": lambda: client.submit("noop", {}),
        "edit": lambda: client.edit(2, {}),
        "pause_queue": lambda: client.pause_queue(None),
        "resume_queue": lambda: client.resume_queue("video"),
        "set_slots": lambda: client.set_slots("video", 2),
        "empty the trash": lambda: client.trash.remove([]),
        "put back": lambda: client.trash.restore([]),
    }
    for name in ("cancel", "pause", "resume", "hold", "unhold", "retry", "remove", "move_first", "move_up"):
        asked[name] = partial(getattr(client, name), [1, 2])
    for name, order in asked.items():
        with pytest.raises(ReadOnlyError):
            order()
            raise AssertionError(f"{name} was not refused")
    assert _traces(watched) == before
    assert client.job(2).hold and client.job(1).state is State.SUCCEEDED


async def test_the_console_shows_and_changes_nothing(watched: Home) -> None:
    """What the acting keys do is refused at once; not even a question comes of it."""
    before = _traces(watched)
    app = SpoolApp(load_settings())
    async with app.run_test(size=(120, 30), notifications=True) as pilot:
        await until(pilot, lambda: app.feed.figures.worker is not None)
        await shows(pilot, "read only")
        await shows(pilot, "noop")
        for action in ACTIONS:
            if action.acts and action.where in ("everywhere", "jobs", "jobs,job"):
                await app.run_action(action.name, default_namespace=app.screen)
                await pilot.pause()
                if action.id == "queues":  # a dialog that also shows; its keys are refused in their turn
                    await pilot.press("plus", "P", "escape")
                assert len(app.screen_stack) == 1, f"{action.id} asks as if it could be done"
        for mode in ("health", "events"):
            await app.action_mode(mode)
            await shows(pilot, "read only")
        assert not app.starter.started
    assert _traces(watched) == before


async def test_a_console_that_watches_sees_a_worker_come_and_go(home: Home) -> None:
    home.start().stop()
    home.client.close()
    home._clients.clear()
    app = SpoolApp(home.settings.model_copy(update={"read_only": True}))
    async with app.run_test(size=(120, 30)) as pilot:
        await shows(pilot, "no worker")
        worker = home.start()
        await shows(pilot, "worker ok")
        _submit_elsewhere(home, "submit('probe', {'inputs': ['/nothing/here']})")
        await shows(pilot, "nothing/here")
        worker.stop()
        await shows(pilot, "no worker")


def test_a_home_without_jobs_is_told_and_stays_empty(home: Home) -> None:
    before = _traces(home)
    with pytest.raises(StoreError, match="nothing to watch"):
        open_client(home.settings.model_copy(update={"read_only": True}))
    assert _traces(home) == before


def test_no_worker_is_started_or_run(home: Home) -> None:
    (home.root / "config.toml").write_text("read_only = true\n")
    worker = home.spawn()
    assert worker.wait() == 2 and "read only" in worker.answer
    assert not home.settings.paths.database.exists()


def test_questions_see_what_a_writer_adds(home: Home) -> None:
    """A watcher that began without any writer follows one that comes in another process."""
    home.start().stop()
    home.client.close()
    home._clients.clear()
    watcher = open_client(home.settings.model_copy(update={"read_only": True}), home.registry)
    revision = watcher.revision()
    home.start()
    _submit_elsewhere(home, "submit('probe', {'inputs': ['/nothing/here']})")
    assert watcher.revision() > revision and watcher.jobs()
