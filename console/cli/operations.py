"""A command for each operation, made at run time: `spool download URL…` and its sisters."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import click

from console.cli.forms import POSITIONAL, ParamOption, options_of, takes_many
from console.cli.words import json_option
from workers.operations.contract import Operation


@lru_cache(maxsize=1)
def known_operations() -> tuple[Operation[Any], ...]:
    """Every operation that this Spool knows, without opening anything."""
    from workers.client import load_registry

    return load_registry()


def job_options() -> list[click.Option]:
    """The flags that every submission has."""
    from workers.jobs import Priority

    levels = click.Choice([priority.word for priority in Priority])
    return [
        click.Option(
            ["--priority", "job_priority"], type=levels, default="normal", help="How urgent. [default: normal]"
        ),
        click.Option(
            ["--at", "job_at"], metavar="TIME", help="Start not before: 08:00, 'tomorrow 08:00', +30m or RFC 3339."
        ),
        click.Option(
            ["--after", "job_after"],
            metavar="JOB",
            multiple=True,
            help="Start only once the job of this id has succeeded. [repeatable]",
        ),
        click.Option(
            ["--after-ended", "job_after_ended"],
            metavar="JOB",
            multiple=True,
            help="Start only once the job of this id has ended, in any way. [repeatable]",
        ),
        click.Option(
            ["--window", "job_window"],
            metavar="HOURS",
            help="Start only within: 22:00-06:00, 'mon-fri 22:00-06:00; sat,sun'.",
        ),
        click.Option(
            ["--batch", "job_batch"], metavar="NAME", help="Put it into this group of jobs; see `spool batch`."
        ),
        click.Option(["--hold", "job_hold"], is_flag=True, help="Hold it until `spool unhold`."),
        click.Option(
            ["--wait", "job_wait"], is_flag=True, help="Stay until it has ended; exit code 1 if it did not succeed."
        ),
    ]


class OperationCommand(click.Command):
    """A command made from an operation; its help has the operation's own flags first."""

    def __init__(self, operation: Operation[Any], **rest: Any) -> None:
        super().__init__(operation.name, **rest)
        self.operation = operation

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Flags in three lists: of the operation, its advanced ones, and those of every job."""
        sections: dict[str, list[tuple[str, str]]] = {"Options": [], "Advanced options": [], "Options of every job": []}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is None or not isinstance(param, click.Option):
                continue
            sections[_section_of(param)].append(record)
        for title, records in sections.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The operation's examples, as they are written."""
        if self.operation.examples:
            with formatter.section("Examples"):
                for example in self.operation.examples:
                    formatter.write(f"{'':>{formatter.current_indent}}{example}\n")


def _section_of(param: click.Parameter) -> str:
    if not isinstance(param, ParamOption):
        return "Options of every job"
    return "Advanced options" if param.advanced else "Options"


def command_of(operation: Operation[Any]) -> click.Command:
    """The command of an operation."""

    def callback(**given: Any) -> int:
        from console.cli.submit import submit

        return submit(operation, given)

    params: list[click.Parameter] = [*options_of(operation), *job_options()]
    text = operation.summary
    takes_inputs = POSITIONAL in operation.params.model_fields
    if takes_inputs:
        params.insert(0, click.Argument([POSITIONAL], nargs=-1, metavar="INPUT…"))
        params.append(click.Option(["-0", "job_nul"], is_flag=True, help="With - : each input on stdin ends with NUL."))
        text += f"\n\nINPUT: {_inputs_help(operation)}"
    command = OperationCommand(operation, params=params, callback=callback, help=text, no_args_is_help=takes_inputs)
    return json_option(command)


def _inputs_help(operation: Operation[Any]) -> str:
    described = " ".join((operation.params.model_fields[POSITIONAL].description or "a file or a URL.").split())
    several = "Several make one job" if takes_many(operation) else "Several make one job each"
    return f"{described} {several}; - reads them from stdin, one a line."
