"""The front door: everything that people and scripts ask of Spool goes through here.

`Client` has one set of plain methods over a database. The command line calls them; the console runs the very same
ones through the asyncio bridge (`AsyncClient.ask`). Importing this module loads no media library and no console.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from workers.asking import Asking
from workers.backups import Plan as RestorePlan
from workers.backups import (
    backup_as_json,
    bring_up,
    find_backup,
    list_backups,
    list_replaced,
    make_backup,
    plan_restore,
    restore_backup,
)
from workers.batching import Batching
from workers.cache.care import Cleared, Verified
from workers.cache.figures import CacheStats, CategoryStats, Counts
from workers.daytimes import start_of
from workers.door import DEFAULT_REGISTRY, load_registry
from workers.groups import Groups
from workers.health.figures import HostFigures
from workers.home import prepare_home
from workers.kept import KeptResults
from workers.launch import start_worker, stop_worker
from workers.notices.desk import NoticeDesk, Tried
from workers.ordering import Ordering
from workers.query import bare_name
from workers.settings import Settings
from workers.sites import sites_over
from workers.status import SILENT_S, QueueStatus, WorkerStatus
from workers.store.answers import Answer
from workers.store.backup import Backup, Contents
from workers.store.batches import Batch, Template, new_batch_name
from workers.store.database import ChangePoll, ask, close_async, open_async_database, open_database, told
from workers.store.inforce import ChangedNumber
from workers.store.pauses import scope_name
from workers.store.watching import WatchPoll, open_watched
from workers.trash import Entry as TrashEntry
from workers.trashbin import Done as Trashed
from workers.trashbin import TrashBin
from workers.trashbin import entry_as_json as trash_entry_as_json
from workers.undo import UndoStep
from workers.undo import step_as_json as undo_step_as_json
from workers.undoing import Undoing
from workers.users import login_name
from workers.watcher import Watcher
from workers.windows import canonical as canonical_window

__all__ = [
    "SILENT_S",
    "Answer",
    "AsyncClient",
    "Backup",
    "Batch",
    "CacheStats",
    "CategoryStats",
    "ChangedNumber",
    "Cleared",
    "Client",
    "Contents",
    "Counts",
    "HostFigures",
    "NoticeDesk",
    "QueueStatus",
    "RestorePlan",
    "Template",
    "TrashBin",
    "TrashEntry",
    "Trashed",
    "Tried",
    "UndoStep",
    "Verified",
    "WorkerStatus",
    "backup_as_json",
    "bare_name",
    "canonical_window",
    "find_backup",
    "list_backups",
    "list_replaced",
    "load_registry",
    "login_name",
    "make_backup",
    "new_batch_name",
    "open_client",
    "plan_restore",
    "restore_backup",
    "scope_name",
    "sites_over",
    "start_of",
    "start_worker",
    "stop_worker",
    "trash_entry_as_json",
    "undo_step_as_json",
]

P = ParamSpec("P")
T = TypeVar("T")


class Client(Ordering, Asking, Groups, Batching, KeptResults, Undoing):
    """One home, for one thread at a time (or one asyncio task, through the bridge)."""


def open_client(settings: Settings, registry: str = DEFAULT_REGISTRY) -> Client:
    """The home's front door; the home and its database are made, or brought up to date, when needed."""
    if settings.read_only:
        with told(f"opening {settings.paths.database}"):
            return Client(settings, open_watched(settings.paths.database), registry)
    prepare_home(settings)
    with told(f"opening {settings.paths.database}"):
        db = open_database(str(settings.paths.database))
        bring_up(db, settings)
    return Client(settings, db, registry)


class AsyncClient:
    """The same front door for asyncio: `async with AsyncClient(settings) as client: await client.ask(Client.jobs)`."""

    def __init__(self, settings: Settings, registry: str = DEFAULT_REGISTRY) -> None:
        self.settings = settings
        self._registry = registry
        self._db: Any = None
        self._poll: ChangePoll | WatchPoll | None = None
        self._watcher: Watcher[Client] | None = None

    async def __aenter__(self) -> AsyncClient:
        if self.settings.read_only:
            self._watcher = Watcher()
            await self._watcher.open(lambda: open_client(self.settings, self._registry))
            self._poll = WatchPoll(self.settings.paths.database)
            return self
        open_client(self.settings, self._registry).close()
        self._db = open_async_database(str(self.settings.paths.database))
        self._client = Client(self.settings, self._db, self._registry)
        # Made before anybody may cancel it: a pool that is half made leaves threads behind.
        await self.ask(Client.revision)
        self._poll = ChangePoll(self.settings.paths.database)
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._poll is not None:
            self._poll.close()
        if self._watcher is not None:
            await self._watcher.close(Client.close)
        if self._db is not None:
            await close_async(self._db)

    async def ask(self, method: Callable[Concatenate[Client, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a method of `Client` without blocking the loop. Cancelling ends the waiting, not what was asked."""
        if self._watcher is not None:
            return await self._watcher.ask(method, *args, **kwargs)
        return await ask(self._db, method, self._client, *args, **kwargs)

    def changed(self) -> bool:
        """Whether anything was committed since the last call; 4 microseconds. StoreError when that cannot be read."""
        assert self._poll is not None, "the client was not entered"
        with told("looking for changes"):
            return self._poll.changed()
