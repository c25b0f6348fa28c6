"""What can be set: frozen settings with their defaults. `workers.config` reads them."""

from __future__ import annotations

import os
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator, SecretStr
from pydantic_core import PydanticCustomError

from workers.errors import UsageError
from workers.jobs import MOST_AT_ONCE, QUEUES
from workers.paths import Paths
from workers.slotrange import SlotRange, checked_slots, range_of
from workers.windows import canonical


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


def _cores() -> int:
    return os.cpu_count() or 1


def _checked_slots(value: object) -> int | str:
    try:
        return checked_slots(value)
    except ValueError as error:
        raise PydanticCustomError("slots", "{said}", {"said": str(error)}) from None


Slots = Annotated[int | str, PlainValidator(_checked_slots)]
_AUTO_DOWNLOADS = 8  # these wait for others more than they work


class SlotSettings(_Section):
    """How many jobs of each queue run at once: a number from 0 to 32, a range such as "1-4" in which the worker follows
    the load, or "auto": from 1 to the number of cores (at least 2), of downloads to 8. More slots are opened one at a
    time while work waits and the host has room, and closed while processor, disk or memory are short. What runs goes
    on. `spool queue slots` changes the number live."""

    downloads: Slots = 3
    """Downloads run at once, over all sites."""
    video: Slots = Field(default_factory=lambda: max(1, _cores() // 2))
    """Encodes run at once. Slots times threads should equal the cores."""
    images: Slots = Field(default_factory=_cores)
    """Picture jobs run at once."""
    metadata: Slots = 2
    """Probing and library jobs run at once."""
    default: Slots = 2
    """Everything else."""
    polite: bool = False
    """Let other programs go first: jobs run with the lowest priority for processor and disk, and queues with a range
    go down to its lower end while other programs keep a quarter of the processor busy."""

    def range_of(self, queue: str) -> SlotRange | None:
        """Between what numbers the worker chooses for a queue; None where the number is fixed."""
        return range_of(getattr(self, queue), _AUTO_DOWNLOADS if queue == "downloads" else max(2, _cores()))


_MEMORY_MIB = (512, 8192)  # of one job: less stops it before its work begins, more is no bound on most machines


def _is_memory(mib: int) -> int:
    low, high = _MEMORY_MIB
    if mib and not low <= mib <= high:
        raise ValueError(f"the memory of a job in MiB is {low} to {high}, or 0 for that of the operation, not {mib}")
    return mib


class JobSettings(_Section):
    """What holds for every job."""

    attempts: int = Field(default=3, ge=1, le=100)
    """Attempts before a job that keeps failing is given up."""
    stall_minutes: float = Field(default=5.0, gt=0)
    """Minutes without any sign of progress after which a job is stopped as stalled."""
    grace_seconds: float = Field(default=2.0, ge=0, le=60)
    """Seconds between asking a tool to stop, telling it, and killing it; work on single files is asked for 0.8.
    A cancel gives 5 at most in all, and the stop of the worker 12."""
    memory_mib: Annotated[int, AfterValidator(_is_memory)] = 0
    """Memory limit of one job in MiB, all its processes together, from 512 to 8192; 0 leaves it to the operation."""
    file_size_gib: float = Field(default=512.0, ge=0)
    """The largest file in GiB that a job may write, whatever writes it; 0 sets no limit."""
    processes: int = Field(default=512, ge=0)
    """Processes that one job may have at once, those of its tools included; one that has more is ended as crashed. 0
    sets no limit."""
    min_free_mib: int = Field(default=512, ge=0)
    """Free space that must stay on the output disk; jobs that need it wait with the reason disk."""
    per_site: int = Field(default=2, ge=1, le=MOST_AT_ONCE)
    """Downloads from one site at once."""
    keep_days: int = Field(default=30, ge=1)
    """Days that ended jobs and their logs are kept."""
    log_mib: float = Field(default=8.0, gt=0)
    """Mebibytes of log kept of each job, in two parts: when both are full the older one goes."""


def _is_window(text: str) -> str:
    try:
        return canonical(text) if text.strip() else ""
    except UsageError as error:
        raise ValueError(str(error)) from None


Window = Annotated[str, AfterValidator(_is_window)]


class WindowSettings(_Section):
    """Hours of the week in which the jobs of a queue may start, as in `mon-fri 22:00-06:00; sat,sun`, by the clocks
    of this machine. Empty: at any time. What runs goes on when they are over."""

    downloads: Window = ""
    """When downloads may start."""
    video: Window = ""
    """When encodes may start."""
    images: Window = ""
    """When picture jobs may start."""
    metadata: Window = ""
    """When probing and library jobs may start."""
    default: Window = ""
    """When everything else may start."""

    def of_queues(self) -> dict[str, str]:
        """The windows of those queues that have any."""
        return {queue: text for queue in QUEUES if (text := getattr(self, queue))}


class DownloadSettings(_Section):
    """Defaults of `spool download`."""

    template: str = "{title} [{id}]"
    """Name of the file without its extension. Fields: title, id, uploader, date, site."""
    rate_limit: int = Field(default=0, ge=0)
    """Bytes a second for each download; 0 sets no limit."""
    cookies: str = ""
    """A cookies.txt file, copied for each job so that no job can spoil it."""
    proxy: str = ""
    """An HTTP or SOCKS proxy URL."""
    retries: int = Field(default=3, ge=0, le=50)
    """Retries of one connection inside an attempt."""


class TrashSettings(_Section):
    """What jobs replaced, and `spool trash restore` puts back."""

    keep_days: int = Field(default=30, ge=1)
    """Days that a replaced file stays in the trash beside its successor."""


class BackupSettings(_Section):
    """Copies of the jobs table, made beside the running work; `spool restore` puts one in its place. One is also made
    before a new version of Spool changes the table."""

    daily: bool = True
    """Whether the worker makes one each day, once there are jobs."""
    hour: int = Field(default=3, ge=0, le=23)
    """Hour of the day in UTC at which it does; a machine that was off or asleep then does so when it is back."""
    keep: int = Field(default=7, ge=1, le=1000)
    """How many are kept of each kind: those of the days, those that were asked for, those before a new version. The
    oldest of a kind go first."""


class ToolSettings(_Section):
    """Programs that Spool starts."""

    ffmpeg: str = ""
    """Path of ffmpeg, or its name on the PATH. Empty: the one on the PATH, else the one that comes with Spool."""
    sandbox: Literal["auto", "on", "off"] = "auto"
    """Run ffmpeg by bubblewrap (bwrap) without the net, with only its inputs, its output folder and the system's
    programs in sight. auto: where that works, as `spool doctor` tells; on: jobs fail where it does not; off: never."""
    threads: int = Field(default=0, ge=0, le=256)
    """Threads of one encode; 0 shares the cores among the video slots."""


Hours = Annotated[float, Field(gt=0, le=87_600)]
Percent = Annotated[float, Field(ge=0, le=100)]


class CacheHours(_Section):
    """Hours that kept results count, by category; then they are made anew."""

    metadata: Hours = 720.0
    """What files tell of themselves."""
    image_analysis: Hours = 720.0
    """What was seen in pictures, and how they look."""
    video_analysis: Hours = 720.0
    """How films look: perceptual hashes."""
    quality: Hours = 720.0
    """Measured quality."""
    thumbnail: Hours = 720.0
    """Small pictures."""
    conversion: Hours = 24.0
    """Converted files."""
    collection: Hours = 1.0
    """What a site tells of a list: its entries."""
    download_info: Hours = 1.0
    """What a site tells of a page, for a look at it."""


class CacheShares(_Section):
    """Percent of the cache's space that each category may fill; 0 keeps nothing of it. Where they are more than 100
    together, each counts for so much less."""

    metadata: Percent = 15.0
    """What files tell of themselves."""
    image_analysis: Percent = 10.0
    """What was seen in pictures, and how they look."""
    video_analysis: Percent = 10.0
    """How films look: perceptual hashes."""
    quality: Percent = 5.0
    """Measured quality."""
    thumbnail: Percent = 25.0
    """Small pictures."""
    conversion: Percent = 30.0
    """Converted files."""
    collection: Percent = 3.0
    """What a site tells of a list: its entries."""
    download_info: Percent = 2.0
    """What a site tells of a page, for a look at it."""


class CacheSettings(_Section):
    """Results that are kept, so that work on unchanged files is done once."""

    size_mib: int = Field(default=1024, ge=0, le=1 << 24)
    """Space on disk for everything that is kept; the least recently used goes first. 0 keeps nothing."""
    memory_mib: int = Field(default=48, ge=0, le=1 << 16)
    """Memory of the worker for the results used last; 0 reads all of them from the disk."""
    ttl_hours: CacheHours = CacheHours()
    """Hours that kept results count, by category."""
    share: CacheShares = CacheShares()
    """Percent of the space by category."""

    def limit_bytes(self, category: str) -> int:
        """Space on disk that a category may fill, in bytes; 0 for one that nobody knows."""
        together = sum(getattr(self.share, name) for name in CACHE_CATEGORIES)
        return int((self.size_mib << 20) * getattr(self.share, category, 0.0) / max(100, together))

    def ttl_s(self, category: str) -> float:
        """Seconds that what a category keeps counts; 0 for one that nobody knows."""
        return float(getattr(self.ttl_hours, category, 0.0)) * 3600


CACHE_CATEGORIES = tuple(CacheHours.model_fields)


class ConsoleSettings(_Section):
    """The look and pace of the console."""

    theme: str = ""
    """A theme by name (see the palette). Empty: chosen from the terminal's colours."""
    mouse: bool = True
    """Whether the mouse may be used."""
    rate: int = Field(default=0, ge=0, le=20)
    """Paints a second; 0 chooses 4 over SSH and 10 locally."""
    ascii: bool = False
    """Draw with plain ASCII only."""
    keys: dict[str, str] = Field(default_factory=dict)
    """Other keys for actions, by their names as the help shows them."""


NoticeEvent = Literal["done", "failed", "batch_done", "disk_low", "worker_restarted"]


class NotifySettings(_Section):
    """Who is told when jobs end or trouble begins: services by their Apprise URLs, and a program of yours."""

    on: tuple[NoticeEvent, ...] = ("failed", "batch_done", "disk_low", "worker_restarted")
    """What is told: done, failed, batch_done (the last job of a batch ended), disk_low, worker_restarted (a worker
    began after one that had died)."""
    urls: tuple[SecretStr, ...] = ()
    """Apprise URLs, one for each service: mailto://…, json://… (a webhook), ntfy://… and many more."""
    command: tuple[str, ...] = ()
    """A program and its fixed arguments, started for each notice without a shell; SPOOL_ variables tell it what
    happened."""
    command_seconds: float = Field(default=30.0, gt=0, le=3600)
    """Seconds after which the program is killed, with all that it started."""
    disk_low_mib: int = Field(default=2048, ge=0)
    """Free space on the output disk under which disk_low is told; 0 never tells it."""
    per_minute: int = Field(default=10, ge=1, le=600)
    """Notices a minute to each service at most; what happens meanwhile is told in one summary."""
    give_up_minutes: float = Field(default=60.0, ge=0, le=10_080)
    """Minutes of trying, with growing waits, after which what a service did not take is given up."""


class Settings(_Section):
    """Everything that can be set. `output_dir` is the only key at the top of the file; the rest are sections."""

    paths: Paths
    output_dir: str = ""
    """Folder for downloads. Empty: SPOOL_HOME/output, or the Videos folder of the user plus `spool`. As all paths in
    this file, it may begin with ~, and is meant from the folder of the file on when it is relative."""
    slots: SlotSettings = SlotSettings()
    jobs: JobSettings = JobSettings()
    windows: WindowSettings = WindowSettings()
    download: DownloadSettings = DownloadSettings()
    trash: TrashSettings = TrashSettings()
    backup: BackupSettings = BackupSettings()
    tools: ToolSettings = ToolSettings()
    cache: CacheSettings = CacheSettings()
    notify: NotifySettings = NotifySettings()
    console: ConsoleSettings = ConsoleSettings()
    state_on_network: bool = False
    """Accept a state folder on a network filesystem (NFS, SMB, sshfs and the like). SQLite's locks and shared memory do
    not hold there: when two hosts open the same home, the table of jobs can be damaged."""
    read_only: bool = False
    """Watch only, as `spool --read-only` does: no order is taken, no worker started, nothing written to the home."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """How much the worker's own log tells."""
    log_mib: float = Field(default=8.0, gt=0)
    """Mebibytes kept of the worker's own log, in two parts; equal lines beyond three a minute are counted, not kept."""

    def for_runner(self, video_slots: int | None = None) -> dict[str, Any]:
        """The plain data that operations need: see `workers.operations.contract.Context.settings`.

        The encodes that may run at once, `video_slots` (None: as configured), share the cores.
        """
        sharing = slots_of(self)["video"] if video_slots is None else video_slots
        threads = self.tools.threads or max(1, _cores() // max(1, sharing))
        return {
            "output_dir": str(self.paths.output),
            "ffmpeg": self.tools.ffmpeg,
            "threads": threads,
            "min_free_bytes": self.jobs.min_free_mib << 20,
            "stall_s": self.jobs.stall_minutes * 60,
            "cache_dir": str(self.paths.cache),
            "cache_bounds": {name: [self.cache.limit_bytes(name), self.cache.ttl_s(name)] for name in CACHE_CATEGORIES},
            "state_dir": str(self.paths.state),
            "trash_days": self.trash.keep_days,
            "download": {
                "template": self.download.template,
                "rate_limit_bytes": self.download.rate_limit,
                "cookies": self.download.cookies,
                "proxy": self.download.proxy,
                "retries": self.download.retries,
            },
        }


def slots_of(settings: Settings) -> dict[str, int]:
    """Slots per queue as configured; of a range its lower end, with which the worker begins."""
    ranges = {queue: settings.slots.range_of(queue) for queue in QUEUES}
    return {queue: getattr(settings.slots, queue) if found is None else found.low for queue, found in ranges.items()}
