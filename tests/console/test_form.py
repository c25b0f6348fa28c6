"""Forms derived from operations: fields, values, problems; and the way from a paste to submitted jobs."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field
from textual import events
from textual.widgets import Input, TextArea

from console.form import absent, fields_of, problems_by_field, value_of, values_of
from console.screens.confirm import ConfirmScreen
from console.screens.form import FormScreen
from console.screens.jobs import JobsScreen
from console.widgets.controls import Choice
from tests.console.conftest import Open, screen_text, shows, until
from tests.support.fake_client import DOWNLOAD, TRANSCODE, FakeStore, make_jobs
from workers.errors import InvalidParams
from workers.jobs import Priority, State
from workers.operations.contract import Operation, Params
from workers.operations.registry import REGISTRY


class EveryKind(Params):
    """All kinds of fields."""

    inputs: tuple[str, ...] = Field(min_length=1)
    """Inputs."""
    number: int = 5
    """A number."""
    ratio: float | None = None
    """Maybe a ratio."""
    folder: Path = Path("/tmp")
    """A folder."""
    tags: list[str] = Field(default_factory=list)
    """Tags."""
    pairs: dict[str, str] = Field(default_factory=dict)
    """Pairs."""
    switch: bool = False
    """A switch."""
    word: str = "hello"
    """A word that may be emptied."""


EVERY: Operation[Any] = Operation(
    name="every",
    title="Every",
    summary="",
    queue="default",
    params=EveryKind,
    label=lambda params: "x",
    run=lambda p, c: None,  # type: ignore[arg-type,return-value]
)


def texts(operation: Operation[Any], **given: str) -> dict[str, str]:
    return {field.name: given.get(field.name, field.start) for field in fields_of(operation)}


def test_every_kind_of_field() -> None:
    fields = fields_of(EVERY)
    values = values_of(
        fields,
        texts(
            EVERY,
            inputs="a\n b \n\n",
            number="7",
            ratio="0.5",
            folder="/media",
            tags="x\ny",
            pairs="k=v\nq = r",
            switch="yes",
            word="",
        ),
    )
    assert values == {
        "inputs": ["a", "b"], "number": "7", "ratio": "0.5", "folder": "/media", "tags": ["x", "y"],
        "pairs": {"k": "v", "q": "r"}, "switch": True,
    }  # fmt: skip
    params = EVERY.validate(values)
    assert params.number == 7 and params.ratio == 0.5 and params.folder == Path("/media") and params.switch is True


def test_untouched_fields_are_left_to_the_operation() -> None:
    assert values_of(fields_of(TRANSCODE), texts(TRANSCODE, inputs="/a.mov")) == {"inputs": ["/a.mov"]}


# What people must say beside the inputs, because nothing can be guessed.
NEEDED = {
    "trim": {"start": "1:30"},
    "concat": {"output": "/media/whole.mp4"},
    "convert-image": {"format": "webp"},
}


@pytest.mark.parametrize("operation", REGISTRY, ids=lambda operation: operation.name)
def test_every_real_operation_has_a_form_that_validates(operation: Operation[Any], tmp_path: Path) -> None:
    start = "https://a.example/film" if operation.name == "download" else str(tmp_path)
    needed = {"inputs": [start], **NEEDED.get(operation.name, {})}
    fields = fields_of(operation, {"inputs": [start]})
    assert {field.name for field in fields} == set(operation.params.model_fields)
    assert all(field.help for field in fields)
    assert not fields[0].advanced
    typed = {field.name: field.start for field in fields} | NEEDED.get(operation.name, {})
    params = operation.validate(values_of(fields, typed))
    assert tuple(params.inputs) == (start,)
    assert params.model_dump() == operation.validate(needed).model_dump()


def test_the_first_page_of_the_download_is_named_for_people() -> None:
    (download,) = [operation for operation in REGISTRY if operation.name == "download"]
    words = {field.name: field.words for field in fields_of(download) if not field.advanced}
    assert words["inputs"] == "URLs" and words["quality"] == "Quality" and words["output"] == "Folder"


def test_problems_come_under_their_fields() -> None:
    fields = fields_of(TRANSCODE)
    with pytest.raises(InvalidParams) as caught:
        TRANSCODE.validate({"inputs": [], "height": "tall", "speed": -1})
    by_field, rest = problems_by_field(caught.value, fields)
    assert set(by_field) == {"inputs", "height", "speed"} and rest == ""


def test_absent_paths(tmp_path: Path) -> None:
    gone = str(tmp_path / "gone.mov")
    fields = fields_of(TRANSCODE)
    assert absent(fields, {"inputs": [str(tmp_path), gone]}) == {"inputs": [gone]}
    assert absent(fields_of(DOWNLOAD), {"inputs": ["https://a.example"]}) == {}
    assert value_of(fields[0], "~/x")[0].startswith("/")


async def test_add_lists_operations_then_submits(open_console: Open, tmp_path: Path) -> None:
    (tmp_path / "a.mov").touch()
    store = FakeStore(make_jobs(3))
    async with open_console(store) as (app, pilot):
        await shows(pilot, "clip-000003")
        await pilot.press("A")
        await shows(pilot, "Convert films and sound by presets")
        await pilot.press("down", "enter")
        await shows(pilot, "Inputs *")
        assert isinstance(app.screen, FormScreen)
        app.screen.query_one("#f-inputs", TextArea).text = str(tmp_path / "a.mov")
        await pilot.press("tab", "right")
        assert app.screen.query_one("#f-preset", Choice).value == "small"
        await pilot.press("ctrl+o")
        await shows(pilot, "Priority")
        app.screen.query_one("#f-priority-of-job", Choice).choose("high")
        app.screen.query_one("#f-start-of-job", Choice).choose("held")
        await pilot.press("ctrl+g")
        await until(pilot, lambda: len(store.rows) == 4)
        job = store.rows[4]
        assert job.params["preset"] == "small" and job.priority is Priority.HIGH and job.hold
        await shows(pilot, "Added 1 job: 4")
        await until(pilot, lambda: 4 in app.feed.window.ids)


async def test_all_errors_at_once_each_under_its_field(open_console: Open) -> None:
    store = FakeStore(make_jobs(3))
    async with open_console(store, (100, 40)) as (app, pilot):
        await shows(pilot, "clip-000003")
        await pilot.press("A")
        await shows(pilot, "Convert films")
        await pilot.press("down", "enter")
        await shows(pilot, "Inputs *")
        app.screen.query_one("#f-height", Input).value = "tall"
        app.screen.query_one("#f-speed", Input).value = "-1"
        await pilot.press("ctrl+g")
        await shows(pilot, "this is required")
        lines = screen_text(app).split("\n")
        height = next(number for number, line in enumerate(lines) if "Height" in line)
        speed = next(
            number for number, line in enumerate(lines) if "Speed  " in line and "tall" not in line and number > height
        )
        assert "must be a whole number" in lines[height + 1]
        assert "must be more than 0" in lines[speed + 1]
        assert store.rows.keys() == {1, 2, 3}
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, JobsScreen))


async def test_several_urls_become_one_job_each_after_the_list(open_console: Open) -> None:
    store = FakeStore(make_jobs(3))
    async with open_console(store) as (app, pilot):
        await shows(pilot, "clip-000003")
        app.post_message(events.Paste("https://a.example/1\nhttps://b.example/2\n"))
        await shows(pilot, "URLs *")
        assert "https://b.example/2" in screen_text(app)
        await pilot.press("ctrl+g")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        await shows(pilot, "Add 2 jobs?")
        assert "https://a.example/1" in screen_text(app)
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, JobsScreen))
        assert len(store.rows) == 3
        app.post_message(events.Paste("https://a.example/1\nhttps://b.example/2\n"))
        await shows(pilot, "URLs *")
        await pilot.press("ctrl+g")
        await shows(pilot, "Add 2 jobs?")
        await pilot.press("y")
        await until(pilot, lambda: len(store.rows) == 5)
        assert [store.rows[number].title for number in (4, 5)] == ["https://a.example/1", "https://b.example/2"]
        assert store.rows[4].state is State.QUEUED


async def test_dropped_files_are_looked_for_on_the_workers_host(open_console: Open, tmp_path: Path) -> None:
    (tmp_path / "My Film.mov").touch()
    store = FakeStore(make_jobs(3))
    store.worker_host = socket.gethostname()
    async with open_console(store, (120, 40)) as (app, pilot):
        await shows(pilot, "clip-000003")
        app.post_message(events.Paste(f"'{tmp_path}/My Film.mov' file://{tmp_path}/gone%20one.mov"))
        await shows(pilot, "What to do with 2 paths?")
        assert "Fetch media" not in screen_text(app).split("What to do")[1]
        await pilot.press("enter")
        await shows(pilot, f"not found on {socket.gethostname()}")
        assert "gone one.mov" in screen_text(app)
        await pilot.press("ctrl+g")
        await pilot.pause(0.1)
        assert len(store.rows) == 3
        app.screen.query_one("#f-inputs", TextArea).text = f"{tmp_path}/My Film.mov"
        await pilot.press("ctrl+g")
        await until(pilot, lambda: len(store.rows) == 4)
        assert store.rows[4].params["inputs"] == [f"{tmp_path}/My Film.mov"]


async def test_paths_of_another_host_are_not_judged(open_console: Open) -> None:
    store = FakeStore(make_jobs(3))
    store.worker_host = "elsewhere"
    async with open_console(store) as (app, pilot):
        await shows(pilot, "clip-000003")
        app.post_message(events.Paste("/media/gone.mov"))
        await shows(pilot, "What to do with 1 path?")
        await pilot.press("enter")
        await shows(pilot, "Inputs *")
        await pilot.press("ctrl+g")
        await until(pilot, lambda: len(store.rows) == 4)


async def test_an_empty_field_shows_what_that_means(open_console: Open) -> None:
    thumbnail = next(one for one in REGISTRY if one.name == "thumbnail")
    async with open_console(FakeStore(make_jobs(3))) as (app, pilot):
        await app.push_screen(FormScreen(thumbnail, {}))
        await until(pilot, lambda: app.screen.query("#f-sheet"))
        assert app.screen.query_one("#f-sheet", Input).placeholder == "none"
        assert app.screen.query_one("#f-output", Input).placeholder == "default"


async def test_nothing_of_a_mixed_paste_is_dropped_without_a_word(open_console: Open) -> None:
    store = FakeStore(make_jobs(3))
    store.worker_host = "elsewhere"
    async with open_console(store, (120, 40)) as (app, pilot):
        await shows(pilot, "clip-000003")
        app.post_message(events.Paste("/media/one.mov\nhttps://a.example/1\nmedia/two.mov\nthree.mov\n"))
        await shows(pilot, "URLs *")
        await shows(pilot, "Addresses first")
        told = next(iter(app._notifications)).message
        assert told == (
            "Addresses first: what to do with 1 path is asked next. "
            "Left out, being neither an address nor a whole path: media/two.mov and 1 more."
        )
        await pilot.press("ctrl+g")
        await shows(pilot, "What to do with 1 path?")
        await until(pilot, lambda: len(store.rows) == 4)
        await pilot.press("enter")
        await shows(pilot, "/media/one.mov")
        await pilot.press("ctrl+g")
        await until(pilot, lambda: len(store.rows) == 5)
        assert [store.rows[number].params["inputs"] for number in (4, 5)] == [
            ["https://a.example/1"],
            ["/media/one.mov"],
        ]
        app.post_message(events.Paste("/media/one.mov\nhttps://a.example/1\n"))
        await shows(pilot, "URLs *")
        await pilot.press("escape")  # the addresses are not wanted: the paths may be
        await shows(pilot, "What to do with 1 path?")


async def test_paste_of_nothing_useful_says_so(open_console: Open) -> None:
    async with open_console(FakeStore(make_jobs(3)), (100, 24)) as (app, pilot):
        await shows(pilot, "clip-000003")
        app.post_message(events.Paste("some words, no address"))
        await shows(pilot, "Nothing in it can be submitted")
        for character in "a line of words":
            app.post_message(events.Key("space" if character == " " else character, character))
        app.clear_notifications()
        await until(pilot, lambda: "Nothing in it can" not in screen_text(app))
        await shows(pilot, "Nothing in it can be submitted")
        assert isinstance(app.screen, JobsScreen)


async def test_paste_into_a_field_stays_there(open_console: Open) -> None:
    async with open_console(FakeStore(make_jobs(3))) as (app, pilot):
        await shows(pilot, "clip-000003")
        await pilot.press("slash")
        app.post_message(events.Paste("https://a.example/1"))
        await until(pilot, lambda: app.screen.query_one(Input).value == "https://a.example/1")
        assert isinstance(app.screen, JobsScreen)


@pytest.mark.parametrize("size", [(60, 16), (60, 20), (80, 24), (200, 50)])
async def test_buttons_stay_in_sight_with_all_options(open_console: Open, size: tuple[int, int]) -> None:
    store = FakeStore(make_jobs(3))
    store.registry = REGISTRY
    async with open_console(store, size) as (app, pilot):
        await shows(pilot, "clip-000003")
        app.post_message(events.Paste("https://a.example/1"))
        await shows(pilot, "URLs *")
        await pilot.press("ctrl+o")
        await pilot.pause(0.1)
        assert "More options" in screen_text(app)


async def test_read_only_adds_nothing(open_console: Open) -> None:
    store = FakeStore(make_jobs(3, running=1))
    async with open_console(store, (100, 24), read_only=True) as (app, pilot):
        await shows(pilot, "read only")
        app.post_message(events.Paste("https://a.example/1"))
        await pilot.press("P", "A")
        await shows(pilot, "This console is read only.")
        assert store.orders == [] and isinstance(app.screen, JobsScreen)


async def test_keys_after_adding_go_to_the_field_that_is_wrong(open_console: Open) -> None:
    """Also when it was among the options that are not shown, and the form is not laid out anew yet."""
    store = FakeStore(make_jobs(3))
    async with open_console(store, (100, 40)) as (app, pilot):
        await shows(pilot, "clip-000003")
        await pilot.press("A")
        await shows(pilot, "Convert films")
        await pilot.press("down", "enter")
        await shows(pilot, "Inputs *")
        app.screen.query_one("#f-inputs", TextArea).text = "/in/a.mp4"
        speed = app.screen.query_one("#f-speed", Input)
        speed.value = "x"
        assert isinstance(app.screen, FormScreen)
        app.screen._show_problems({"speed": "must be a number"}, "")
        assert app.screen.focused is speed
        await pilot.press("backspace", "2")
        assert speed.value == "2"
