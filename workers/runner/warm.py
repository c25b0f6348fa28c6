"""What the forkserver loads once, so that no runner has to.

A module that is missing is left out: an operation that needs it says so when it runs.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from workers.operations.contract import Operation

log = logging.getLogger(__name__)

# Beside the packages themselves, what they load late: the extractors of yt-dlp with the generic one, which most
# others draw in, its downloaders, and the plugins of Pillow for common formats.
_MODULES: tuple[str, ...] = (
    "yt_dlp",
    "yt_dlp.extractor.extractors",
    "yt_dlp.extractor.generic",
    "yt_dlp.downloader",
    "yt_dlp.postprocessor",
    "av",
    "PIL.Image",
    "encodings.idna",
    "hashlib",
    "shutil",
    "subprocess",
    "tempfile",
    "traceback",
    "unicodedata",
)
# Worth having as well, but not worth that the first runner waits: what reads pictures, films and their tags.
_LATER: tuple[str, ...] = (
    "numpy",
    "mutagen",
    "workers.media.frames",
    "workers.media.photo",
    "workers.media.pictures",
    "workers.media.probe",
)
_EXTRACTORS_A_STEP = 8


def load() -> list[str]:
    """Import all of it; the names of the modules that are missing."""
    # Plugins of yt-dlp are code from the user's folders, which a program that runs unattended must not pick up.
    os.environ["YTDLP_NO_PLUGINS"] = "1"
    # A library with a thread pool of its own would make the fork unsafe; parallel work is done by processes.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    missing = [name for name in _MODULES if not _loaded(name)]
    if "PIL.Image" not in missing:
        importlib.import_module("PIL.Image").preinit()
    return missing


def later() -> Iterator[None]:
    """What is worth having but need not hold up the first runner, in small steps.

    Each process of a job would otherwise import what it works with. And yt-dlp compiles the pattern of an extractor
    when it first holds an address against it, 1,700 of them for an address that only the generic one knows: a quarter
    of a second that otherwise every such download would pay.
    """
    for name in _LATER:
        _loaded(name)
        yield
    extractors = sys.modules.get("yt_dlp.extractor.extractors")
    if extractors is None:
        return
    classes = importlib.import_module("yt_dlp.extractor").gen_extractor_classes()
    for number, extractor in enumerate(classes):
        try:
            extractor.suitable("https://spool.invalid/")
        except Exception:  # one that is broken today says so when somebody needs it
            log.warning("not made ready: %s", extractor.__name__, exc_info=True)
        if number % _EXTRACTORS_A_STEP == 0:
            yield


def operations_of(registry: str) -> Mapping[str, Operation[Any]]:
    """The operations that the module `registry` holds in `REGISTRY`, by name."""
    operations: tuple[Operation[Any], ...] = importlib.import_module(registry).REGISTRY
    return {operation.name: operation for operation in operations}


def _loaded(name: str) -> bool:
    try:
        importlib.import_module(name)
    except ImportError as error:
        log.warning("not loaded ahead: %s (%s)", name, error)
        return False
    return True
