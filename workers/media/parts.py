"""How far a download is whose picture and sound come one after the other, as one figure. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from workers.jobs import Progress


@dataclass
class Parts:
    """The files that one entry is made of, by name; and which entry it is of how many in a list."""

    expected: int = 1
    entry: int = 1
    entries: int = 1
    _parts: dict[str, tuple[int, int | None, bool]] = field(default_factory=dict)  # bytes, expected bytes, finished

    def note(self, name: str, done: int, total: int | None, *, finished: bool) -> None:
        """So many bytes of one file have come."""
        self._parts[name] = (done, total, finished)

    def figures(self, rate: float | None, eta_s: float | None) -> Progress:
        """The progress of the whole; `rate` (bytes a second) and `eta_s` are those of the file that comes now."""
        done = sum(part[0] for part in self._parts.values())
        total, fraction = self._total(), self._fraction()
        if total:
            fraction = min(done / total, 1.0)
        phase = "downloading"
        if self.expected > 1:
            phase = f"downloading part {min(len(self._parts), self.expected)} of {self.expected}"
            eta_s = max(total - done, 0) / rate if total and rate else None
        if self.entries > 1:
            fraction = (self.entry - 1 + (fraction or 0.0)) / self.entries
            phase, total, eta_s = f"{self.entry} of {self.entries}: {phase}", None, None
        return Progress(fraction, phase, done, total, rate, eta_s, "bytes")

    def _total(self) -> int | None:
        """All bytes, once all files are known."""
        totals = [total for _, total, _ in self._parts.values() if total]
        return sum(totals) if len(totals) == len(self._parts) and len(totals) >= self.expected else None

    def _fraction(self) -> float | None:
        """The mean of the files' shares, those that have not begun counting as 0; None when the only one is unknown."""
        shares: list[float] = []
        for done, total, finished in self._parts.values():
            if total is None and not finished and self.expected == 1:
                return None
            shares.append(min(done / total, 1.0) if total else float(finished))
        return sum(shares) / max(self.expected, len(shares)) if shares else None
