"""Orders and questions about kept results: the part of the front door that leads to the cache."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workers.cache.care import Cleared, Verified, clear, verify
from workers.cache.figures import CacheStats, read_stats
from workers.errors import ReadOnlyError, UsageError
from workers.looking import look_at
from workers.media.names import key_to_path
from workers.settings import CACHE_CATEGORIES, Settings
from workers.store.audit import note_order
from workers.store.database import spoken
from workers.users import login_name


class KeptResults:
    """What `workers.client.Client` can do with the cache of its home. No worker needs to run for it."""

    settings: Settings
    _db: Any

    def _refuse_watchers(self, what: str) -> None:
        if self.settings.read_only:
            raise ReadOnlyError(what)

    def cache_stats(self) -> CacheStats:
        """What is kept, and how often it helped; figures of a running worker are seconds old at most."""
        if self.settings.read_only:
            return read_stats(self.settings.paths.cache, self.settings.cache, connect=look_at)
        return read_stats(self.settings.paths.cache, self.settings.cache)

    @spoken
    def cache_clear(self, category: str | None = None) -> Cleared:
        """Forget kept results and files, all or those of a category. UsageError for a category that there is not."""
        self._refuse_watchers("clearing the cache")
        if category is not None and category not in CACHE_CATEGORIES:
            raise UsageError(f"no category {category!r}: there are {', '.join(CACHE_CATEGORIES)}")
        cleared = clear(self.settings.paths.cache, category)
        note_order(self._db, "cache cleared", login_name(), f"{category or 'all of it'}: {cleared.entries} results")
        return cleared

    def cache_verify(self, pulse: Callable[[Verified], None] = lambda verified: None) -> Verified:
        """Look at all that is kept, and drop what is broken, too old, or belongs to a file that is gone or changed."""
        self._refuse_watchers("dropping what the cache holds wrongly")
        return verify(self.settings.paths.cache, self.settings.cache, key_to_path, pulse)
