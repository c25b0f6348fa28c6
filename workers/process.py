"""The worker as a process of its own: arguments, log, and word of its start to whoever launched it."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from workers.config import load_settings
from workers.errors import ReadOnlyError, SpoolError
from workers.files import private_folder
from workers.settings import Settings
from workers.text import clean
from workers.workerlog import EqualLines, SafeFormatter, WorkerLogHandler


def set_up_log(settings: Settings, *, to_stderr: bool) -> None:
    """Log into the worker's own file, which is bounded, and to stderr when somebody watches."""
    path = settings.paths.worker_log
    private_folder(path.parent)
    handlers: list[logging.Handler] = [WorkerLogHandler(path, int(settings.log_mib * (1 << 20)))]
    if to_stderr:
        handlers.append(logging.StreamHandler(sys.stderr))
    for handler in handlers:
        handler.addFilter(EqualLines())
        handler.setFormatter(SafeFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=settings.log_level.upper(), handlers=handlers, force=True)
    # Huey tells of every ring at the level of info.
    logging.getLogger("huey").setLevel(logging.DEBUG if settings.log_level == "debug" else logging.WARNING)


def _tell(descriptor: int | None, text: str) -> None:
    if descriptor is not None:
        with contextlib.suppress(OSError):
            os.write(descriptor, text.encode())
            os.close(descriptor)


def worker_main(arguments: Sequence[str]) -> int:
    """Run a worker until it is asked to end; the exit code. Trouble is one line for whoever launched it."""
    from workers.daemon import run
    from workers.door import DEFAULT_REGISTRY

    parser = argparse.ArgumentParser(prog="spool worker", add_help=False)
    parser.add_argument("--ready-fd", type=int)
    parser.add_argument("--config", type=Path)
    parser.add_argument("--registry", default=DEFAULT_REGISTRY)
    options = parser.parse_args(arguments)
    telling: list[int | None] = [options.ready_fd]

    def tell(text: str) -> None:
        _tell(telling[0], text)
        telling[0] = None

    try:
        config = options.config if options.config is None or options.config.exists() else None
        settings = load_settings(config=config)
        if settings.read_only:
            raise ReadOnlyError("running a worker")
        os.chdir("/")  # no folder is kept from being unmounted, and no relative path means anything from here on
        set_up_log(settings, to_stderr=options.ready_fd is None)
        run(settings, registry=options.registry, ready=lambda: tell("ready"))
    except SpoolError as error:
        tell(str(error))
        logging.getLogger(__name__).error("%s", error)
        return error.exit_code
    except Exception as error:
        tell(f"the worker failed: {clean(str(error))}; the log of the worker tells more")
        logging.getLogger(__name__).exception("the worker failed")
        return 1
    return 0
