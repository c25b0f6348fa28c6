"""The sandbox of tools: its command line everywhere, and itself where bubblewrap works."""

from __future__ import annotations

import os
import shutil
import signal
import stat
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.support.media import CONCAT_TEXT, H264, ffmpeg, film_source
from workers.errors import ErrorClass, JobFailed
from workers.media import environment, sandbox
from workers.media.ffmpeg import locate, run
from workers.media.sandbox import Files, Sandbox, command_line, ended, files_of

BOX = Sandbox("/usr/bin/bwrap")


def _pairs(words: list[str], option: str, count: int = 2) -> list[tuple[str, ...]]:
    return [tuple(words[at + 1 : at + 1 + count]) for at, word in enumerate(words) if word == option]


def test_the_files_of_a_command_are_those_that_it_names() -> None:
    command = ["ffmpeg", "-f", "mp4", "-i", "file:/in/a b.mp4", "-i", "file:/in/c.mkv", "-i", "color=gray"]
    command += ["-metadata", "title=file:/etc/passwd", "-attach", "file:/stage/1/cover.jpg", "file:/stage/1/out.mkv"]
    found = files_of(command, [Path("/logs")])
    assert found.reads == ("/in/a b.mp4", "/in/c.mkv", "/stage/1/cover.jpg")
    assert found.folders == ("/logs", "/stage/1")


def test_a_command_line_shows_only_what_is_needed() -> None:
    words = command_line(BOX, ["/home/me/bin/ffmpeg", "-version"], Files(("/films/in.mp4",), ("/films/.spool-1/1",)))
    assert words[0] == "/usr/bin/bwrap" and words[-3:] == ["--", "/home/me/bin/ffmpeg", "-version"]
    assert {"--unshare-all", "--die-with-parent"} <= set(words) and "--share-net" not in words
    assert _pairs(words, "--cap-drop", 1) == [("ALL",)] and "--cap-add" not in words
    assert _pairs(words, "--bind") == [("/films/.spool-1/1", "/films/.spool-1/1")]
    shown = {path for path, _ in _pairs(words, "--ro-bind-try")}
    assert {"/films/in.mp4", "/home/me/bin/ffmpeg", "/home/me/lib", "/usr"} <= shown
    assert not {"/", "/etc", "/home", "/home/me", "/home/me/bin", "/films", "/run", "/proc", "/sys", "/var"} & shown
    assert "--new-session" not in words  # signals to the group of the runner must arrive
    assert words.index("/films/.spool-1/1") < words.index("/films/in.mp4")


def test_hardware_gets_its_devices_and_root_no_user_namespace() -> None:
    words = command_line(Sandbox("bwrap", devices=("/dev/dri",), root=True), ["/usr/bin/ffmpeg"], Files())
    assert _pairs(words, "--dev-bind-try") == [("/dev/dri", "/dev/dri")]
    assert "--proc" in words and "--unshare-all" not in words and "--unshare-net" in words
    assert _pairs(words, "--cap-add", 1) == [("CAP_DAC_READ_SEARCH",)]
    assert not [path for path, _ in _pairs(words, "--ro-bind-try") if path.startswith("/usr/")]


def test_it_travels_as_plain_data() -> None:
    box = Sandbox("/usr/bin/bwrap", "", True, ("/dev/dri",), True)
    assert Sandbox.of(asdict(box)) == box
    assert Sandbox.of({**asdict(box), "devices": ["/dev/dri"]}) == box
    assert Sandbox.of(None) == Sandbox() and not Sandbox.of("x").program


def test_signals_are_told_as_such() -> None:
    assert [ended(code) for code in (0, 1, 137, 139, 228, 255)] == [0, 1, -9, -11, 228, 255]


@pytest.fixture
def restored() -> Iterator[None]:
    """No sandbox of this test is left to others."""
    yield
    sandbox.use(Sandbox())


def test_where_it_is_required_and_missing_nothing_runs(restored: None) -> None:
    sandbox.use(Sandbox(why_not="bubblewrap (bwrap) is not installed", required=True))
    with pytest.raises(JobFailed, match=r"bwrap.*not installed") as caught:
        run([locate(), "-f", "lavfi", "-i", "color", "-frames:v", "1", "-f", "null", "-"])
    assert caught.value.failure.error_class is ErrorClass.TOOL


