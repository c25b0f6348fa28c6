"""config.toml and the environment, read once into frozen settings. Nobody else reads them.

Flags win over the environment, the environment over the file. A wrong key or type is a `ConfigError` that names
the file, the key and the reason. `SPOOL_HOME=DIR` puts everything under one folder; without it the XDG folders.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from workers.errors import ConfigError
from workers.paths import Paths
from workers.salvage import line_of, only_watches, take_out
from workers.settings import Settings

_ENVIRONMENT = {
    "SPOOL_OUTPUT": ("output_dir",),
    "SPOOL_FFMPEG": ("tools", "ffmpeg"),
    "SPOOL_LOG_LEVEL": ("log_level",),
    "SPOOL_READ_ONLY": ("read_only",),
}


_BY_SIGNAL = (
    "So a worker cannot be found here: `kill -TERM PID` stops it politely; `pgrep -f 'm workers'` or, of one in the"
    " foreground, `pgrep -f 'spool worker'` tells its PID"
)
_SECRET = ("notify", "urls")  # passwords and keys are part of these, also of wrong ones
_PATHS = (("output_dir",), ("tools", "ffmpeg"), ("download", "cookies"))


def _make_absolute(values: dict[str, Any], base: Path, keys: Sequence[tuple[str, ...]] = _PATHS) -> None:
    """Make the paths among the values of a file absolute; what is of a wrong type is left to be told as such."""
    for key in keys:
        section: Any = values
        for part in key[:-1]:
            section = section.get(part) if isinstance(section, dict) else None
        text = section.get(key[-1]) if isinstance(section, dict) else None
        if isinstance(text, str) and text:
            section[key[-1]] = _path_value(".".join(key), text, base)


def _path_value(name: str, text: str, base: Path | None) -> str:
    """The value of a setting that is a path; a bare name of a program stays one, to be found on the PATH."""
    if name in ("tools.ffmpeg", "SPOOL_FFMPEG") and not text.startswith("~") and not os.path.dirname(text):
        return text
    return str(_absolute(name, text, base))


def _xdg(environ: Mapping[str, str]) -> tuple[Path, Path, Path, Path, Path]:
    import platformdirs

    dirs = platformdirs.PlatformDirs("spool", appauthor=False)
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    try:
        state = dirs.user_state_path
        run = Path(runtime) / "spool" if os.path.isabs(runtime) and os.path.isdir(runtime) else state / "run"
        return dirs.user_config_path, state, dirs.user_cache_path, run, dirs.user_videos_path / "spool"
    except RuntimeError:  # a user of no name, as in containers
        raise ConfigError(f"uid {os.getuid()} has no home directory: set SPOOL_HOME, or HOME, to a folder") from None


def _absolute(name: str, text: str, base: Path | None = None) -> Path:
    """An absolute path, from `base` (None: the current folder) on; ConfigError when there can be none of that name."""
    try:
        path = Path(os.path.abspath((base or Path()) / Path(text).expanduser()))
        os.fsencode(path)
    except (RuntimeError, ValueError) as error:
        raise ConfigError(f"{name}: {text!r} is no path: {error}") from None
    if "\0" in text:
        raise ConfigError(f"{name}: {text!r} is no path: it holds a NUL")
    return path


def find_paths(environ: Mapping[str, str], config: Path | None = None) -> Paths:
    """Where this home's folders are. Relative or empty SPOOL_HOME values are made absolute or ignored."""
    home = environ.get("SPOOL_HOME", "")
    if home:
        root = _absolute("SPOOL_HOME", home)
        folders = (root, root / "state", root / "cache", root / "run", root / "output")
    else:
        folders = _xdg(environ)
    return Paths(
        config=config or folders[0] / "config.toml",
        state=folders[1],
        cache=folders[2],
        runtime=folders[3],
        output=folders[4],
    )


def _read(path: Path, required: bool) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        if required:
            raise ConfigError(f"{path}: no such configuration file") from None
        return {}
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None


def _known_keys(section: tuple[str, ...]) -> list[str]:
    model: Any = Settings
    for name in section:
        field = model.model_fields.get(name)
        model = getattr(field, "annotation", None)
        if not isinstance(model, type) or not issubclass(model, BaseModel):
            return []
    return [name for name in model.model_fields if name != "paths"]


def variable_of(key: str, environ: Mapping[str, str] | None = None) -> str:
    """The variable of the environment that gives a setting such as tools.ffmpeg its value; empty when none does."""
    environ = os.environ if environ is None else environ
    names = (name for name, parts in _ENVIRONMENT.items() if ".".join(parts) == key and environ.get(name))
    return next(names, "")


