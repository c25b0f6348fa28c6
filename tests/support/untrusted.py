"""Text that strangers might write, and how a terminal's text must look whatever they wrote."""

from __future__ import annotations

import unicodedata

from hypothesis import strategies as st

PAYLOADS = (
    "\x1b]52;c;aGk=\x07 clipboard",
    "\x1b[2J\x1b[H cleared",
    "\x9b31m by C1 \x9d0;title\x9c",
    "film\u202egpj.exe\u2066 bidi",
    "[@click=app.leave]click[/] [/b] [red]",
    "[unclosed \\[ ]] [link=file:///etc]x[/link]",
    "nul\0inside \r\n\tlines\x0b\x0c",
    "half \ud83d and \udcff",
    "soft\u00adhyphen\u200bjoin\ufeff tag\U000e0041",
    "x" * 10_000,
    "%s %d {0} {job.id} $(id) `id` ; --yes",
    "\u2028separated\u2029 ",
)
"""One of each kind of harm."""

texts = st.one_of(st.sampled_from(PAYLOADS), st.text(st.characters(codec=None), max_size=60)).filter(bool)
"""Harm, and anything else."""


def storable(text: str) -> str:
    """What SQLite can hold of a text: anything but lone surrogates and NUL."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\x01")


def harm_in(text: str) -> str:
    """The characters of one shown line that could act on a terminal, or turn it round; empty when it is harmless."""
    return "".join(
        sorted(
            {
                char
                for char in text
                if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") or char in "\u061c\u200e\u200f"
            }
        )
    )
