"""The kinds of films and sound files as one table: what they may be called, and how they are written. Pure.

Whoever needs a part of it (what a name promises, in which container a copy goes on, the options of a muxer) asks here.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

# By demuxer, as `sniff` names them: extension, and behind a colon its muxer; without one it is only read. The first
# that has a muxer is the usual one.
_TABLE = """
mp4        mp4:mp4 m4a:mp4 m4b:mp4 m4v:mp4 mov:mov 3gp:3gp 3g2
matroska   mkv:matroska mka:matroska webm:webm weba:webm
mpegts     ts:mpegts m2ts:mpegts mts:mpegts mpg mpeg
mpeg       mpg:mpeg mpeg:mpeg vob:vob
mpegvideo  mpg mpeg
avi        avi:avi
flv        flv:flv
asf        asf:asf wmv:asf wma:asf
ogg        ogg:ogg ogv:ogv oga:ogg opus:opus
mp3        mp3:mp3
aac        aac:adts
ac3        ac3:ac3
flac       flac:flac
wav        wav:wav dts
aiff       aiff:aiff aif:aiff
dts        dts
mxf        mxf
rm         rm rmvb
wv         wv
ape        ape
amr        amr
caf        caf
au         au
"""
NAMES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        demuxer: MappingProxyType({extension: muxer for extension, _, muxer in (word.partition(":") for word in words)})
        for demuxer, *words in (line.split() for line in _TABLE.split("\n") if line)
    }
)
"""By demuxer: the extensions that its files may bear, each with the muxer that writes it, "" where none does."""

WRITTEN = frozenset(extension for names in NAMES.values() for extension, muxer in names.items() if muxer)
"""The extensions that Spool writes."""

TELLING = frozenset({"mp4", "matroska", "flac", "wav", "aiff", "avi", "asf"})
"""Demuxers of formats whose header tells the duration; elsewhere libavformat guesses it from what is there."""

RUNNING = frozenset({"mpegts", "mpeg", "mpegvideo"})
"""Demuxers of what may be cut out of a running stream: the beginning may be torn, and times may jump."""

_ONLY_WHOLE = frozenset({"mpeg"})  # demuxers whose files are copied as they are, and never cut or joined

_FAST_START = {"movflags": "+faststart"}
_OPTIONS: Mapping[str, Mapping[str, str]] = {
    "mp4": _FAST_START,
    "mov": _FAST_START,
    "wav": {"rf64": "auto"},  # more than 4 GiB
    "m4a": _FAST_START | {"brand": "M4A "},  # the muxer ipod holds no pictures
    "m4b": _FAST_START | {"brand": "M4B "},
}


def container_like(path: Path, demuxer: str, *, whole: bool = False) -> tuple[str, str] | None:
    """The muxer and extension of files of the kind of `path`, which `demuxer` reads; None when Spool writes none.

    With `whole`, of files that hold all of the other one, rather than a part of it.
    """
    if demuxer in _ONLY_WHOLE and not whole:
        return None
    written = {extension: muxer for extension, muxer in NAMES.get(demuxer, {}).items() if muxer}
    own = path.suffix.lower().lstrip(".")
    extension = own if own in written else next(iter(written), "")
    return (written[extension], extension) if extension else None


def container_named(extension: str) -> str | None:
    """The muxer for a new file of this extension (no dot), or None when Spool writes none of it."""
    kinds = (names for demuxer, names in NAMES.items() if demuxer not in _ONLY_WHOLE)
    return next((names[extension] for names in kinds if names.get(extension)), None)


@functools.lru_cache(maxsize=256)
def demuxers_of(extension: str) -> frozenset[str]:
    """The demuxers that may read a file of this extension (no dot); none when it promises nothing."""
    return frozenset(demuxer for demuxer, names in NAMES.items() if extension in names)


def muxer_options(muxer: str, extension: str) -> Mapping[str, str]:
    """The options of `muxer` for a file of this extension."""
    return _OPTIONS.get(extension) or _OPTIONS.get(muxer, {})