def _describe(path: Path, error: ValidationError, environ: Mapping[str, str]) -> str:
    """All that is wrong, by where it comes from: variables of the environment, then keys of the file."""
    lines, variables = [], []
    for problem in error.errors():
        location = tuple(str(part) for part in problem["loc"])
        key = ".".join(location)
        if variable := variable_of(key, environ):
            said = problem["msg"].removeprefix("Value error, ")
            variables.append(f"{variable} in the environment: {said}, not {problem['input']!r}")
            continue
        if problem["type"] == "extra_forbidden":
            near = difflib.get_close_matches(location[-1], _known_keys(location[:-1]), n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            lines.append(f"unknown key {key!r}{hint}")
        else:
            hidden = location[:2] in (_SECRET[:1], _SECRET)
            told = "" if hidden else f", not {problem['input']!r}"
            said = problem["msg"].removeprefix("Value error, ")
            lines.append(f"{key}: {said}{'' if said != problem['msg'] else told}")
    return "; ".join([*variables, *([f"{path}: " + "; ".join(lines)] if lines else [])])


def load_settings(environ: Mapping[str, str] | None = None, config: Path | None = None) -> Settings:
    """The settings of this home. ConfigError when the file or the environment is wrong."""
    environ = os.environ if environ is None else environ
    paths = find_paths(environ, config)
    values = _read(paths.config, required=config is not None)
    if "paths" in values:
        raise ConfigError(f"{paths.config}: unknown key 'paths'; use output_dir, or SPOOL_HOME in the environment")
    # What a file says is meant from its folder on, what the environment says from the current one.
    _make_absolute(values, paths.config.absolute().parent)
    _add_environment(values, environ)
    try:
        return _made(paths, values)
    except ValidationError as error:
        raise ConfigError(_describe(paths.config, error, environ)) from None


def _add_environment(values: dict[str, Any], environ: Mapping[str, str]) -> None:
    for name, key in _ENVIRONMENT.items():
        if environ.get(name):
            section: Any = values
            for part in key[:-1]:
                section = section.setdefault(part, {})
            if isinstance(section, dict):  # else the file is wrong, which is told below
                section[key[-1]] = _path_value(name, environ[name], None) if key in _PATHS else environ[name]


def _made(paths: Paths, values: dict[str, Any]) -> Settings:
    output = values.get("output_dir")
    if isinstance(output, str) and output:
        paths = paths.model_copy(update={"output": Path(output)})
    return Settings(paths=paths, **values)


def settings_at_hand(environ: Mapping[str, str] | None = None) -> tuple[Settings, str]:
    """The settings, with the defaults for what cannot be read, and what is wrong, in one line; empty when nothing is.

    For those who only look, pause, cancel or stop. Where the home lies comes from the environment alone, so its folders
    are never guessed; ConfigError when the environment tells of none.
    """
    environ = os.environ if environ is None else environ
    try:
        paths = find_paths(environ)
    except ConfigError as error:
        raise ConfigError(f"{error}. {_BY_SIGNAL}") from None
    try:
        return load_settings(environ), ""
    except ConfigError as error:
        settings, lines = _rest(paths, environ)
        where = f" (line {', '.join(map(str, lines))})" if lines else ""
        return settings, f"{error}{where}"


def _rest(paths: Paths, environ: Mapping[str, str]) -> tuple[Settings, list[int]]:
    """What can be used of a wrong file and environment, and the lines of what cannot."""
    text = ""
    with contextlib.suppress(OSError):
        text = paths.config.read_bytes().decode(errors="replace")
    values: dict[str, Any] = {}
    with contextlib.suppress(ConfigError):
        values = _read(paths.config, required=False)
    if not values and only_watches(text):
        values = {"read_only": True}
    wrong: list[tuple[object, ...]] = [("paths",)] if values.pop("paths", None) is not None else []
    for key in _PATHS:
        try:
            _make_absolute(values, paths.config.absolute().parent, [key])
        except ConfigError:
            take_out(values, key)
            wrong.append(key)
    for name, value in environ.items():
        with contextlib.suppress(ConfigError):
            _add_environment(values, {name: value})
    while True:
        try:
            settings = _made(paths, values)
        except ValidationError as error:
            for problem in error.errors():
                take_out(values, problem["loc"])
                wrong.append(problem["loc"])
        else:
            return settings, sorted({number for key in wrong if (number := line_of(text, key)) is not None})
