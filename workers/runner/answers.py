"""What an answer of the worker means to who asked."""

from __future__ import annotations

from workers.errors import LeaseLost
from workers.runner.messages import Granted, Publishing, Refused, Staging


def is_granted(question: Staging | Publishing, answer: object) -> bool:
    """Whether `answer` allows what was asked; LeaseLost when it refuses.

    False: it answers another question, whose asker was cancelled and has left it over.
    """
    match answer:
        case Granted(path=path):
            return path == question.path
        case Refused(why=why, path=path) if path in ("", question.path):
            raise LeaseLost(f"refused {question.path}: {why.replace('_', ' ')}")
    return False
