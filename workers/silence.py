"""How long a runner has said nothing while somebody listened."""

from __future__ import annotations

import time

_OVERSLEPT_S = 2.0  # between two looks; who listens looks once a second at least


class Silence:
    """Begins when it is made; each word breaks it."""

    def __init__(self) -> None:
        self._heard = self._looked = time.monotonic()

    def broken(self) -> None:
        """There was a sign of life."""
        self._heard = time.monotonic()

    def look(self) -> None:
        """It is looked now for what was said."""
        now = time.monotonic()
        if now - self._looked > _OVERSLEPT_S:
            # We did not run ourselves (a frozen container, a stopped worker): that is no silence of the runner.
            self._heard += now - self._looked
        self._looked = now

    @property
    def seconds(self) -> float:
        """How long it had lasted at the last look; negative where something was heard since."""
        return self._looked - self._heard
