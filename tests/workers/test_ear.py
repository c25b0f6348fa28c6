from __future__ import annotations

import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from workers.ear import Ear
from workers.errors import ConfigError
from workers.queues import Bells


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "wake"


@pytest.fixture
def ear(path: Path) -> Iterator[Ear]:
    path.write_text("left by a dead worker")
    opened = Ear(path)
    yield opened
    opened.close()
    assert not path.exists()


class Rung(list[str]):
    """The queues that were rung for."""

    def __call__(self, queue: str) -> bool:
        self.append(queue)
        return True


def test_its_socket_is_private_and_replaces_a_stale_one(path: Path, ear: Ear) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    Bells(path.parent, path).wake("look")
    assert ear.hear(5, lambda queue: True)


def test_rings_are_passed_on_until_there_are_none(path: Path, ear: Ear) -> None:
    rung = Rung()
    for queue in ("video", "images"):
        Bells(path.parent, path).wake(f"ring {queue}")
    assert not ear.hear(5, rung)
    assert rung == ["video", "images"]


def test_what_people_want_comes_before_later_rings(path: Path, ear: Ear) -> None:
    rung = Rung()
    for word in ("ring video", "look", "ring images"):
        Bells(path.parent, path).wake(word)
    assert ear.hear(5, rung) and rung == ["video"]


@pytest.mark.parametrize("word", ["", "nonsense", "ring nowhere", "\udcff"])
def test_what_nobody_understands_is_a_reason_to_look(path: Path, ear: Ear, word: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.sendto(word.encode(errors="surrogateescape"), str(path))
    assert ear.hear(5, lambda queue: queue == "video")


def test_where_none_can_be(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be listened on"):
        Ear(tmp_path / "no-folder" / "wake")
