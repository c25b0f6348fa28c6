"""How carrying a notice went. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one attempt to tell one service or program."""

    ok: bool
    again: bool = False  # not `ok`: whether trying again may help
    said: str = ""  # why it went wrong, in one line without secrets
    output: str = ""  # what a program printed, as it is

    def as_dict(self) -> dict[str, Any]:
        """Plain data for the pipe."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Answer:
        """The answer that was sent over the pipe; ValueError when it is none."""
        try:
            return cls(bool(values["ok"]), bool(values["again"]), str(values["said"]), str(values["output"]))
        except (KeyError, TypeError) as error:
            raise ValueError(f"no answer: {error}") from None
