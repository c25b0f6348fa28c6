"""High dynamic range brought down to that of common screens, as a chain of ffmpeg's filters. Pure."""

from __future__ import annotations

from collections.abc import Collection

from workers.errors import ErrorClass, JobFailed
from workers.media.av import StreamFacts
from workers.text import clean

NEEDED = frozenset({"zscale", "tonemap"})
_TRANSFERS = {16: "smpte2084", 18: "arib-std-b67"}
_PEAK_NITS = 100  # of the screen that the result is made for


def chain(film: StreamFacts) -> str:
    """The filters for a film in PQ or HLG; the result is BT.709 in floating point, so a pixel format must follow.

    Where a file tells its transfer but not its matrix or primaries, those of BT.2020 are meant.
    """
    told = f"setparams=color_trc={_TRANSFERS[film.transfer]}:color_primaries=bt2020:colorspace=bt2020nc"
    return (
        f"{told},zscale=t=linear:npl={_PEAK_NITS},format=gbrpf32le,zscale=p=bt709,"
        "tonemap=hable:desat=0,zscale=t=bt709:m=bt709:r=tv"
    )


def need(
    filters: Collection[str], tool: str, *, input: str = "", way_out: str = ", or preset archive, which keeps HDR"
) -> None:
    """JobFailed(unsupported) when the ffmpeg at `tool` lacks the filters: colours would come out grey and dull."""
    missing = sorted(NEEDED - set(filters))
    if missing:
        raise JobFailed(
            ErrorClass.UNSUPPORTED,
            f"the film is HDR and {clean(tool)} was built without {' and '.join(missing)}, which brings that to SDR: "
            f"use a full build of ffmpeg{way_out}",
            input=input,
        )
