"""The one table of keys: bindings, footer, help and palette are made from it; people may remap it by id.

Acting keys are capitals or ctrl, because late terminal replies and unbracketed paste arrive as small letters.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from textual.binding import Binding


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that a key does. `name` is the Textual action, `where` the screens it belongs to."""

    id: str
    key: str  # comma separated alternatives, the first is shown
    words: str  # one or two words for the footer
    does: str  # a sentence for the help
    name: str
    where: str  # everywhere, jobs, job, health, events, batches, lines
    acts: bool = False  # changes work or starts something
    footer: int = 0  # 1 first; 0 never
    shown: str = ""  # how the key is written, when not as itself
    harmless: bool = False  # acts by opening something, so those who only watch have it too
    always: bool = False  # works over dialogs and in fields, too

    @property
    def orders(self) -> bool:
        """Whether it is nothing for those who only watch."""
        return self.acts and not self.harmless


ACTIONS: tuple[Action, ...] = (
    # jobs
    Action(
        "filter", "slash", "Filter", "Filter jobs by words; Esc shows all again", "filter", "jobs", footer=2, shown="/"
    ),
    Action(
        "pause", "P", "Pause", "Pause running jobs, or resume paused ones", "pause", "jobs,job", acts=True, footer=4
    ),
    Action(
        "pause_for",
        "F",
        "Pause for",
        "Pause for a time or until one, at once or softly",
        "pause_for",
        "jobs,job,health,batches",
        acts=True,
    ),
    Action("cancel", "X", "Cancel", "Cancel jobs (asks first)", "cancel", "jobs,job", acts=True, footer=5),
    Action("retry", "R", "Retry", "Run ended jobs again", "retry", "jobs,job", acts=True, footer=6),
    Action("hold", "H", "Hold", "Hold waiting jobs back, or release held ones", "hold", "jobs,job", acts=True),
    Action("first", "T", "First", "Put waiting jobs first in their queue", "first", "jobs,job", acts=True),
    Action("up", "ctrl+up", "Up", "Move waiting jobs one place up", "move_up", "jobs,job", acts=True),
    Action("down", "ctrl+down", "Down", "Move waiting jobs one place down", "move_down", "jobs,job", acts=True),
    Action("lower", "less_than_sign", "Lower", "Lower the priority", "priority(-1)", "jobs,job", acts=True, shown="<"),
    Action(
        "higher", "greater_than_sign", "Raise", "Raise the priority", "priority(1)", "jobs,job", acts=True, shown=">"
    ),
    Action("remove", "D", "Remove", "Remove ended jobs from the list (asks first)", "remove", "jobs,job", acts=True),
    Action("batch", "B", "Batch", "Put jobs into a batch, or out of theirs", "batch", "jobs,job", acts=True),
    Action("open", "enter", "Open", "Open the job", "open", "jobs", footer=7),
    Action("mark", "space", "Mark", "Mark the job and go on", "mark", "jobs"),
    Action("mark_range", "asterisk", "Mark to", "Mark from the last mark to here", "mark_range", "jobs", shown="*"),
    Action("unmark", "u", "Unmark", "Forget all marks", "unmark", "jobs"),
    Action("sort", "s", "Sort", "Choose the order of the list", "sort", "jobs"),
    Action("wide", "w", "Wide", "Give the list the whole width", "wide", "jobs"),
    Action("detail", "v", "Detail", "Change the height of the detail pane", "detail", "jobs"),
    Action("newest", "n", "New", "Go to the new rows at the top", "newest", "jobs"),
    Action("top", "g,home", "Top", "Go to the top", "top", "jobs,lines"),
    Action("bottom", "G,end", "Bottom", "Go to the bottom", "bottom", "jobs,lines"),
    Action("next", "j,down", "Next", "One line down", "next", "jobs,lines,health", shown="↓"),
    Action("previous", "k,up", "Previous", "One line up", "previous", "jobs,lines,health", shown="↑"),
    Action("page_down", "pagedown,ctrl+f", "Page down", "One page down", "page(1)", "jobs,lines"),
    Action("page_up", "pageup,ctrl+b", "Page up", "One page up", "page(-1)", "jobs,lines"),
    # a job's own screen
    Action("tab_next", "right_square_bracket,tab", "Next tab", "The next tab", "tab(1)", "job", footer=2, shown="]"),
    Action("tab_back", "left_square_bracket,shift+tab", "Last tab", "The tab before", "tab(-1)", "job", shown="["),
    Action("follow", "f", "Follow", "Follow the end as it grows", "follow", "job,events", footer=3),
    Action("open_item", "enter", "Open", "Items: all facts of one, or its whole error", "open_item", "job"),
    Action("failed_only", "e", "Failed", "Show only failed items, or all", "failed_only", "job"),
    # queues
    Action(
        "more_slots",
        "plus,equals_sign,right",
        "More",
        "One slot more for the queue",
        "slots(1)",
        "health",
        acts=True,
        footer=2,
        shown="+",
    ),
    Action(
        "less_slots",
        "minus,left",
        "Fewer",
        "One slot less for the queue",
        "slots(-1)",
        "health",
        acts=True,
        footer=3,
        shown="-",
    ),
    Action("auto_slots", "U", "Auto", "Slots as configured: they follow the load", "slots_auto", "health", acts=True),
    Action(
        "queue_pause", "P", "Pause", "Pause the queue, or let it go on", "pause_queue", "health", acts=True, footer=4
    ),
    Action("pause_all", "E", "All", "Pause every queue, or let all go on", "pause_all", "health", acts=True),
    # batches
    Action("open_batch", "enter", "Jobs", "Its jobs, in the list of jobs", "open_batch", "batches", footer=2),
    Action(
        "batch_pause",
        "P",
        "Pause",
        "Let the batch start nothing new, or go on",
        "pause_batch",
        "batches",
        acts=True,
        footer=3,
    ),
    Action(
        "batch_limit",
        "L",
        "Limit",
        "How many jobs of the batch run at once",
        "limit",
        "batches",
        acts=True,
        footer=4,
    ),
    Action(
        "batch_cancel",
        "X",
        "Cancel",
        "Cancel what has not ended of the batch (asks first)",
        "cancel",
        "batches",
        acts=True,
        footer=5,
    ),
    Action(
        "batch_hold", "H", "Hold", "Hold the waiting jobs of the batch, or release them", "hold", "batches", acts=True
    ),
    Action(
        "batch_delete",
        "D",
        "Delete",
        "Delete the batch and its jobs when all have ended (asks first)",
        "delete",
        "batches",
        acts=True,
        footer=6,
    ),
    # everywhere
    Action(
        "help", "question_mark,f1", "Help", "All keys; enter does one", "app.keys", "everywhere", footer=1, shown="?"
    ),
    Action("add", "A", "Add", "Add a job", "app.add", "everywhere", acts=True, footer=3),
    Action(
        "queues",
        "Q",
        "Queues",
        "Slots and pauses of the queues",
        "app.queues",
        "everywhere",
        acts=True,
        footer=8,
        harmless=True,
    ),
    Action("worker", "W", "Worker", "Start a worker if none runs", "app.worker", "everywhere", acts=True),
    Action("jobs", "1", "Jobs", "The jobs screen", "app.mode('jobs')", "everywhere"),
    Action("health", "2", "Health", "Queues, host and worker", "app.mode('health')", "everywhere"),
    Action("events", "3", "Events", "Every change of state, newest last", "app.mode('events')", "everywhere"),
    Action("batches", "4", "Batches", "Named groups of jobs", "app.mode('batches')", "everywhere"),
    Action("freeze", "z", "Freeze", "Hold the picture still, or let it go on", "app.freeze", "everywhere"),
    Action("faster", "plus,equals_sign", "Faster", "Paint more often", "app.rate(1)", "everywhere", shown="+"),
    Action("slower", "minus", "Slower", "Paint less often", "app.rate(-1)", "everywhere", shown="-"),
    Action(
        "palette",
        "colon,ctrl+p",
        "Command",
        "Find a command by its words",
        "app.command_palette",
        "everywhere",
        shown=":",
    ),
    Action(
        "back",
        "q,escape",
        "Back",
        "Back to where you came from; in the list, end the filter",
        "app.go_back",
        "everywhere",
        footer=7,
    ),
    Action(
        "quit",
        "ctrl+q",
        "Quit",
        "Leave; work goes on without the console",
        "app.leave",
        "everywhere",
        footer=9,
        always=True,
    ),
)

