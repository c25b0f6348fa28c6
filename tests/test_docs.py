"""Nothing goes undocumented: settings, keys, verbs, operations, moves, errors."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import click
import pytest

from console.cli.operations import job_options, known_operations
from console.cli.root import VERBS, spool
from tests.support.documents import PARTS, ROOT, example_config, written
from workers import settings as settings_module
from workers.config import load_settings
from workers.settings import Settings
from workers.version import VERSION


@pytest.mark.parametrize("path", PARTS)
def test_generated_parts_are_up_to_date(path: str) -> None:
    assert (ROOT / path).read_text(encoding="utf-8") == written(path), "run `make docs`"


def test_the_example_has_every_setting_and_no_other() -> None:
    text = (ROOT / "config.example.toml").read_text(encoding="utf-8")
    assert text == example_config(), "run `make docs`"
    model = Settings.model_json_schema()
    assert set(tomllib.loads(uncommented(text))) == set(model["properties"]) - {"paths"}


def uncommented(text: str) -> str:
    return re.sub(r"^#(?=\w+ = )", "", text, flags=re.MULTILINE)


def test_the_example_loads_and_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings_module, "_cores", lambda: 2)  # the defaults of a machine with two cores
    environ = {"SPOOL_HOME": str(tmp_path)}
    plain = load_settings(environ)
    for text in (example_config(), uncommented(example_config())):
        (tmp_path / "config.toml").write_text(text, encoding="utf-8")
        assert load_settings(environ) == plain


def test_every_setting_has_its_sentence() -> None:
    lines = example_config().splitlines()
    for number, line in enumerate(lines):
        if re.match(r"#\w+ = ", line):
            assert lines[number - 1].startswith("# "), line


def documents() -> dict[str, str]:
    paths = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    return {path.name: path.read_text(encoding="utf-8") for path in paths}


def test_links_lead_somewhere() -> None:
    for name, text in documents().items():
        folder = ROOT if name == "README.md" else ROOT / "docs"
        for target in re.findall(r"\]\(([^)#:]+)\)", text):
            assert (folder / target).exists(), f"{name} links to {target}"


def test_the_environment_is_documented() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    source = "".join(
        path.read_text(encoding="utf-8") for room in ("workers", "console") for path in (ROOT / room).rglob("*.py")
    )
    named = set(re.findall(r"[\"'](SPOOL_[A-Z_]+)[\"']", source))
    assert named, "the search finds nothing"
    missing = {name for name in named if name not in text and not name.startswith("SPOOL_TEST")}
    assert not missing


def commands_in(text: str) -> list[list[str]]:
    blocks = re.findall(r"```\n(.*?)```", text, re.DOTALL)
    lines = [line.partition("#")[0] for block in blocks for line in block.splitlines()]
    found = [line.partition(" < ")[0].partition(" | ")[0] for line in lines if line.startswith("spool")]
    return [shlex.split(line)[1:] for line in found]


def test_every_command_in_the_documents_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {*VERBS, *(operation.name for operation in known_operations())}
    seen = [words for text in documents().values() for words in commands_in(text) if words]
    assert len(seen) > 10
    for words in seen:
        assert words[0] in known, words
        command = spool.get_command(click.Context(spool), words[0])
        assert command is not None
        options = {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
        for word in words[1:]:
            if word.startswith("--"):
                assert word in options, words


def test_the_changelog_tells_of_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## [{VERSION}]" in text
    assert tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"] == VERSION


def test_every_room_of_the_map_exists() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"```\n(console/ .*?)```", text, re.DOTALL)
    assert block
    room = ""
    for line in block[1].splitlines():
        names = re.findall(r"[\w.]+(?:/|\.py)(?=\s|$)", line[:20] if line.startswith("  ") else line.split()[0])
        room = names[0] if not line.startswith(" ") else room
        for name in names:
            path = ROOT / name if not line.startswith(" ") else ROOT / room / name
            assert path.exists(), line


def test_no_example_is_read_by_a_shell_as_a_file() -> None:
    """`age<1d` pasted into a shell reads a file, `age>2d` overwrites one: such words stand in quotes or not at all."""
    for name, text in documents().items():
        assert not re.findall(r"(?<!['\"])\b(?:age|id)[<>]\d\w*", text), name
    for verb in VERBS:
        found = spool.get_command(click.Context(spool), verb)
        assert found is not None and not re.search(r"\b(?:age|id)[<>]\d", found.get_help(click.Context(found))), verb


def test_the_page_of_operations_names_what_all_of_them_take() -> None:
    intro = documents()["operations.md"].partition("<!-- operations -->")[0]
    common = [option.opts[0] for option in job_options()] + ["-0", "--json"]
    assert [flag for flag in common if f"`{flag}`" not in intro] == []
