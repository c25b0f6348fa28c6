"""The type of a filesystem out of a mountinfo text, and homes that are refused for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from workers import filesystems
from workers.client import open_client
from workers.config import load_settings
from workers.errors import ConfigError
from workers.filesystems import is_doubtful, is_network, mounts_in, type_in

MOUNTINFO = r"""22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:25 / /srv/media\040files rw shared:2 - nfs4 box:/media rw,vers=4.2
31 22 0:26 / /srv rw shared:3 - xfs /dev/sdb1 rw
32 31 0:27 / /srv rw - tmpfs tmpfs rw
33 22 0:28 / /mnt/back\134slash\011tab rw - cifs //box/share rw
34 22 0:29 / /mnt/Grüße rw - fuse.sshfs box: rw
broken line
35 22 0:30 / /mnt/cut rw -
"""


def kind_of(path: str) -> str | None:
    return type_in(Path(path), mounts_in(MOUNTINFO.split("\n")))


def test_mounts_are_read_with_their_blanks() -> None:
    assert list(mounts_in(MOUNTINFO.split("\n"))) == [
        ("/", "ext4"),
        ("/srv/media files", "nfs4"),
        ("/srv", "xfs"),
        ("/srv", "tmpfs"),
        ("/mnt/back\\slash\ttab", "cifs"),
        ("/mnt/Grüße", "fuse.sshfs"),
    ]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/x", "ext4"),
        ("/srv/media files", "nfs4"),
        ("/srv/media files/x", "nfs4"),
        ("/srv/mediafiles", "tmpfs"),
        ("/srvx", "ext4"),
        ("/mnt/back\\slash\ttab/x", "cifs"),
        ("/mnt/Grüße/x/y", "fuse.sshfs"),
    ],
)
def test_the_nearest_mount_holds_a_path(path: str, kind: str) -> None:
    assert kind_of(path) == kind


def test_a_link_is_followed_before_its_mount_is_looked_for(tmp_path: Path) -> None:
    there, link = tmp_path / "there", tmp_path / "link"
    there.mkdir()
    link.symlink_to(there)
    mounts = [("/", "ext4"), (str(there.resolve()), "nfs")]
    assert type_in(link / "spool", mounts) == "nfs"


def test_nothing_is_known_without_a_table_of_mounts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(filesystems, "MOUNTINFO", tmp_path / "none")
    assert filesystems.type_of(tmp_path) is None
    assert type_in(tmp_path, []) is None


def test_types_are_told_apart() -> None:
    assert all(map(is_network, ("nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "9p", "ceph", "glusterfs", "vboxsf")))
    local = ("ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "fuseblk", "apfs", "")
    assert not any(map(is_network, local)) and not any(map(is_doubtful, local))
    assert is_doubtful("fuse.mergerfs") and not is_doubtful("fuse.sshfs")


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home that the table of mounts has on NFS."""
    table = tmp_path / "mountinfo"
    table.write_text(f"1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:9 / {tmp_path.resolve()}/home rw - nfs4 box:/h rw\n")
    monkeypatch.setattr(filesystems, "MOUNTINFO", table)
    return tmp_path / "home"


def test_a_home_on_a_network_is_refused_before_anything_is_made(network: Path) -> None:
    settings = load_settings({"SPOOL_HOME": str(network)})
    with pytest.raises(ConfigError) as refused:
        open_client(settings)
    message = str(refused.value)
    assert all(word in message for word in (str(settings.paths.state), "nfs4", "SPOOL_HOME", "state_on_network"))
    assert refused.value.exit_code == 78
    assert not network.exists()


def test_a_person_may_take_the_risk(network: Path) -> None:
    network.mkdir()
    (network / "config.toml").write_text("state_on_network = true\n")
    client = open_client(load_settings({"SPOOL_HOME": str(network)}))
    assert client.count() == 0
    client.close()


def test_a_home_beside_a_network_is_none_of_its_business(network: Path) -> None:
    open_client(load_settings({"SPOOL_HOME": str(network) + "2"})).close()
