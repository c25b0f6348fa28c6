"""Every operation that Spool offers, in the order of menus. Adding one is a line here."""

from __future__ import annotations

from typing import Any

from workers.operations import (
    analyze_image,
    concat,
    convert_image,
    download,
    duplicates,
    enhance_image,
    enrich,
    extract_audio,
    hash,
    optimize_image,
    probe,
    quality,
    thumbnail,
    transcode,
    trim,
    validate,
)
from workers.operations.contract import Operation

REGISTRY: tuple[Operation[Any], ...] = (
    download.OPERATION,
    transcode.OPERATION,
    extract_audio.OPERATION,
    trim.OPERATION,
    concat.OPERATION,
    thumbnail.OPERATION,
    convert_image.OPERATION,
    optimize_image.OPERATION,
    analyze_image.OPERATION,
    enhance_image.OPERATION,
    probe.OPERATION,
    enrich.OPERATION,
    validate.OPERATION,
    quality.OPERATION,
    hash.OPERATION,
    duplicates.OPERATION,
)
