"""What is wrong with a file, in words and figures. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: its name (`ends_early`), a sentence, and the figures that it was judged by."""

    name: str
    text: str
    measure: Mapping[str, int | float | str] = field(default_factory=dict)

    def line(self) -> str:
        """The finding as one line: `ends_early: … (have_s 1.2, wanted_s 4.0)`."""
        figures = ", ".join(f"{key} {value}" for key, value in self.measure.items())
        return f"{self.name}: {self.text}" + (f" ({figures})" if figures else "")


def reason_of(message: str, name: str) -> str:
    """Why a reader refused a file, without the name and the verdict that stand before it anyway."""
    for start in (f"{name} is damaged or no media: ", f"{name} is damaged: ", f"{name}: ", f"{name} "):
        message = message.removeprefix(start)
    return message


@dataclass(frozen=True, slots=True)
class Examined:
    """What an examination came to: the findings (none: the file is sound) and the figures of what was looked at."""

    format: str
    findings: tuple[Finding, ...]
    checked: Mapping[str, int | float | str]
