"""Why a document cannot be used: a closed vocabulary, which what is shown begins with."""

from enum import StrEnum

from resources.errors import UnreadableDocument


class Reason(StrEnum):
    """The kinds of unreadable documents. No value is the beginning of another."""

    EMPTY = "empty file"
    NOT_PDF = "not a PDF"
    ENCRYPTED = "encrypted"
    DAMAGED = "truncated or damaged"
    NO_PAGES = "no pages"
    NO_TEXT = "no text layer"
    TOO_SLOW = "too slow"
    TOO_LARGE = "too large"
    CRASHED = "the parser failed"
    NOT_HAD = "not had from the source"


def unreadable(document: str, reason: Reason, detail: str, hint: str) -> UnreadableDocument:
    """The error of a document that cannot be used for that reason."""
    return UnreadableDocument(document, f"{reason}: {detail}" if detail else str(reason), hint)


def reason_of(error: str) -> Reason:
    """The kind of an error text as the tables hold it: what does not concern the bytes is the source's."""
    return next((reason for reason in Reason if error.startswith(reason)), Reason.NOT_HAD)
