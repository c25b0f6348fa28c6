"""The pane under the table: the job under the cursor in two lines, and more with its log where there is room."""

from __future__ import annotations

from collections.abc import Sequence

from console.about import command, doing, facts, failure_lines, lifted_by, progress_words
from console.format import Spans, fit_spans, width_of
from console.widgets.paint import Lines
from workers.jobs import Job, Waiting
from workers.text import clean


def detail_lines(
    job: Job | None, waiting: Sequence[Waiting], log: Sequence[str], width: int, height: int, now_ms: int
) -> list[Spans]:
    """What fits into the pane."""
    if job is None:
        return []
    lines = [facts(job, now_ms), doing(job, waiting, now_ms)]
    if height <= 3:
        return lines[:height]
    if job.live:
        lines[1] = [(" " + clean(job.title), "strong")]
        lines.append([(" " + progress_words(job).strip(), "plain")])
    lines += [_waiting_line(one) for one in waiting[1:4]]
    if job.failure is not None and job.final:
        lines += failure_lines(job.failure, width)[3:]
    elif job.final:
        lines.append([(" " + clean(command(job.operation, job.params)), "dim")])
    lines = lines[: max(3, height - min(len(log), 4))]
    rest = height - len(lines)
    lines += [[(" │ ", "track"), (text, "dim")] for text in list(log)[-rest:]] if rest > 0 else []
    return lines[:height]


def _waiting_line(one: Waiting) -> Spans:
    return [(" " + clean(one.detail), "plain"), (f"  ({lifted_by(one)})" if one.lifts else "", "dim")]


class DetailPane(Lines):
    """Follows the cursor."""

    def tell(self, job: Job | None, waiting: Sequence[Waiting], log: Sequence[str], now_ms: int, marked: int) -> None:
        """Show this job; with marks, say on how many jobs a key acts."""
        width, height = self.size.width, self.size.height
        lines = detail_lines(job, waiting, log, width, height, now_ms)
        if marked and lines:
            badge: Spans = [(f" on {marked:,} marked ", "mark")]
            room = width - width_of(badge)
            lines[0] = [*fit_spans(lines[0], room, ascii_only=self.ascii_only), *badge]
        if self.ascii_only:
            lines = [[(text.replace("│", "|"), role) for text, role in line] for line in lines]
        self.show(lines)
