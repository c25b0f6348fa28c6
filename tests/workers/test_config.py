from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.stranger import UID, become_stranger
from workers.config import load_settings
from workers.errors import ConfigError
from workers.jobs import QUEUES
from workers.settings import CACHE_CATEGORIES, Settings, slots_of
from workers.slotrange import SlotRange


def _load(home: Path, text: str | None = None, **environ: str) -> Settings:
    home.mkdir(exist_ok=True)
    if text is not None:
        (home / "config.toml").write_text(text)
    return load_settings({"SPOOL_HOME": str(home), **environ})


def test_everything_lies_under_the_home(tmp_path: Path) -> None:
    settings = load_settings({"SPOOL_HOME": str(tmp_path)})
    paths = settings.paths
    for path in (paths.config, paths.database, paths.rings, paths.lock, paths.worker_log, paths.work, paths.cache):
        assert path.is_relative_to(tmp_path)
    assert paths.output == tmp_path / "output" and paths.job_log(3).parent == paths.job_logs
    assert set(slots_of(settings)) == set(QUEUES)


def test_slots_that_follow_the_load_begin_at_the_lower_end(tmp_path: Path) -> None:
    settings = _load(
        tmp_path, "[slots]\nvideo = '2-4'\nimages = 'auto'\ndownloads = 'auto'\nmetadata = 0\npolite = true"
    )
    slots = slots_of(settings)
    assert (slots["video"], slots["images"], slots["downloads"], slots["metadata"]) == (2, 1, 1, 0)
    assert settings.slots.range_of("video") == SlotRange(2, 4)
    assert settings.slots.range_of("images") == SlotRange(1, min(32, max(2, os.cpu_count() or 1)))
    assert settings.slots.range_of("downloads") == SlotRange(1, 8)
    assert settings.slots.range_of("metadata") is None and settings.slots.polite
    assert settings.for_runner(1)["threads"] == max(1, os.cpu_count() or 1)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("outputdir = 'x'", "unknown key 'outputdir'; did you mean 'output_dir'?"),
        ("[slots]\nvidoe = 2", "unknown key 'slots.vidoe'; did you mean 'video'?"),
        ("[zzzz]\na = 1", "unknown key 'zzzz'"),
        ("[slots]\nvideo = 'many'", "slots.video:"),
        ("[slots]\nvideo = 33", "slots.video:"),
        ("[slots]\nvideo = '0-2'", "slots.video: a range begins with 1 or more"),
        ("[slots]\nvideo = '4-2'", "slots.video: the lower end comes first: \"2-4\", not '4-2'"),
        ("[jobs]\nattempts = 0", "jobs.attempts:"),
        ("output_dir = 3", "output_dir:"),
        ("slots = 3", "slots:"),
        ("log_level = 'loud'", "log_level:"),
        ("[paths]\nstate = '/x'", "unknown key 'paths'"),
        ("[cache]\nsize_mb = 3", "unknown key 'cache.size_mb'; did you mean 'size_mib'?"),
        ("[cache.share]\nmetadta = 3", "unknown key 'cache.share.metadta'; did you mean 'metadata'?"),
        ("[cache.ttl_hours]\nquality = 0", "cache.ttl_hours.quality:"),
        ("[cache]\nshare = 3", "cache.share:"),
        ("a = = 1", "not valid TOML"),
        ("output_dir = '~nobody_of_this_name/x'", "output_dir"),
        ('output_dir = "a\\u0000b"', "output_dir"),
    ],
)
def test_what_is_wrong_is_named_with_its_file(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        _load(tmp_path, text)
    assert told in str(refused.value) and refused.value.exit_code == 78


def test_a_section_that_is_no_table_is_told_even_when_the_environment_sets_a_key_of_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="tools"):
        _load(tmp_path, "tools = 3", SPOOL_FFMPEG="/bin/ffmpeg")


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"(?s)slots\.video.*jobs\.attempts"):
        _load(tmp_path, "[slots]\nvideo = -1\n[jobs]\nattempts = 'x'")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "config.toml").mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings({"SPOOL_HOME": str(tmp_path)})
    with pytest.raises(ConfigError, match="no such configuration file"):
        load_settings({}, tmp_path / "none.toml")
    (tmp_path / "raw.toml").write_bytes(b"a = '\xff\xfe'")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings({}, tmp_path / "raw.toml")


def test_the_environment_beats_the_file_unless_it_is_empty(tmp_path: Path) -> None:
    text = "output_dir = '/file'\nlog_level = 'error'\n[tools]\nffmpeg = '/file/ffmpeg'\nthreads = 3"
    (tmp_path / "config.toml").write_text(text)
    beaten = load_settings({"SPOOL_HOME": str(tmp_path), "SPOOL_OUTPUT": "/env", "SPOOL_FFMPEG": "/env/ffmpeg"})
    assert (str(beaten.paths.output), beaten.tools.ffmpeg, beaten.tools.threads) == ("/env", "/env/ffmpeg", 3)
    kept = load_settings({"SPOOL_HOME": str(tmp_path), "SPOOL_OUTPUT": "", "SPOOL_LOG_LEVEL": ""})
    assert (str(kept.paths.output), kept.log_level) == ("/file", "error")
    with pytest.raises(ConfigError) as refused:
        load_settings({"SPOOL_HOME": str(tmp_path), "SPOOL_LOG_LEVEL": "loud"})
    assert str(refused.value).startswith("SPOOL_LOG_LEVEL in the environment: ")
    assert "config.toml" not in str(refused.value) and "not 'loud'" in str(refused.value)
    (tmp_path / "config.toml").write_text("log_level = 'quiet'\n[slots]\nvideo = -1")
    with pytest.raises(
        ConfigError, match=r"SPOOL_READ_ONLY in the environment: .*; /.*config.toml: slots.*; log_level: "
    ):
        load_settings({"SPOOL_HOME": str(tmp_path), "SPOOL_READ_ONLY": "perhaps"})


