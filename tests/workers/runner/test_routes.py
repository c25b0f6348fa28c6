"""Answers find who asked."""

from __future__ import annotations

from pathlib import Path

from tests.workers.runner.conftest import Begin, grant
from workers.runner.routes import Routes
from workers.runner.wire import Down, Finished, Granted, Publishing, Up


def test_who_asked_first_about_a_path_is_answered_first() -> None:
    routes, said = Routes(), list[str]()
    routes.add("/a", lambda line: said.append(f"first {line.decode()}"))
    routes.add("/a", lambda line: said.append(f"second {line.decode()}"))
    for word in (b"yes", b"no", b"more"):
        for take in routes.take("/a"):
            take(word)
    assert said == ["first yes", "second no"]
    assert routes.take("/b") == []


def test_an_answer_about_no_path_is_for_all() -> None:
    routes, said = Routes(), list[bytes]()
    for path in ("/a", "/a", "/b"):
        routes.add(path, said.append)
    assert len(routes.take("")) == 3
    assert routes.take("/a") == routes.take("") == []


def test_items_that_publish_under_one_name_at_once_all_get_one(begin: Begin, tmp_path: Path) -> None:
    asked: list[Publishing] = []

    def answer(message: Up) -> Down | None:
        if isinstance(message, Publishing):
            asked.append(message)
            if message.path.endswith("/x.txt"):
                return None
        return grant(message)

    given = {"inputs": ["ok1", "ok2"], "processes": 2, "folder": str(tmp_path / "out"), "name": "x.txt"}
    talk = begin("items", given, answer=answer)
    talk.until_true(lambda: len(asked) == 2, "two questions about one path")
    for question in asked[:2]:
        talk.runner.send(Granted(question.path))
    assert talk.finish() == Finished((), {"items": 2, "done": 2, "failed": 0})
    files = sorted((tmp_path / "out").iterdir())
    assert [path.name for path in files] == ["x (2).txt", "x.txt"]
    assert {path.read_text() for path in files} == {"ok1", "ok2"}