def test_what_holds_is_found_by_trying(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "tools.sandbox" in sandbox.probe("off", locate()).why_not
    monkeypatch.setenv("PATH", str(tmp_path))
    missing = sandbox.probe("on", locate())
    assert not missing.program and missing.required and "not installed" in missing.why_not
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho 'No permissions to create a new namespace' >&2\nexit 1\n")
    broken.chmod(0o700)
    found = sandbox.probe("auto", locate())
    assert not found.program and not found.required and "No permissions" in found.why_not


# ---------------------------------------------------------------- with bubblewrap


@pytest.fixture(scope="module")
def box() -> Sandbox:
    """A sandbox that works here, as a runner would use it."""
    found = sandbox.probe("auto", locate())
    if not found.program:
        pytest.skip(f"not run: {found.why_not}")
    return found


@pytest.fixture
def inside(box: Sandbox, restored: None) -> Sandbox:
    """Tools of this test run in it."""
    sandbox.use(box)
    return box


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of film."""
    path = tmp_path_factory.mktemp("films") / "film.mp4"
    ffmpeg(*film_source(2), *H264, path)
    return path


def _tool(folder: Path, script: str) -> str:
    """A program that stands in for ffmpeg and tells what it can see."""
    path = folder / "tool"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    return str(path)


def test_a_film_is_encoded_and_nothing_else_seen(inside: Sandbox, film: Path, tmp_path: Path) -> None:
    before = film.read_bytes()
    stage = tmp_path / "stage"
    stage.mkdir()
    seen: list[float] = []
    command = [locate(), "-i", f"file:{film}", *H264, f"file:{stage / 'out.mp4'}"]
    run(command, duration_s=2, on_progress=lambda progress: seen.append(progress.fraction or 0))
    assert seen[-1] == 1.0 and (stage / "out.mp4").stat().st_size > 1000
    assert (stage / "out.mp4").stat().st_uid == os.getuid()
    assert film.read_bytes() == before
    (tmp_path / "list.txt").write_text(CONCAT_TEXT.format(secret=film))
    words = [locate(), "-f", "concat", "-safe", "0", "-i", f"file:{tmp_path / 'list.txt'}", "-f", "null", "-"]
    with pytest.raises(JobFailed):  # what a list names is not there, though nothing was forbidden to ffmpeg
        run(words)


def test_what_is_not_named_is_not_there(inside: Sandbox, film: Path, tmp_path: Path) -> None:
    stage, home = tmp_path / "stage", tmp_path / "home"
    for folder in (stage, home):
        folder.mkdir()
    (home / "key").write_text("secret")
    beside = film.with_name("other.mp4")
    beside.write_text("another film")
    script = f"""
    cat {home}/key {beside} /etc/passwd /etc/hostname > {stage}/seen 2>/dev/null
    (echo changed > {film}) 2>/dev/null
    (echo new > {film.parent}/new) 2>/dev/null
    env > {stage}/environ
    id -u > {stage}/id
    true"""
    run([_tool(tmp_path, script), "-i", f"file:{film}", f"file:{stage / 'out'}"])
    assert (stage / "seen").read_text() == ""
    assert film.stat().st_size > 1000 and not film.with_name("new").exists()
    names = {line.partition("=")[0] for line in (stage / "environ").read_text().splitlines()}
    of_the_shell = {"PWD", "OLDPWD", "SHLVL", "_"}
    assert names <= {*environment.for_tools(os.environ), "AV_LOG_FORCE_NOCOLOR", "SVT_LOG", *of_the_shell}
    assert (stage / "id").read_text().strip() == str(os.getuid())
    assert stat.S_IMODE(film.stat().st_mode) & 0o200


def test_there_is_no_network(inside: Sandbox, tmp_path: Path) -> None:
    if not os.path.exists("/usr/bin/python3"):
        pytest.skip("not run: no Python among the system's programs")
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code = f"import socket; socket.create_connection(('127.0.0.1', {port}), 2)"
        tool = _tool(tmp_path, f'exec /usr/bin/python3 -c "{code}"')
        with pytest.raises(JobFailed, match=r"refused|unreachable|ended with 1"):
            run([tool])
        server.settimeout(0.1)
        with pytest.raises(TimeoutError):
            server.accept()


def test_a_tool_that_is_killed_is_told_so(inside: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(JobFailed, match="ended by SIGSEGV") as caught:
        run([_tool(tmp_path, "kill -SEGV $$")])
    assert caught.value.failure.error_class is ErrorClass.CRASHED


def test_what_a_listener_raises_ends_it(inside: Sandbox, tmp_path: Path) -> None:
    class Enough(Exception):
        """Stop here."""

    def stop(progress: object) -> None:
        raise Enough

    with pytest.raises(Enough):
        run([locate(), "-re", "-f", "lavfi", "-i", "testsrc2=size=64x64", "-f", "null", "-"], on_progress=stop)
    assert not [pid for pid in _below(os.getpid()) if _name(pid) in ("bwrap", "ffmpeg")]


def _name(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()[:6]


def _below(pid: int) -> list[int]:
    import psutil

    return [child.pid for child in psutil.Process(pid).children(recursive=True) if child.status() != "zombie"]


def test_it_is_the_real_program(box: Sandbox) -> None:
    program = shutil.which("bwrap")
    assert program and box.program == os.path.realpath(program)
    assert signal.SIGSEGV in sandbox._TOLD_SIGNALS
