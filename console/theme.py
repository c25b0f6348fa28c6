"""Colours: the themes, and the roles through which every drawn text gets its style."""

from __future__ import annotations

from collections.abc import Mapping

from textual.theme import Theme

from console.environment import plain_colours

ROLES = (
    "plain",
    "dim",
    "strong",
    "title",
    "accent",
    "key",
    "track",
    "queued",
    "running",
    "paused",
    "succeeded",
    "failed",
    "cancelled",
    "skipped",
    "warn",
    "good",
    "bad",
    "mark",
    "cursor",
    "tab",
    "tab-on",
    "head",
    "badge",
)
"""A text's role is its meaning; `styles/console.tcss` gives each a colour through `role--NAME`."""

# Every colour is one of the 6x6x6 cube or the grey ramp, so 256-colour terminals show exactly what is meant.
_DARK = {
    "spool-dim": "#808080",
    "spool-track": "#3a3a3a",
    "spool-queued": "#9e9e9e",
    "spool-running": "#5fd7ff",
    "spool-paused": "#ffd75f",
    "spool-succeeded": "#87d787",
    "spool-failed": "#ff5f5f",
    "spool-cancelled": "#767676",
    "spool-strong": "#eeeeee",
    "spool-key": "#87afff",
    "spool-mark": "#ffaf5f",
    "spool-cursor": "#303a4f",
    "spool-bar": "#1c1c1c",
    "spool-head": "#6c6c6c",
}
_CURSOR_256 = {"spool-cursor": "#303030"}

DARK = Theme(
    name="spool-dark",
    primary="#5fafff",
    secondary="#5f87af",
    accent="#87afff",
    warning="#ffd75f",
    error="#ff5f5f",
    success="#87d787",
    foreground="#d0d0d0",
    background="#121212",
    surface="#1c1c1c",
    panel="#262626",
    variables={**_DARK, **_CURSOR_256},
)
LIGHT = Theme(
    name="spool-light",
    primary="#005faf",
    secondary="#5f87af",
    accent="#005faf",
    warning="#875f00",
    error="#af0000",
    success="#005f00",
    foreground="#262626",
    background="#ffffff",
    surface="#eeeeee",
    panel="#e4e4e4",
    dark=False,
    variables={
        "spool-dim": "#767676",
        "spool-track": "#d0d0d0",
        "spool-queued": "#626262",
        "spool-running": "#005faf",
        "spool-paused": "#875f00",
        "spool-succeeded": "#005f00",
        "spool-failed": "#af0000",
        "spool-cancelled": "#8a8a8a",
        "spool-strong": "#000000",
        "spool-key": "#005faf",
        "spool-mark": "#af5f00",
        "spool-cursor": "#d7e7ff",
        "spool-bar": "#eeeeee",
        "spool-head": "#808080",
    },
)
CONTRAST = Theme(
    name="spool-contrast",
    primary="#00ffff",
    secondary="#ffffff",
    accent="#ffff00",
    warning="#ffff00",
    error="#ff5f5f",
    success="#00ff00",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#1c1c1c",
    variables={
        "spool-dim": "#d0d0d0",
        "spool-track": "#585858",
        "spool-queued": "#ffffff",
        "spool-running": "#00ffff",
        "spool-paused": "#ffff00",
        "spool-succeeded": "#00ff00",
        "spool-failed": "#ff5f5f",
        "spool-cancelled": "#d0d0d0",
        "spool-strong": "#ffffff",
        "spool-key": "#ffff00",
        "spool-mark": "#ffaf00",
        "spool-cursor": "#0000af",
        "spool-bar": "#1c1c1c",
        "spool-head": "#ffffff",
    },
)
THEMES = (DARK, LIGHT, CONTRAST)


def pick(wanted: str, environ: Mapping[str, str], known: Mapping[str, Theme]) -> str:
    """The theme to start with: the person's, else one that this terminal can show."""
    if "NO_COLOR" in environ:
        return wanted if wanted in ("ansi-dark", "ansi-light") else "ansi-dark"
    if wanted in known:
        return wanted
    return "ansi-dark" if plain_colours(environ) else DARK.name


def variables(theme: Theme) -> dict[str, str]:
    """Colours of the roles for a theme that does not name them itself."""
    if theme.ansi:
        return {
            "spool-dim": "ansi_default",
            "spool-track": "ansi_default",
            "spool-queued": "ansi_default",
            "spool-running": "ansi_cyan",
            "spool-paused": "ansi_yellow",
            "spool-succeeded": "ansi_green",
            "spool-failed": "ansi_red",
            "spool-cancelled": "ansi_default",
            "spool-strong": "ansi_default",
            "spool-key": "ansi_blue",
            "spool-mark": "ansi_yellow",
            "spool-cursor": "ansi_default",
            "spool-bar": "ansi_default",
            "spool-head": "ansi_default",
        }
    return _DARK if theme.dark else LIGHT.variables