BY_ID: Mapping[str, Action] = {action.id: action for action in ACTIONS}
FOOTER_MOST = 8


def actions_for(where: str, *, watching: bool = False) -> list[Action]:
    """The actions of one place, in the table's order; for who is only `watching` without those that give orders."""
    return [action for action in ACTIONS if where in action.where.split(",") and not (watching and action.orders)]


def bindings(*places: str) -> list[Binding]:
    """Textual's bindings for the actions of these places; an id only once."""
    made: dict[str, Binding] = {}
    for place in places:
        for action in actions_for(place):
            made.setdefault(
                action.id,
                Binding(
                    action.key,
                    action.name,
                    action.words,
                    id=action.id,
                    show=False,
                    tooltip=action.does,
                    priority=action.always,
                ),
            )
    return list(made.values())


_SHOWN = {
    "slash": "/",
    "question_mark": "?",
    "asterisk": "*",
    "plus": "+",
    "minus": "-",
    "equals_sign": "=",
    "colon": ":",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "pagedown": "PgDn",
    "pageup": "PgUp",
    "escape": "Esc",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "home": "Home",
    "end": "End",
    "enter": "Enter",
    "space": "Space",
    "tab": "Tab",
    "f1": "F1",
}


def _show_one(key: str) -> str:
    *modifiers, last = key.strip().split("+") if key.strip() != "+" else ["+"]
    word = _SHOWN.get(last, last)
    for modifier in reversed(modifiers):
        word = f"^{word}" if modifier == "ctrl" else f"{modifier.capitalize()}-{word}"
    return word


