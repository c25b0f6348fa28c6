"""What several verbs share: arguments that are words of a query, the --json flag, and the door to the jobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from workers.client import Client

F = TypeVar("F", bound=Callable[..., object])


JOBS_MEANT = (
    "ID is a number that `spool jobs` shows, or a range such as 12-20. QUERY is words such as state:failed"
    " queue:downloads older:2d; `spool jobs --help` tells them all, and `spool jobs QUERY` which jobs they mean."
)


def door() -> Client:
    """The front door of this home, open to verbs that only look or stop work also while its configuration is wrong."""
    from console.cli.brakes import settings_for
    from workers.client import open_client

    return open_client(settings_for(click.get_current_context(silent=True)))


def json_option(function: F) -> F:
    """The flag that every verb has."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON: one object, or one object a line.")(
        function
    )


def pause_options(what: str) -> Callable[[F], F]:
    """How long and how softly a queue, site or batch is paused; `what` is what runs of it."""

    def added(function: F) -> F:
        soft = f"With pause: let running {what} end, start nothing new."
        function = click.option("--soft", is_flag=True, help=soft)(function)
        until = "With pause: resume by itself at 08:00, 'tomorrow 08:00' …"
        function = click.option("--until", metavar="TIME", help=until)(function)
        span = "With pause: resume by itself after 30m, 2h, 1d …"
        return click.option("--for", "span", metavar="SPAN", help=span)(function)

    return added


class QueryCommand(click.Command):
    """A command whose arguments are words of a query, so that `-state:failed` is such a word and no option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Sort options from words before click looks at them."""
        return super().parse_args(ctx, _words_last(args, self._options_with_value(ctx)))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """What ID and QUERY are, where they may be given."""
        if any("ID…|QUERY" in (param.metavar or "") for param in self.get_params(ctx)):
            formatter.write_paragraph()
            formatter.write_text(JOBS_MEANT)

    def _options_with_value(self, ctx: click.Context) -> set[str]:
        options = [param for param in self.get_params(ctx) if isinstance(param, click.Option)]
        return {name for option in options if not option.is_flag for name in option.opts}


def _words_last(args: Sequence[str], with_value: set[str]) -> list[str]:
    options: list[str] = []
    words: list[str] = []
    rest = iter(args)
    for arg in rest:
        if arg == "--":
            words.extend(rest)
        elif arg in with_value:
            options.append(arg)
            options.extend(value for value in [next(rest, None)] if value is not None)
        elif arg.startswith("--") or (arg.startswith("-") and len(arg) == 2):
            options.append(arg)
        else:
            words.append(arg)
    return [*options, "--", *words]
