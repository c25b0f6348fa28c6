"""What kind of filesystem a folder lies on, and whether a database may live there.

SQLite's write-ahead log needs memory that all its users share and locks that hold. Filesystems which several hosts
share give neither: two of them can damage the database without either noticing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from workers.errors import ConfigError
from workers.settings import Settings

MOUNTINFO = Path("/proc/self/mountinfo")

# Several hosts can have these mounted, or they lead out of a virtual machine to a host with locks of its own.
_NETWORK = frozenset({
    "9p", "acfs", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "fs", "fuse.afp", "fuse.beegfs", "fuse.ceph",
    "fuse.cephfs", "fuse.curlftpfs", "fuse.davfs", "fuse.davfs2", "fuse.gcsfuse", "fuse.glusterfs", "fuse.goofys",
    "fuse.gvfsd-fuse", "fuse.juicefs", "fuse.lustre", "fuse.moosefs", "fuse.prltoolsd", "fuse.rclone",
    "fuse.s3fs", "fuse.seaweedfs", "fuse.smbnetfs", "fuse.sshfs", "fuse.vmhgfs-fuse", "gfs", "gfs2", "glusterfs",
    "gpfs", "lustre", "ncpfs", "nfs", "nfs3", "nfs4", "ocfs2", "orangefs", "prl", "pvfs2", "smb", "smb2", "smb3",
    "smbfs", "vboxsf", "vmhgfs",
})  # fmt: skip
_LOCAL_FUSE = frozenset({"fuseblk", "fusectl", "fuse.ntfs", "fuse.ntfs-3g", "fuse.exfat"})


def is_network(kind: str) -> bool:
    """Whether a filesystem of this type is one on which no database may live."""
    return kind in _NETWORK


def is_doubtful(kind: str) -> bool:
    """Whether it is one in user space that we do not know: locks and shared memory may hold there, or not."""
    return kind.startswith("fuse") and kind not in _NETWORK | _LOCAL_FUSE


def mounts_in(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Mount point and type of each line of mountinfo; lines that are none are passed over."""
    for line in lines:
        before, _, after = line.partition(" - ")
        fields = before.split()
        if len(fields) > 4 and after.split():
            yield _unescaped(fields[4]), after.split()[0]


def _unescaped(field: str) -> str:
    """Blanks, tabs, newlines and backslashes are written as octal numbers there; all other bytes as they are."""
    return re.sub(r"\\([0-3][0-7]{2})", lambda found: chr(int(found[1], 8)), field)


def type_in(path: Path, mounts: Iterable[tuple[str, str]]) -> str | None:
    """The type of the filesystem of a path: of the longest mount point above it, the last mounted of equals."""
    real = os.path.realpath(path)
    best, kind = "", None
    for point, name in mounts:
        inside = real == point or real.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, name
    return kind


def type_of(path: Path) -> str | None:
    """The type of the filesystem that a path lies on, or would; None where that cannot be known."""
    try:
        lines = MOUNTINFO.read_text(encoding="utf-8", errors="surrogateescape").split("\n")
    except OSError:
        return None
    return type_in(path, mounts_in(lines))


def require_local(settings: Settings) -> None:
    """Refuse a home whose database would lie on a network filesystem, unless the person wants that. ConfigError."""
    kind = type_of(settings.paths.state)
    if kind is not None and is_network(kind) and not settings.state_on_network:
        raise ConfigError(refusal(settings.paths.state, kind))


def refusal(folder: Path, kind: str) -> str:
    """Why no database may live there, and what to do."""
    return (
        f"{folder}: lies on the network filesystem {kind}, where SQLite's locks and shared memory do not hold and the"
        " jobs could be damaged; set SPOOL_HOME (or XDG_STATE_HOME) to a folder on a local disk, outputs may stay where"
        " they are; `state_on_network = true` in the configuration takes the risk"
    )
