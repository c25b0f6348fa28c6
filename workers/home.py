"""The folders of one home."""

from __future__ import annotations

from workers import filesystems
from workers.files import own_folder, private_folder
from workers.settings import Settings


def prepare_home(settings: Settings) -> None:
    """Make the home's private folders. ConfigError when that cannot be, or where no database may live."""
    filesystems.require_local(settings)
    paths = settings.paths
    for folder in (paths.state, paths.rings, paths.job_logs, paths.runtime):
        private_folder(folder)
    if paths.wake_socket.parent != paths.runtime:
        own_folder(paths.wake_socket.parent)
