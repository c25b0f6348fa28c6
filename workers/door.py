"""What every part of the front door stands on: one home, its database, its operations, and how to ring."""

from __future__ import annotations

import difflib
import functools
import importlib
from typing import TYPE_CHECKING, Any

from workers.errors import ReadOnlyError, UsageError
from workers.operations.contract import Operation
from workers.settings import Settings
from workers.text import clean

if TYPE_CHECKING:
    from workers.queues import Bells

DEFAULT_REGISTRY = "workers.operations.registry"


def load_registry(registry: str = DEFAULT_REGISTRY) -> tuple[Operation[Any], ...]:
    """The operations that a registry module lists."""
    found: tuple[Operation[Any], ...] = importlib.import_module(registry).REGISTRY
    return found


class Door:
    """One home and its database."""

    def __init__(self, settings: Settings, db: Any, registry: str = DEFAULT_REGISTRY) -> None:
        self.settings = settings
        self._db = db
        self._registry = registry

    def close(self) -> None:
        """Close this thread's connection to the database, and those to the rings, which all threads share."""
        if "_bells" in vars(self):  # made when first needed
            self._bells.close()
        self._db.close()

    def operations(self) -> tuple[Operation[Any], ...]:
        """Every operation that can be asked for."""
        return load_registry(self._registry)

    def operation(self, name: str) -> Operation[Any]:
        """The operation of that name; UsageError with the nearest one."""
        found = {operation.name: operation for operation in self.operations()}
        if name in found:
            return found[name]
        near = difflib.get_close_matches(name, found, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(found)}"
        raise UsageError(f"no operation {clean(name)!r}: {hint}")

    @functools.cached_property
    def _bells(self) -> Bells:
        if self.settings.read_only:
            raise ReadOnlyError
        from workers.queues import Bells  # huey is not loaded by those who only look

        return Bells(self.settings.paths.rings, self.settings.paths.wake_socket)