def test_paths_of_the_file_are_meant_from_its_folder_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    text = "output_dir = 'films'\n[tools]\nffmpeg = '../bin/ffmpeg'\n[download]\ncookies = '~/cookies.txt'"
    relative = _load(tmp_path / "home", text)
    assert relative.paths.output == tmp_path / "home" / "films"
    assert relative.tools.ffmpeg == str(tmp_path / "bin" / "ffmpeg")
    assert relative.download.cookies == str(tmp_path / "me" / "cookies.txt")
    environ = {"SPOOL_HOME": str(tmp_path / "home"), "SPOOL_OUTPUT": "films", "SPOOL_FFMPEG": "./ffmpeg"}
    here = load_settings(environ)
    assert (here.paths.output, here.tools.ffmpeg) == (tmp_path / "cwd" / "films", str(tmp_path / "cwd" / "ffmpeg"))
    there = load_settings({**environ, "SPOOL_OUTPUT": "~/films", "SPOOL_FFMPEG": "~/ffmpeg"})
    assert (there.paths.output, there.tools.ffmpeg) == (tmp_path / "me" / "films", str(tmp_path / "me" / "ffmpeg"))


def test_a_bare_name_of_a_program_stays_one(tmp_path: Path) -> None:
    assert _load(tmp_path, "[tools]\nffmpeg = 'ffmpeg7'").tools.ffmpeg == "ffmpeg7"
    assert _load(tmp_path, "", SPOOL_FFMPEG="ffmpeg8").tools.ffmpeg == "ffmpeg8"


@pytest.mark.parametrize("key", ["[tools]\nffmpeg", "[download]\ncookies"])
def test_a_path_that_can_be_none_is_told(tmp_path: Path, key: str) -> None:
    with pytest.raises(ConfigError, match="is no path"):
        _load(tmp_path, f"{key} = '~nobody_of_this_name/x'")


def test_a_relative_home_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings({"SPOOL_HOME": "here"}).paths.state == tmp_path / "here" / "state"
    with pytest.raises(ConfigError, match="SPOOL_HOME"):
        load_settings({"SPOOL_HOME": "~nobody_of_this_name"})


def test_xdg_folders_and_what_is_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative/is/ignored")
    monkeypatch.setenv("XDG_STATE_HOME", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    paths = load_settings({**os.environ, "SPOOL_HOME": "", "XDG_RUNTIME_DIR": "relative"}).paths
    assert paths.config == tmp_path / ".config" / "spool" / "config.toml"
    assert paths.state == tmp_path / ".local" / "state" / "spool"
    assert paths.cache == tmp_path / "cache" / "spool"
    assert paths.runtime == paths.state / "run"


def test_what_runners_get_is_plain(tmp_path: Path) -> None:
    import json

    settings = load_settings({"SPOOL_HOME": str(tmp_path)})
    assert json.loads(json.dumps(settings.for_runner())) == settings.for_runner()
    assert settings.for_runner()["threads"] >= 1


def test_shares_of_the_cache_never_exceed_it(tmp_path: Path) -> None:
    cache = _load(tmp_path, "[cache]\nsize_mib = 10\n[cache.share]\nmetadata = 85\nconversion = 0").cache
    limits = [cache.limit_bytes(category) for category in CACHE_CATEGORIES]
    assert 0 <= (10 << 20) - sum(limits) < len(limits)
    assert cache.limit_bytes("metadata") > (10 << 20) // 2 and cache.limit_bytes("conversion") == 0
    assert cache.limit_bytes("unheard of") == 0 == cache.ttl_s("unheard of")
    assert cache.ttl_s("conversion") == 86_400


@pytest.mark.parametrize("mib", [-1, 1, 511, 8193, 1_000_000])
def test_memory_that_no_job_can_have_is_refused(tmp_path: Path, mib: int) -> None:
    with pytest.raises(ConfigError, match=f"jobs.memory_mib: the memory of a job in MiB is 512 to 8192.*not {mib}"):
        _load(tmp_path, f"[jobs]\nmemory_mib = {mib}\n")


@pytest.mark.parametrize("mib", [0, 512, 8192])
def test_memory_that_a_job_can_have_is_taken(tmp_path: Path, mib: int) -> None:
    assert _load(tmp_path, f"[jobs]\nmemory_mib = {mib}\n").jobs.memory_mib == mib


def test_a_user_without_a_home_directory_is_told_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    become_stranger(monkeypatch)
    with pytest.raises(ConfigError, match=f"uid {UID} has no home directory: set SPOOL_HOME"):
        load_settings({})
    assert load_settings({"SPOOL_HOME": str(tmp_path)}).paths.state == tmp_path / "state"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_settings({}).paths.state == tmp_path / ".local/state/spool"
