"""Replies of services, read without trust: what makes no sense is no news, and ends neither a job nor a run."""

from collections.abc import Generator
from contextlib import contextmanager

from resources.llm.providers.words import scrubbed
from resources.training.base import TrainingUnreachable

UNREADABLE = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""What reading a reply of another shape ends in: a sign-in page, null where a list was to be, a date beyond all time."""


@contextmanager
def readable(sender: str) -> Generator[None]:
    """Around the reading of a reply. Raises `TrainingUnreachable` for one that cannot be read; it is not kept."""
    words = ""
    try:
        yield
    except UNREADABLE as error:
        words = f"{type(error).__name__}: {error}"
    if words:
        raise TrainingUnreachable(f"{sender} sent something that is not whole ({scrubbed(words, ())})")
