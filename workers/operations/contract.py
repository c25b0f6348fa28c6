"""What an operation is: one file that declares its name, parameters and functions.

Flags of the command line, the form of the console, validation and documentation are derived from `Operation`
and the pydantic class of its parameters. Heavy imports (yt-dlp, PyAV, Pillow) stay inside the functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Literal, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from workers.errors import InvalidParams
from workers.jobs import MOST_AT_ONCE, Outcome, Progress
from workers.media.names import key_to_path


class Params(BaseModel):
    """Base of every operation's parameters. The field `inputs`, where there is one, is positional.

    Hints for forms and flags go into `Field(json_schema_extra={...})`: `short` (one-letter flag), `advanced`
    (second page of the form), `path` (complete file names), `secret` (never shown).
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    @field_validator("*")
    @classmethod
    def _whole_paths(cls, value: Any, info: ValidationInfo) -> Any:
        """A short path is never looked for in the working folder of the worker: of the root, nobody asked for all."""
        hints = cls.model_fields[info.field_name or ""].json_schema_extra
        if isinstance(hints, dict) and hints.get("path"):
            for path in (value,) if isinstance(value, str) else value:
                if path or not isinstance(value, str):  # one empty text is an option that was not given
                    check_path(path)
        return value


def check_path(path: str) -> None:
    """ValueError with the reason when `path` is no whole path, or its `bytes:` form."""
    if not path.strip():
        raise ValueError(EMPTY_NAME)
    if not key_to_path(path).is_absolute():
        raise ValueError(f"{path!r} is no whole path: it must begin with /")


def flag_of(name: str) -> str:
    """The flag of a field, as it is typed."""
    return "--" + name.replace("_", "-")


EMPTY_NAME = "the name is empty; nothing was done"


