"""The `spool` command: its verbs, each loaded only when it is used, and a command per operation made at run time."""

from __future__ import annotations

import difflib
from importlib import import_module

import click

VERBS: dict[str, tuple[str, str]] = {
    "worker": ("worker", "Run the worker: here, with --detach behind, or --install it for good."),
    "stop": ("worker", "Stop the worker politely; its jobs wait for the next one."),
    "status": ("status", "Show the worker, the queues and how many jobs are in each state."),
    "doctor": ("doctor", "Check everything that Spool needs, and say what to do."),
    "jobs": ("jobs", "List jobs, all or those that a query finds."),
    "show": ("jobs", "Show everything about one job."),
    "why": ("jobs", "Say why a job waits, stands still or failed, and what helps."),
    "log": ("follow", "Print the log of a job; -f follows it."),
    "events": ("follow", "Print the history as JSON lines; --follow goes on."),
    "wait": ("wait", "Wait until jobs have ended."),
    "cancel": ("change", "Cancel jobs, waiting or running."),
    "pause": ("change", "Pause running jobs where they are."),
    "resume": ("change", "Let paused jobs go on."),
    "retry": ("change", "Run ended jobs again."),
    "now": ("change", "Start waiting jobs before all others."),
    "hold": ("change", "Keep waiting jobs from starting."),
    "unhold": ("change", "Let held jobs start."),
    "rm": ("change", "Remove ended jobs from the list; their files stay."),
    "priority": ("change", "Set the priority of jobs."),
    "schedule": ("change", "Say when waiting jobs may start."),
    "edit": ("change", "Change options of a waiting job."),
    "queue": ("queue", "Show the queues; pause, resume or resize them."),
    "site": ("site", "Show the sites that are paused; pause or resume one."),
    "batch": ("batch", "Show the batches; limit, pause, cancel or repeat one as a whole."),
    "backup": ("backup", "Copy the jobs table, or list the copies that there are."),
    "restore": ("backup", "Put a copy of the jobs table in the place of the present one, which is kept."),
    "trash": ("trash", "List originals that jobs replaced, put them back, or remove them for good."),
    "undo": ("undo", "Put back what a job replaced."),
    "audit": ("audit", "List who ordered what, and when."),
    "cache": ("cache", "Show how kept results help; fill, check or clear them."),
    "notify": ("notify", "Show who is told of what happens; --test sends a test to each."),
    "config": ("settings", "Show or check the configuration."),
    "demo": ("demo", "Make clips and pictures, and submit real work on them."),
}
"""Each verb, the module of this package that has the command of its name, and one line of help."""

EPILOG = """\
The name of an operation submits a job; `spool download --help` shows its options.
Completion of words: eval "$(_SPOOL_COMPLETE=bash_source spool)" (or zsh_source; fish: _SPOOL_COMPLETE=fish_source).
Exit codes: 0 done, 1 failed, 2 usage, 78 wrong configuration, 130 interrupted."""


class Spool(click.Group):
    """A group whose commands are imported when they are asked for, and not before."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The operations, then the verbs."""
        from console.cli.operations import known_operations

        return [operation.name for operation in known_operations()] + list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a verb or of an operation."""
        if cmd_name in VERBS:
            module = import_module(f"console.cli.{VERBS[cmd_name][0]}")
            command: click.Command = getattr(module, cmd_name.replace("-", "_"))
            return command
        from console.cli.operations import command_of, known_operations

        for operation in known_operations():
            if operation.name == cmd_name:
                return command_of(operation)
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command and the rest; a word that is none is answered with the nearest that is."""
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            near = difflib.get_close_matches(args[0], self.list_commands(ctx), n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise click.UsageError(f"no such verb or operation {args[0]!r}{hint}", ctx)
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None and not ctx.resilient_parsing and {"-h", "--help"} & set(rest):
            command.make_context(name, list(rest), parent=ctx)  # ends here with the help, unless it is a value
        return name, command, rest

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Two lists, told without importing what each verb needs."""
        from console.cli.operations import known_operations

        with formatter.section("Operations"):
            formatter.write_dl([(operation.name, operation.summary) for operation in known_operations()])
        with formatter.section("Verbs"):
            formatter.write_dl([(name, text) for name, (_, text) in VERBS.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The epilog line by line, as it is written."""
        formatter.write_paragraph()
        for line in EPILOG.splitlines():
            formatter.write(line + "\n")


def _version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from console.cli.guard import version_line
        from console.cli.output import say

        say(version_line())
        ctx.exit()


@click.group(
    cls=Spool,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
@click.option("--read-only", is_flag=True, help="Only watch: give no order, start no worker, write nothing.")
@click.pass_context
def spool(ctx: click.Context, read_only: bool) -> int | None:
    """Spool: a terminal console for background media work.

    Without a verb it opens the console, and starts a worker if none runs.
    """
    from console.cli.looking import only_watch, refuse_orders, watching

    if read_only:
        only_watch()
    if ctx.invoked_subcommand is None:
        return open_console()
    if watching():
        refuse_orders(ctx.invoked_subcommand)
    return None


def open_console() -> int:
    """Open the console on this terminal, with a worker behind it."""
    import sys

    from workers.config import load_settings
    from workers.errors import UsageError

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("the console needs a terminal; `spool --help` lists what works without one")
    settings = load_settings()
    from console.app import run

    return run(settings)
