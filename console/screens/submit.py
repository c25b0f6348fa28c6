"""Adding jobs: choose an operation, fill in its form; or paste URLs and paths and have it filled in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from console.form import fields_of
from console.format import Spans, cut, fit, plural
from console.paste import Pasted
from console.screens.confirm import ConfirmScreen
from console.screens.form import FormScreen, Wanted
from console.screens.help import PickScreen
from workers.client import Client
from workers.errors import SpoolError
from workers.operations.contract import Operation
from workers.text import clean

if TYPE_CHECKING:
    from console.app import SpoolApp

_URL_OPERATION = "download"
_LONGEST_TOLD = 60  # cells of a word that was left out


def begin(app: SpoolApp) -> None:
    """Choose among all operations."""
    _with_operations(app, lambda found: _choose(app, found, {}, "Add a job"))


def begin_pasted(app: SpoolApp, found: Pasted) -> None:
    """The download form for URLs; then for paths a choice of what to do with them. What is neither is told."""

    def opened(operations: Sequence[Operation[Any]]) -> None:
        fetch = [operation for operation in operations if operation.name == _URL_OPERATION]
        files = [operation for operation in operations if takes_paths(operation)]

        def paths() -> None:
            if found.paths:
                heading = f"What to do with {plural(len(found.paths), 'path')}?"
                _choose(app, files, {"inputs": list(found.paths)}, heading)

        if fetch and found.urls:
            open_form(app, fetch[0], {"inputs": list(found.urls)}, paths)
        else:
            paths()
        said = list(_said_of(found, fetches=bool(fetch)))
        if said:
            app.tell(" ".join(said), bad=True)

    _with_operations(app, opened)


def _said_of(found: Pasted, *, fetches: bool) -> Iterator[str]:
    """What becomes of the parts of a paste that the first dialog does not show, in sentences."""
    if found.urls and not fetches:
        yield "There is no operation here that fetches URLs."
    elif found.urls and found.paths:
        yield f"Addresses first: what to do with {plural(len(found.paths), 'path')} is asked next."
    if found.left:
        more = f" and {len(found.left) - 1:,} more" if len(found.left) > 1 else ""
        yield f"Left out, being neither an address nor a whole path: {cut(clean(found.left[0]), _LONGEST_TOLD)}{more}."


def takes_paths(operation: Operation[Any]) -> bool:
    """Whether an operation's inputs are files or folders."""
    return any(field.name == "inputs" and field.path for field in fields_of(operation))


def _with_operations(app: SpoolApp, use: Any) -> None:
    async def ask() -> None:
        try:
            use(await app.feed.ask(Client.operations))
        except SpoolError as error:
            app.tell(str(error), bad=True)

    app.run_worker(ask(), group="operations", exclusive=True)


def _choose(app: SpoolApp, operations: Sequence[Operation[Any]], given: Mapping[str, Any], heading: str) -> None:
    by_name = {operation.name: operation for operation in operations}

    def chosen(name: str | None) -> None:
        if name:
            open_form(app, by_name[name], given)

    lines = [(one.name, f"{fit(one.title, 14)} {one.summary}") for one in operations]
    app.push_screen(PickScreen(heading, lines), chosen)


def open_form(
    app: SpoolApp, operation: Operation[Any], given: Mapping[str, Any], then: Callable[[], None] | None = None
) -> None:
    """The form of an operation; what it gives is submitted. `then` is done after it, whatever it gave."""

    def answered(wanted: Sequence[Wanted]) -> None:
        if wanted:
            _submit(app, wanted)
        if then is not None:
            then()

    def filled(wanted: Sequence[Wanted] | None) -> None:
        if not wanted or len(wanted) == 1:
            answered(wanted or ())
            return
        lines: list[Spans] = [
            [(f" {number:>4} ", "dim"), (clean(one.label), "plain")] for number, one in enumerate(wanted, 1)
        ]
        question = ConfirmScreen(f"Add {plural(len(wanted), 'job')}?", "One job for each:", lines, 0, yes="Add all")
        app.push_screen(question, lambda yes: answered(wanted if yes else ()))

    app.push_screen(FormScreen(operation, given), filled)


def _submit(app: SpoolApp, wanted: Sequence[Wanted]) -> None:
    async def submit() -> None:
        made = []
        try:
            for one in wanted:
                job = await app.feed.ask(
                    Client.submit, one.operation, one.values, priority=one.priority, hold=one.hold, batch=one.batch
                )
                made.append(job.id)
        except SpoolError as error:
            app.tell(str(error), bad=True)
        if made:
            ids = str(made[0]) if len(made) == 1 else f"{made[0]} to {made[-1]}"
            app.tell(f"Added {plural(len(made), 'job')}: {ids}")
        app.feed.wake()

    app.run_worker(submit(), group="submit")
