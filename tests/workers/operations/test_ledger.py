"""What an attempt published is known to the next one, whenever it died."""

from __future__ import annotations

from pathlib import Path

from workers.operations.ledger import Ledger


def published(folder: Path, name: str, ledger: Ledger, entry: str, part: str = "film") -> Path:
    staged = folder / "staged"
    staged.write_text(name)
    ledger.note(entry, part, staged)
    return staged.rename(folder / name)


def test_entries_and_parts_are_told_apart(tmp_path: Path) -> None:
    first = Ledger(tmp_path / "notes", ())
    film = published(tmp_path, "a.mp4", first, "1")
    words = published(tmp_path, "a.vtt", first, "1", "words")
    again = Ledger(tmp_path / "notes", (film, words))
    assert again.published("1", "film") == film
    assert again.published("1", "words") == words
    assert again.published("2", "film") is None


def test_a_note_alone_does_not_count(tmp_path: Path) -> None:
    first = Ledger(tmp_path / "notes", ())
    (tmp_path / "staged").touch()
    first.note("1", "film", tmp_path / "staged")
    assert Ledger(tmp_path / "notes", ()).published("1", "film") is None


def test_the_newest_note_of_an_inode_counts(tmp_path: Path) -> None:
    first = Ledger(tmp_path / "notes", ())
    (tmp_path / "staged").touch()
    first.note("1", "film", tmp_path / "staged")
    film = published(tmp_path, "b.mp4", first, "2")
    again = Ledger(tmp_path / "notes", (film,))
    assert again.published("2", "film") == film
    assert again.published("1", "film") is None


def test_torn_lines_are_passed_over(tmp_path: Path) -> None:
    first = Ledger(tmp_path / "notes", ())
    film = published(tmp_path, "a.mp4", first, "1")
    with open(tmp_path / "notes", "a") as file:
        file.write('["2", "fi')
    assert Ledger(tmp_path / "notes", (film,)).published("1", "film") == film
    torn = Ledger(tmp_path / "notes", (film,))
    other = published(tmp_path, "b.mp4", torn, "2")
    assert Ledger(tmp_path / "notes", (film, other)).published("2", "film") == other
