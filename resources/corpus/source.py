"""What a document source is, wherever its documents lie: it lists them and hands out their bytes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from resources.corpus.manifest import Listed
from resources.errors import RaftlineError, UnreadableDocument

LARGEST = 512 * 1024**2
"""Bytes of the largest document that is read: no page of a larger one could be parsed in the memory that parsers get."""


class SourceUnavailable(RaftlineError):
    """A source cannot be read at all now. Its batch fails and is done when the source is back."""


class Withheld(UnreadableDocument):
    """A source lists a document and does not hand it out now. Scans look whether it does by then."""


class AccessDenied(Withheld):
    """A source lists a document and does not let us read it."""


@dataclass(frozen=True)
class Listing:
    """What a source holds. `documents` is None, never empty, if that could not be found out; `problem` says why."""

    documents: Sequence[Listed] | None
    problem: str = ""


class DocumentSource(Protocol):
    """Documents by relative path. Equal stamps mean equal bytes."""

    def list(self) -> Listing:
        """Every document whose name ends in .pdf, at any depth."""
        ...

    def read(self, document: Listed) -> bytes:
        """The bytes that were listed.

        Raises `UnreadableDocument` if they changed or are too large, `Withheld` if they cannot be had now,
        `SourceUnavailable` if the source does not answer.
        """
        ...

    def readable(self, document: Listed) -> bool:
        """Whether a document that was withheld can be read now."""
        ...

    def where(self, uri: str) -> str:
        """Where a document lies, as a path or URL to show to the user."""
        ...

    def forget(self) -> None:
        """Drops what is remembered of earlier listings."""
        ...


def refuse_larger(document: Listed, size: int, limit: int) -> None:
    """Raises `UnreadableDocument` for a document over the limit."""
    if size > limit:
        megabytes = f"{size / 1024**2:.0f} MB, more than the {limit // 1024**2} MB that are read"
        raise UnreadableDocument(document.uri, f"too large: {megabytes}", "split it")


TRIED_AGAIN = "each scan looks whether it can be read by then"
"""What the row of a withheld document promises."""


def changed(document: Listed) -> UnreadableDocument:
    """What is raised when a document is no longer the one that was listed."""
    return UnreadableDocument(document.uri, "changed since it was listed", "the next scan brings the new version")


def gone(document: Listed) -> Withheld:
    """What is raised when a listed document is not there any more."""
    return Withheld(document.uri, "gone from the source since it was listed", "add it again")
