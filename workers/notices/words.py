"""What is told, in words: things that happened become one notice, with its title, text and variables. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from workers.jobs import Job
from workers.text import clean, shorten

_LINE = 300  # characters of one line
_LISTED = 10  # jobs that a summary tells by name
_PATHS_LIMIT = 32_768  # characters of SPOOL_OUTPUTS and of SPOOL_JOB_IDS; the kernel takes 131,071
_COUNTED = {"done": ("job done", "jobs done"), "failed": ("failed", "failed")}
_KINDS = {"done": "success", "batch_done": "success", "failed": "failure", "disk_low": "warning"}


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that may be told."""

    revision: int  # of the history
    event: str  # done, failed, batch_done, disk_low, worker_restarted or test
    job_id: int = 0  # 0: of no job
    text: str = ""  # the reason in the history; of a batch how its jobs ended
    batch: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """What is sent: plain text, and the same as variables for programs."""

    title: str
    body: str
    kind: str = "info"  # Apprise's word: info, success, warning or failure
    variables: Mapping[str, str] = field(default_factory=dict)


def notice_of(happenings: Sequence[Happening], jobs: Mapping[int, Job], host: str) -> Notice:
    """One notice of one happening, or a summary of several. `jobs` are those that are known still."""
    if len(happenings) > 1:
        return _summary(happenings, jobs, host)
    (one,) = happenings
    job = jobs.get(one.job_id)
    title = {
        "done": f"job {one.job_id} done: {_title(one, job)}",
        "failed": f"job {one.job_id} failed: {_title(one, job)}",
        "batch_done": f"batch {_line(one.batch)} ended",
        "disk_low": "the disk is nearly full",
        "worker_restarted": "the worker began again after a crash",
        "test": "this is a test",
    }[one.event]
    return Notice(
        _line(f"Spool: {title}"),
        "\n".join([*_details(one, job), f"on {clean(host)}"]),
        _kind([one]),
        _named(_variables(one, job, host)),
    )


def _title(happening: Happening, job: Job | None) -> str:
    return _line(job.title) if job is not None else "removed since"


def _line(text: str) -> str:
    return shorten(clean(text), _LINE)


def _details(happening: Happening, job: Job | None) -> list[str]:
    lines = [_line(happening.text)] if happening.text else []
    if job is None:
        return lines
    lines.insert(0, f"{job.operation}: {_line(job.title)}")
    if happening.event == "done" and job.items.failed:
        lines.append(f"{job.items.failed:,} of its {job.items.total:,} inputs failed")
    if happening.event == "failed":
        lines.append(f"`spool show {job.id}` and `spool log {job.id}` tell more, `spool retry {job.id}` tries again")
    elif job.outputs:
        lines.append(_line(job.outputs[0]) + (f" and {len(job.outputs) - 1:,} more" if len(job.outputs) > 1 else ""))
    return lines


def _summary(happenings: Sequence[Happening], jobs: Mapping[int, Job], host: str) -> Notice:
    counts = Counter(happening.event for happening in happenings)
    parts = [
        f"{counts[event]:,} {_COUNTED[event][counts[event] != 1]}" for event in ("done", "failed") if counts[event]
    ]
    others = [one for one in happenings if one.event not in _COUNTED]
    if not counts["done"] and counts["failed"]:
        parts = [f"{counts['failed']:,} {'job' if counts['failed'] == 1 else 'jobs'} failed"]
    headings = [_heading(one) for one in others]
    failed = [one for one in happenings if one.event == "failed"]
    lines = [*headings, *(_failed_line(one, jobs.get(one.job_id)) for one in failed[:_LISTED])]
    if len(failed) > _LISTED:
        lines.append(f"and {len(failed) - _LISTED:,} more; `spool jobs state:failed` lists them")
    ids = [one.job_id for one in happenings if one.job_id]
    variables = {
        "EVENT": "summary",
        "JOB_IDS": _joined(map(str, ids), " "),
        "DONE": str(counts["done"]),
        "FAILED": str(counts["failed"]),
        "HOST": clean(host),
    }
    title = ", ".join([*parts, *headings[: 3 - len(parts)]])
    body = "\n".join([*lines, f"on {clean(host)}"])
    return Notice(_line(f"Spool: {title}"), body, _kind(happenings), _named({**variables, "TITLE": _line(title)}))


def _heading(happening: Happening) -> str:
    if happening.event == "batch_done":
        return _line(f"batch {happening.batch} ended: {happening.text}")
    if happening.event == "disk_low":
        return _line(f"the disk is nearly full: {happening.text}")
    return _line(f"the worker began again: {happening.text}")


def _failed_line(happening: Happening, job: Job | None) -> str:
    return _line(f"job {happening.job_id} failed: {_title(happening, job)}: {happening.text}")


def _kind(happenings: Sequence[Happening]) -> str:
    kinds = {_KINDS.get(happening.event, "info") for happening in happenings}
    return next((kind for kind in ("failure", "warning", "success") if kind in kinds), "info")


def _variables(happening: Happening, job: Job | None, host: str) -> dict[str, str]:
    found = {"EVENT": happening.event, "HOST": clean(host), "MESSAGE": _line(happening.text)}
    if happening.batch or (job is not None and job.batch):
        found["BATCH"] = _line(happening.batch or (job.batch or "" if job else ""))
    if happening.job_id:
        found |= {"JOB_ID": str(happening.job_id), "JOB_IDS": str(happening.job_id)}
        found["STATE"] = "succeeded" if happening.event == "done" else "failed"
    if job is None:
        return found
    found |= {"OPERATION": job.operation, "QUEUE": job.queue, "TITLE": _line(job.title)}
    found["OUTPUTS"] = _joined(map(clean, job.outputs), "\n")
    if happening.event == "failed":
        found["ERROR_CLASS"] = job.failure.error_class.value if job.failure else ""
        found["ERROR_MESSAGE"] = _line(job.failure.message if job.failure else happening.text)
    return found


def _joined(words: Sequence[str] | map[str], separator: str) -> str:
    """As many whole words as fit into a variable."""
    taken: list[str] = []
    room = _PATHS_LIMIT
    for word in words:
        room -= len(word) + 1
        if room < 0:
            break
        taken.append(word)
    return separator.join(taken)


def _named(values: Mapping[str, str]) -> dict[str, str]:
    return {f"SPOOL_{name}": value for name, value in values.items()}
