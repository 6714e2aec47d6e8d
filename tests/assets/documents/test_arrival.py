"""Receiving a batch: every entry of a manifest becomes one row, and no document's trouble is another's."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from assets.documents.arrival import receive
from assets.documents.inspection import DocumentFacts
from resources.corpus.manifest import Entry, document_id
from resources.errors import UnreadableDocument
from resources.lake.lake import Lake
from resources.lake.tables import RAW_PDFS

DATA = b"%PDF-1.7 content"
ETAG = hashlib.sha256(DATA).hexdigest()
ENTRY = Entry("sub/guide.pdf", ETAG, len(DATA))


@dataclass
class Source:
    """A folder in memory that writes down what was read; a value that is an error is raised."""

    files: dict[str, bytes | OSError] = field(default_factory=dict)
    read_names: list[str] = field(default_factory=list)

    def read(self, uri: str) -> bytes:
        self.read_names.append(uri)
        found = self.files.get(uri, FileNotFoundError(2, "No such file"))
        if isinstance(found, OSError):
            raise found
        return found


def readable(data: bytes, uri: str) -> DocumentFacts:
    return DocumentFacts(3, "The Guide")


def unreadable(data: bytes, uri: str) -> DocumentFacts:
    raise UnreadableDocument(uri, "it is encrypted", "remove the password")


@pytest.fixture
def arrive(lake: Lake) -> Callable[..., dict[str, Any]]:
    def run(entry: Entry, content: bytes | OSError | None = DATA, inspect: Any = readable) -> dict[str, Any]:
        source = Source({} if content is None else {entry.uri: content})
        row = receive(entry, source.read, lake, inspect)
        lake.write(RAW_PDFS, [row])
        return row | {"read": source.read_names}

    return run


def test_a_readable_document_has_its_title_pages_and_bytes_in_the_lake(arrive, lake) -> None:
    row = arrive(ENTRY)
    assert (row["status"], row["title"], row["page_count"], row["error"]) == ("ok", "The Guide", 3, None)
    assert row["document_id"] == document_id("sub/guide.pdf")
    assert lake.get_blob(row["version"]) == DATA


def test_a_document_without_title_is_called_by_its_file_name(arrive) -> None:
    assert arrive(ENTRY, inspect=lambda *_: DocumentFacts(1, ""))["title"] == "guide"


def test_a_withdrawal_is_a_row_and_reads_nothing(arrive) -> None:
    row = arrive(Entry("sub/guide.pdf", ETAG, 0, tombstone=True))
    assert (row["status"], row["tombstone"], row["read"], row["error"]) == ("withdrawn", True, [], None)


def test_a_copy_names_the_document_that_is_used_instead(arrive) -> None:
    row = arrive(Entry("copy.pdf", ETAG, 5, duplicate_of="sub/guide.pdf"))
    assert (row["status"], row["read"]) == ("duplicate", [])
    assert "sub/guide.pdf" in row["error"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "gone from the source since it was listed"),
        (b"other bytes", "changed since it was listed"),
        (PermissionError(13, "Permission denied"), "cannot be read: Permission denied"),
        (IsADirectoryError(21, "Is a directory"), "cannot be read: Is a directory"),
    ],
)
def test_a_document_that_cannot_be_had_is_a_row_with_the_reason_and_leaves_no_blob(
    arrive, lake, content, reason
) -> None:
    row = arrive(ENTRY, content)
    assert (row["status"], row["page_count"], row["tombstone"]) == ("unreadable", 0, False)
    assert reason in row["error"]
    assert not lake.has_blob(ETAG)
    assert not lake.has_blob(hashlib.sha256(b"other bytes").hexdigest())


def test_an_unreadable_document_says_what_is_wrong_and_what_to_do(arrive, lake) -> None:
    row = arrive(ENTRY, inspect=unreadable)
    assert (row["status"], row["error"]) == ("unreadable", "it is encrypted (remove the password)")
    assert lake.has_blob(ETAG)


def test_bytes_that_were_stored_once_are_not_read_from_the_source_again(arrive) -> None:
    arrive(ENTRY)
    row = arrive(ENTRY, content=None)
    assert (row["status"], row["read"]) == ("ok", [])


def test_a_hostile_name_and_title_are_kept_as_text(arrive) -> None:
    row = arrive(Entry("[b]x.pdf", ETAG, 5), inspect=lambda *_: DocumentFacts(1, "<script>\x1b[31m=1+1"))
    assert row["title"] == "<script>\x1b[31m=1+1"
