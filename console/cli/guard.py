"""What stands between every verb and the person: exit codes, one-line messages, crash reports, no traceback."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from console.cli.looking import watching
from console.cli.output import OutputClosed, OutputError, abandon, flush, say, tell
from workers.errors import DISK_ERRNOS, InvalidParams, SpoolError

INTERRUPTED = 130
_UNWRITABLE = DISK_ERRNOS | {errno.EFBIG, errno.EBADF}


def guarded(arguments: Sequence[str]) -> int:
    """Run one command line to its exit code. Nothing that goes wrong leaves as a traceback."""
    try:
        code = _answer(arguments)
        flush()
        return code
    except KeyboardInterrupt:
        return INTERRUPTED
    except OutputClosed:
        abandon()
        return 1
    except SpoolError as error:
        return _explain(error)
    except Exception as error:  # the last net: whatever it is, a person gets one line and a file to send
        return _crashed(error, arguments)


def _answer(arguments: Sequence[str]) -> int:
    if list(arguments) == ["--version"] and "_SPOOL_COMPLETE" not in os.environ:
        say(version_line())  # without click: it is asked by scripts, often
        return 0
    return _with_click(arguments)


def version_line() -> str:
    """The name and version of the program."""
    from workers.version import VERSION

    return f"spool {VERSION}"


def _with_click(arguments: Sequence[str]) -> int:
    import click

    from console.cli.root import spool

    try:
        result = spool.main(list(arguments), prog_name="spool", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        tell_lines(error.format_message())
        wanted = [one for one in error.ctx.command.params if isinstance(one, click.Argument)]
        if wanted:
            tell(f"spool: {error.ctx.command.name}: {wanted[0].make_metavar(error.ctx)} is missing")
        return 2
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "spool"
        tell(f"spool: {_sentence(error.format_message())} (see: {where} --help)")
        return 2
    except click.ClickException as error:
        tell(f"spool: {error.format_message()}")
        return error.exit_code
    except click.Abort:
        return INTERRUPTED
    except OSError as error:
        if error.filename is None and error.errno in _UNWRITABLE:
            raise OutputError(f"cannot write the output: {error.strerror}") from None  # click's own help
        raise
    except SystemExit as error:  # click leaves so on a closed pipe, and after answering a shell's completion
        if error.code:
            abandon()
        return error.code if isinstance(error.code, int) else 0


def _sentence(text: str) -> str:
    text = " ".join(text.split())
    return text[:1].lower() + text[1:].rstrip(".")


def tell_lines(text: str) -> None:
    """Several lines for the person on stderr."""
    for line in text.splitlines():
        tell(line)


def _explain(error: SpoolError) -> int:
    if isinstance(error, InvalidParams):
        for field, message in error.problems:
            tell(f"spool: {error.operation}: {field}: {message}" if field else f"spool: {error.operation}: {message}")
    else:
        tell(f"spool: {error}")
    try:
        flush()
    except SpoolError:
        abandon()
    return error.exit_code


def _crashed(error: Exception, arguments: Sequence[str]) -> int:
    report = None if watching() else _write_report(error, arguments[0] if arguments else "(console)")
    kept = f"; a report for whoever mends this is in {report}" if report else ""
    tell(f"spool: unexpected {type(error).__name__}: {str(error) or 'no message'}{kept}")
    try:
        flush()
    except SpoolError:
        abandon()
    return 1


def _write_report(error: Exception, verb: str) -> Path | None:
    """The traceback in a private file of the state folder. Of the arguments only the verb: the rest may be secret."""
    import platform
    import time
    import traceback

    from workers.config import find_paths

    try:
        folder = find_paths(os.environ).state
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / f"crash-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"{version_line()}, Python {platform.python_version()}, {platform.platform()}\n")
            file.write(f"verb: {verb}\nprogram: {sys.argv[0]}\n\n")
            file.writelines(traceback.format_exception(error))
        return path
    except OSError:
        return None
