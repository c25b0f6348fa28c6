"""Noting orders that are given where no client is open: stopping the worker, making a backup."""

from __future__ import annotations

import logging

from workers.errors import SpoolError
from workers.settings import Settings
from workers.users import login_name

log = logging.getLogger(__name__)


def note_by_hand(settings: Settings, order: str, reason: str) -> None:
    """Note an order of whoever runs this process. Where the history cannot be written, what was ordered holds still."""
    from workers.store.audit import note_order
    from workers.store.database import DatabaseError, open_database
    from workers.store.migrations import behind

    path = settings.paths.database
    if not path.exists():
        return
    db = open_database(str(path))
    try:
        if not behind(db):
            note_order(db, order, login_name(), reason)
    except (DatabaseError, SpoolError) as error:
        log.warning("%s cannot be noted in the history: %s", order, error)
    finally:
        db.close()
