from __future__ import annotations

import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from workers import demo
from workers.client import open_client
from workers.config import load_settings
from workers.demo import material, orders, range_of
from workers.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"SPOOL_HOME": str(tmp_path / "home")})


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str, bytes]]:
    folder = tmp_path / "clips"
    folder.mkdir()
    data = bytes(range(256)) * 40
    (folder / "a clip.mp4").write_bytes(data)
    (tmp_path / "secret").write_bytes(b"not to be served")
    process = subprocess.Popen([sys.executable, "-m", "workers.demo", str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield process, process.stdout.readline().strip(), data
    process.terminate()
    process.wait(10)
    process.stdout.close()


def fetched(url: str, **headers: str) -> tuple[int, bytes]:
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=20) as answer:
        return answer.status, answer.read()


def test_clips_are_served_whole_and_in_parts(server: tuple[object, str, bytes]) -> None:
    _, url, data = server
    assert url.startswith("http://127.0.0.1:")
    assert fetched(f"{url}/a%20clip.mp4") == (200, data)
    assert fetched(f"{url}/a%20clip.mp4", Range="bytes=100-199") == (206, data[100:200])
    assert fetched(f"{url}/a%20clip.mp4", Range="bytes=10000-") == (206, data[10000:])


@pytest.mark.parametrize("path", ["missing.mp4", "", "../secret", "%2e%2e/secret", "/etc/passwd"])
def test_nothing_else_is_served(server: tuple[object, str, bytes], path: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        fetched(f"{server[1]}/{path}")
    assert caught.value.code == 404
    caught.value.close()


@pytest.mark.parametrize(
    ("header", "part"),
    [("", (0, 10)), ("bytes=2-", (2, 10)), ("bytes=2-4", (2, 5)), ("bytes=2-99", (2, 10)), ("bytes=10-", (0, 10))],
)
def test_ranges(header: str, part: tuple[int, int]) -> None:
    assert range_of(header, 10) == part


def test_an_idle_server_ends_by_itself(tmp_path: Path) -> None:
    code = (
        "import sys; from workers import demo; demo._IDLE_S = 0.0; "
        f"sys.argv = ['x', {str(tmp_path)!r}]; sys.exit(demo.main())"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("http://127.0.0.1:")


def test_material_is_made_once_and_whole(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    import av

    monkeypatch.setattr(demo, "_PICTURES", 3)
    monkeypatch.setattr(demo, "_SECONDS", dict.fromkeys(demo._SECONDS, 1))
    told: list[str] = []
    folder = material(settings, told.append)
    clips = sorted((folder / "clips").iterdir())
    assert [clip.stem for clip in clips] == sorted(demo._CLIPS)
    for clip in clips:
        with av.open(str(clip)) as container:
            assert {stream.type for stream in container.streams} == {"video", "audio"}
            assert container.metadata["title"] == clip.stem
    assert len(list((folder / "pictures").iterdir())) == 3
    assert sorted(path.name for path in folder.iterdir()) == ["clips", "pictures"]
    assert len(told) == 2
    material(settings, told.append)
    assert len(told) == 2


def test_the_orders_can_be_submitted(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    for name in demo._CLIPS:
        (tmp_path / "clips" / f"{name}.mp4").touch()
    client = open_client(settings)
    ids: list[int] = []
    for order in orders("http://127.0.0.1:9", tmp_path, tmp_path / "out"):
        after = [ids[place] for place in order.after]
        ids.append(client.submit(order.operation, order.values, priority=order.priority, after=after, hold=True).id)
    jobs = client.jobs(sort="id")
    assert {job.operation for job in jobs} == {"download", "transcode", "thumbnail"}
    assert any(job.after for job in jobs)
    client.close()
