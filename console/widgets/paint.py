"""Widgets drawn from spans: texts with roles, cleaned once more, never markup; only what changed is painted again."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from console.format import Spans, fit_spans
from console.theme import ROLES
from workers.text import clean

if TYPE_CHECKING:
    from console.app import SpoolApp

_clean = lru_cache(maxsize=4096)(clean)

ROLE_CLASSES = {f"role--{role}" for role in ROLES}


class Painted(Widget, inherit_bindings=False):
    """A widget whose lines are spans."""

    COMPONENT_CLASSES = ROLE_CLASSES
    ALLOW_SELECT = False

    _styles_by_role: dict[tuple[str, bool], Style]

    @property
    def spool(self) -> SpoolApp:
        """The application, by its own type."""
        from console.app import SpoolApp

        assert isinstance(self.app, SpoolApp)
        return self.app

    @property
    def ascii_only(self) -> bool:
        """Whether only ASCII may be drawn."""
        return self.spool.ascii_only

    def notify_style_update(self) -> None:
        """Colours have changed."""
        self._styles_by_role = {}
        super().notify_style_update()

    def role_style(self, role: str, on_cursor: bool = False) -> Style:
        """The style of a role; on the cursor's line with the cursor's background (or reversed, without colours)."""
        cache = self.__dict__.setdefault("_styles_by_role", {})
        style: Style | None = cache.get((role, on_cursor))
        if style is None:
            style = self.get_component_rich_style(f"role--{role}")
            if on_cursor:
                style = style + self._cursor_style()
            cache[(role, on_cursor)] = style
        return style

    def _cursor_style(self) -> Style:
        if self.app.native_ansi_color:
            return Style(color="default", bgcolor="default", reverse=True, dim=False, bold=True)
        return Style(bgcolor=self.get_component_rich_style("role--cursor").bgcolor)

    def strip_of(self, spans: Spans, width: int, on_cursor: bool = False) -> Strip:
        """A line of exactly `width` cells; neighbours of one role become one segment."""
        segments: list[Segment] = []
        text, role = "", ""
        for piece, its_role in fit_spans(spans, width, ascii_only=self.ascii_only):
            piece = _clean(piece)
            if its_role == role or not piece:
                text += piece
                continue
            if text:
                segments.append(Segment(text, self.role_style(role, on_cursor)))
            text, role = piece, its_role
        if text:
            segments.append(Segment(text, self.role_style(role, on_cursor)))
        return Strip(segments).adjust_cell_length(width, self.role_style("plain", on_cursor))


class Lines(Painted):
    """A few lines that are replaced as a whole; only those that differ are painted."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.lines: list[Spans] = []

    def show(self, lines: Sequence[Spans]) -> None:
        """Put these lines on the screen."""
        old, self.lines = self.lines, list(lines)
        for y in range(max(len(old), len(self.lines))):
            if (old[y] if y < len(old) else None) != (self.lines[y] if y < len(self.lines) else None):
                self.refresh(Region(0, y, self.size.width, 1))

    @property
    def text(self) -> str:
        """All that stands here, for tests and the curious."""
        return "\n".join("".join(text for text, _role in line) for line in self.lines)

    def render_line(self, y: int) -> Strip:
        """One line."""
        return self.strip_of(self.lines[y] if y < len(self.lines) else [], self.size.width)


class ScrollLines(ScrollView, Painted, can_focus=True):
    """A list of lines that scrolls: `line(index)` gives each when it is looked at."""

    COMPONENT_CLASSES = ROLE_CLASSES  # Textual looks for them along the first base only
    DEFAULT_CSS = "ScrollLines { overflow-x: hidden; }"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.lines: list[Spans] = []
        self.following = False

    @property
    def count(self) -> int:
        """How many lines there are."""
        return len(self.lines)

    def line(self, index: int) -> Spans:
        """One line by its place."""
        return self.lines[index]

    def show(self, lines: Sequence[Spans]) -> None:
        """Replace all lines; keeps the place, or the end while following."""
        if self.lines == list(lines):
            return
        self.lines = list(lines)
        self.resized()

    def append(self, lines: Sequence[Spans]) -> None:
        """Add lines at the end."""
        if lines:
            self.lines.extend(lines)
            self.resized()

    def resized(self) -> None:
        """The number of lines may have changed."""
        self.virtual_size = Size(max(1, self.scrollable_content_region.width), self.count)
        if self.following:
            self.to_end()
            self.call_after_refresh(self._still_to_end)  # the size may not be known yet
        self.refresh()

    def _still_to_end(self) -> None:
        if self.following:
            self.to_end()

    def on_resize(self) -> None:
        """Another width."""
        self.resized()

    def to_end(self) -> None:
        """Show the last line."""
        self.scroll_to(y=max(0, self.count - self.size.height), animate=False, force=True)

    def move(self, by: int) -> None:
        """Scroll by some lines; going up ends following."""
        if by < 0:
            self.following = False
        self.scroll_to(y=self.scroll_offset.y + by, animate=False, force=True)

    @property
    def text(self) -> str:
        """All lines as text."""
        return "\n".join("".join(text for text, _role in self.line(index)) for index in range(self.count))

    def render_line(self, y: int) -> Strip:
        """One visible line."""
        index = self.scroll_offset.y + y
        width = self.size.width
        return self.strip_of(self.line(index) if index < self.count else [], width)