class BulkParams(Params):
    """Base of the parameters of operations on many files: which files are taken, and how they are worked through.

    Redeclare `inputs` to say what kinds of files are meant.
    """

    inputs: tuple[str, ...] = Field(min_length=1, json_schema_extra={"path": True})
    """Files, or folders of them (walked in full)."""

    recursive: bool = Field(default=True, json_schema_extra={"advanced": True})
    """Walk folders in full; off: only the files that lie directly in them."""

    only: tuple[str, ...] = Field(default=(), json_schema_extra={"advanced": True})
    """Of folders, take only files of these names, as in *.flac; with a slash, of these paths below the folder."""

    skip: tuple[str, ...] = Field(default=(), json_schema_extra={"advanced": True})
    """Of folders, leave out files and folders of these names, as in *sample*; with a slash, of these paths."""

    items: tuple[str, ...] = Field(default=(), json_schema_extra={"advanced": True, "path": True})
    """Of all that the inputs hold, take just these files; none given takes all. Outputs go where they would anyway."""

    processes: int = Field(default=0, ge=0, le=MOST_AT_ONCE, json_schema_extra={"advanced": True})
    """Processes that share the work of one job; 0 takes as many as suit the operation and the cores."""

    item_attempts: int = Field(default=2, ge=1, le=10, json_schema_extra={"advanced": True})
    """Attempts at one input whose trouble may pass or that ends its process, before it fails and the others go on."""

    memory_mib: int = Field(default=0, ge=0, le=8192, json_schema_extra={"advanced": True})
    """Memory of the whole job over all its processes in MiB, from 512; 0 leaves it to the configuration."""

    cache: Literal["on", "off", "content"] = Field(default="on", json_schema_extra={"advanced": True})
    """on uses kept results of files that did not change by path, size, time and inode; content compares checksums of
    the files instead; off works anew and keeps nothing. Only results that are worth keeping are kept."""

    def own(self) -> dict[str, Any]:
        """What the result for an input depends on: all but the fields of the engine."""
        return self.model_dump(mode="json", exclude=set(ENGINE_FIELDS))

    @field_validator("only", "skip")
    @classmethod
    def _good_patterns(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in value:
            if not pattern.strip():
                raise ValueError("a pattern is empty, and no name fits it; write one such as *.flac")
            if "[" in pattern and "]" not in pattern[pattern.index("[") + 2 :]:
                raise ValueError(f"{pattern!r} has a [ without its ]; [[] stands for the sign itself")
        return value

    @field_validator("memory_mib")
    @classmethod
    def _enough(cls, value: int) -> int:
        if 0 < value < _LEAST_MEMORY_MIB:
            raise ValueError(f"a job needs {_LEAST_MEMORY_MIB} MiB or more; 0 leaves it to the configuration")
        return value


_LEAST_MEMORY_MIB = 512
ENGINE_FIELDS = frozenset(
    {"inputs", "recursive", "only", "skip", "items", "processes", "item_attempts", "memory_mib", "cache"}
)  # what no result depends on

P = TypeVar("P", bound=Params)


@dataclass(frozen=True, slots=True)
class Result:
    """What a finished job or item leaves: absolute paths of published files, and facts for people."""

    outputs: tuple[Path, ...] = ()
    detail: Mapping[str, Any] = field(default_factory=dict)
    outcome: Outcome = Outcome.DONE  # of an item: also SKIPPED, when nothing had to be done; `detail` says why


class Context(Protocol):
    """All that an operation may ask of its runner. The runner implements it; tests use a plain one."""

    @property
    def job_id(self) -> int:
        """The id of the job."""

    @property
    def work_dir(self) -> Path:
        """A private folder for partial work. Kept between attempts and by failed jobs, else removed at the end."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """The configuration that media functions need: `output_dir`, `ffmpeg`, `threads`, `download` (a mapping)."""

    def report(self, progress: Progress) -> None:
        """Tell how far the work is. Cheap; may be called often (the runner passes on at most 10 a second)."""

    def alive(self) -> None:
        """A sign of life without figures, so that slow work is not taken for a stall."""

    def log(self, line: str) -> None:
        """Write one line into the job's log."""

    def title(self, text: str) -> None:
        """What a person calls this job, now that it is known better than by its parameters."""

    def staging(self, folder: Path) -> Path:
        """A fresh hidden folder inside `folder` (made if missing), on the filesystem of the final file.

        Recorded before it is made, so that the next worker can remove it after a crash; removed when the job ends.
        """

    def publish(self, staged: Path, target: Path, *, unique: bool = True) -> Path:
        """Flush `staged` and rename it to `target` without clobbering; the path it got.

        Asks the worker first: raises `LeaseLost` when this attempt no longer counts. When `target` exists, `unique`
        picks "name (2).ext" and so on; else JobFailed(bad_input) is raised.
        """

    def replace(
        self, staged: Path, target: Path, *, original: Path, aside: Path, was: tuple[int, int, int], mode: int
    ) -> None:
        """Flush `staged`, and let it take the name `target` (it may be `original`) while `original` goes to `aside`.

        Asks the worker first, as `publish`. `was` is inode, size and time of change (ns) of the original as it was
        read, `mode` what the new file gets. JobFailed(bad_input), with all as before, when the original changed or
        another file has the name. Use `workers.operations.trash.replace`, which keeps the records too.
        """

    def kept_file(
        self, source: Path, staged: Path, options: Mapping[str, Any], make: Callable[[Path], Mapping[str, Any]]
    ) -> tuple[Mapping[str, Any], bool]:
        """Fill `staged` from the cache, or by `make(staged)` and keep that; its facts, and whether it was kept before.

        What is kept belongs to `source` as it is now, to the version of the operation and to `options`, which name
        all that the file depends on. What `make` returns are facts about the file, as JSON has them.
        """

    def kept_facts(
        self,
        category: str,
        about: str | Path,
        options: Mapping[str, Any],
        make: Callable[[], Mapping[str, Any] | None],
    ) -> tuple[Mapping[str, Any] | None, bool]:
        """Facts about an address, or the file of a path as it is now, from the cache, or by `make()` and keep that.

        They count for as long as `category` says and depend on the version of the operation and on `options`. What is
        None is not kept. The facts, and whether they were kept before. Two that ask the same at once make it once.
        Each takes a file of the cache: for what costs much more than that. Any thread may ask.
        """

    def published(self) -> tuple[Path, ...]:
        """What an earlier attempt at this job (or item) already published and is still in place."""


@dataclass(frozen=True)
class Operation(Generic[P]):
    """A kind of work that can be asked for. Give `run`, or `items` and `process`."""

    name: str  # the verb: "download"
    title: str  # for menus: "Download"
    summary: str  # one sentence
    queue: str  # one of workers.jobs.QUEUES
    params: type[P]
    label: Callable[[P], str]  # what a person calls such a job
    run: Callable[[P, Context], Result] | None = None
    items: Callable[[P], Iterable[str]] | None = None  # streams the inputs, each once; each text is the item's key
    process: Callable[[P, str, Context], Result] | None = None
    site: Callable[[P], str | None] = lambda params: None  # the host that limits apply to
    network: bool = False  # whether it asks the net: no other sees proxies and certificates of the environment
    can_resume: bool = False  # whether partial work in work_dir helps the next attempt
    cache_category: str | None = None  # where results are kept; see docs/architecture.md
    category_of: Callable[[P, str], str] | None = None  # of the result of one key, where not all go to cache_category
    cache_files: bool = False  # what is kept is files, by `Context.kept_file`; else `detail` of items without outputs
    version: int = 1  # of the functions: raise it when they give other results, and none of the kept ones counts
    processes: int = 0  # that share the items of one job; 0 is one a core
    memory_mib: int = 0  # of one job over all its processes, unless the configuration or the person says; 0 is none
    primary: tuple[str, ...] = ()  # field names shown on the first page of the form, in order
    examples: tuple[str, ...] = ()  # command lines for help and docs

    @property
    def takes_many(self) -> bool:
        """Whether one job takes several inputs, as items or for one result; else each input is a job of its own."""
        return self.items is not None or issubclass(self.params, BulkParams)

    @property
    def secret_options(self) -> frozenset[str]:
        """Names of the options that are never shown."""
        extras = ((name, info.json_schema_extra) for name, info in self.params.model_fields.items())
        return frozenset(name for name, extra in extras if isinstance(extra, dict) and extra.get("secret"))

    def validate(self, values: Mapping[str, Any]) -> P:
        """The parameters as a checked object; InvalidParams with every problem at once."""
        try:
            return self.params.model_validate(values)
        except ValidationError as error:
            problems = [(".".join(str(part) for part in e["loc"]), words_of(e)) for e in error.errors()]
            raise InvalidParams(self.name, problems) from None


_WORDS = {
    "missing": "this is required",
    "extra_forbidden": "there is no such option",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_type": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "finite_number": "must be a number, and not without end",
    "bool_parsing": "must be yes or no",
    "bool_type": "must be yes or no",
    "string_type": "must be text",
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be less than {lt}",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "at least {min_length} must be given",
    "too_long": "at most {max_length} may be given",
}


def words_of(error: Mapping[str, Any]) -> str:
    """One problem that the validator found, in our words; its own where there are none."""
    words = _WORDS.get(error["type"])
    if words is None:
        return str(error["msg"]).removeprefix("Value error, ")
    bounds = error.get("ctx", {})
    return words.format(**{name: f"{value:g}" if isinstance(value, float) else value for name, value in bounds.items()})