def shown_key(action: Action, keymap: Mapping[str, str] | None = None, *, all_of_them: bool = False) -> str:
    """How an action's key is written for people, after their own key map."""
    keys = (keymap or {}).get(action.id, action.key).split(",")
    if all_of_them:
        return " ".join(_show_one(key) for key in keys)
    if action.shown and action.id not in (keymap or {}):
        return action.shown
    return _show_one(keys[0])


def footer_actions(places: Iterable[str], *, watching: bool = False) -> list[Action]:
    """What the footer shows for these places: at most eight, the most useful first, quitting last."""
    seen: dict[int, Action] = {}
    for place in places:
        for action in actions_for(place, watching=watching):
            if action.footer:
                seen.setdefault(action.footer, action)
    ordered = [seen[rank] for rank in sorted(seen)]
    return ordered if len(ordered) <= FOOTER_MOST else [*ordered[: FOOTER_MOST - 1], ordered[-1]]


class Burst:
    """Tells a paste that arrives as keys from typing: more than three printable keys within 20 ms."""

    WINDOW_S = 0.02
    MOST = 3

    def __init__(self) -> None:
        self._recent: deque[tuple[float, str]] = deque(maxlen=64)
        self._text: list[str] = []
        self.last = float("-inf")  # when the last key came
        self.active = False

    def add(self, at: float, character: str) -> bool:
        """Note a printable key at a time in seconds; whether it belongs to a burst."""
        if at - self.last > self.WINDOW_S:
            self.active = False
            self._recent.clear()
            self._text.clear()
        self.last = at
        self._recent.append((at, character))
        self._text.append(character)
        within = sum(1 for moment, _ in self._recent if at - moment <= self.WINDOW_S)
        self.active = self.active or within > self.MOST
        return self.active

    @property
    def text(self) -> str:
        """All that came in this run of keys."""
        return "".join(self._text)
