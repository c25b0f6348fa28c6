"""Real media, made once per session."""

from tests.support.media import media

__all__ = ["media"]
