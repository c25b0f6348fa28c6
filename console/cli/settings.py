"""`spool config`: which configuration holds, and whether it is right."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from console.cli.output import say, say_json, tell
from console.cli.words import json_option
from workers.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from workers.settings import Settings


@click.command()
@click.option("--path", "what", flag_value="path", help="Only the path of config.toml.")
@click.option("--show", "what", flag_value="show", help="Every setting as it holds now. [default]")
@click.option("--check", "what", flag_value="check", help="Say whether it can be used; exit code 78 if not.")
@json_option
def config(what: str | None, as_json: bool) -> int:
    """Show or check the configuration. config.example.toml documents every setting."""
    import os

    from workers.config import find_paths, load_settings

    if what == "path":  # answered even when the file is wrong: that is when it is wanted
        path = str(find_paths(os.environ).config)
        say_json({"path": path}) if as_json else say(path)
        return 0
    settings = load_settings()
    if what == "check":
        return _checked(settings, as_json)
    if as_json:
        say_json(settings_as_json(settings))
    else:
        for line in settings_as_toml(settings):
            say(line)
    return 0


def _checked(settings: Settings, as_json: bool) -> int:
    path = settings.paths.config
    found, problems = path.exists(), list(_problems(settings))
    if as_json:
        say_json({"path": str(path), "exists": found, "ok": not problems, "problems": problems})
    elif problems:
        for problem in problems:
            tell(f"{path}: {problem}")
    else:
        tell(f"{path}: {'can be used' if found else 'does not exist; the defaults hold'}")
    return ConfigError.exit_code if problems else 0


def _problems(settings: Settings) -> Iterator[str]:
    """What can be read and cannot work: keys of the console, and services and programs to be told. Nothing is sent."""
    yield from key_problems(settings)
    if settings.notify.urls or settings.notify.command:
        from workers.client import NoticeDesk

        yield from (f"notify: {one.way.name}: {one.said}" for one in NoticeDesk(settings).check() if not one.ok)


def key_problems(settings: Settings) -> list[str]:
    """Keys of the console that cannot work, in words."""
    if not settings.console.keys:
        return []
    from console.keymap import checked_keymap  # textual is not loaded by those who set no keys

    return checked_keymap(settings.console.keys)[1]


def settings_as_json(settings: Settings) -> dict[str, Any]:
    """Every setting, with the paths that follow from them. A password inside a URL is not shown."""
    shown: dict[str, Any] = settings.model_dump(mode="json")
    for section in shown.values():
        if isinstance(section, dict):
            section.update((key, without_password(value)) for key, value in section.items() if isinstance(value, str))
    return shown


def without_password(text: str) -> str:
    """A URL without the password in it; any other text as it is."""
    import re

    return re.sub(r"(?<=://)([^/@:\s]*):[^/@\s]*@", r"\1:***@", text)


def settings_as_toml(settings: Settings) -> list[str]:
    """Every setting as lines of TOML, with the paths as comments."""
    shown = settings_as_json(settings)
    lines = [f"# {name}: {path}" for name, path in shown.pop("paths").items()]
    lines += [f"{key} = {_toml(value)}" for key, value in shown.items() if not isinstance(value, dict)]
    for name, section in shown.items():
        if isinstance(section, dict):
            lines += ["", f"[{name}]"]
            lines += [f"{key} = {_toml(value)}" for key, value in section.items()]
    return lines


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        inner = ", ".join(f"{json.dumps(key)} = {_toml(part)}" for key, part in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, (bool, int, float, str)):
        return json.dumps(value, ensure_ascii=False)  # these four are written alike in JSON and TOML
    raise UsageError(f"{value!r} cannot be written as TOML")
