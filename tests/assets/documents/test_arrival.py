"""Receiving a batch: every entry of a manifest becomes one row, and no document's trouble is another's."""

import hashlib
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from assets.documents.arrival import fetch, plain_row, receipts_of, receive, receive_all, unchanged_of
from assets.documents.inspection import DocumentFacts
from resources.corpus.manifest import Entry, Listed, Manifest, document_id
from resources.corpus.received import Received
from resources.corpus.source import AccessDenied, SourceUnavailable, changed, gone
from resources.errors import UnreadableDocument
from resources.lake.lake import Lake
from resources.lake.tables import RAW_PDFS

DATA = b"%PDF-1.7 content"
ETAG = hashlib.sha256(DATA).hexdigest()
ENTRY = Entry("sub/guide.pdf", ETAG, len(DATA), ETAG)


@dataclass
class Source:
    """A source in memory that writes down what was read; a value that is an error is raised."""

    files: dict[str, bytes | Exception] = field(default_factory=dict)
    read_names: list[str] = field(default_factory=list)

    def read(self, document: Listed) -> bytes:
        self.read_names.append(document.uri)
        found = self.files.get(document.uri, gone(document))
        if isinstance(found, Exception):
            raise found
        return found


def readable(data: bytes, uri: str) -> DocumentFacts:
    return DocumentFacts(3, "The Guide")


def unreadable(data: bytes, uri: str) -> DocumentFacts:
    raise UnreadableDocument(uri, "it is encrypted", "remove the password")


@pytest.fixture
def arrive(lake: Lake) -> Callable[..., dict[str, Any]]:
    def run(entry: Entry, content: bytes | Exception | None = DATA, inspect: Any = readable) -> dict[str, Any]:
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
    row = arrive(Entry("sub/guide.pdf", ETAG, 0, ETAG, tombstone=True))
    assert (row["status"], row["tombstone"], row["read"], row["error"]) == ("withdrawn", True, [], None)


def test_a_copy_names_the_document_that_is_used_instead(arrive) -> None:
    row = arrive(Entry("copy.pdf", ETAG, 5, ETAG, duplicate_of="sub/guide.pdf"))
    assert (row["status"], row["read"]) == ("duplicate", [])
    assert "sub/guide.pdf" in row["error"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "gone from the source since it was listed"),
        (changed(ENTRY), "changed since it was listed"),
        (UnreadableDocument("sub/guide.pdf", "cannot be read", "check its permissions"), "cannot be read"),
    ],
)
def test_a_document_that_cannot_be_had_is_a_row_with_the_reason_and_leaves_no_blob(
    arrive, lake, content, reason
) -> None:
    row = arrive(ENTRY, content)
    assert (row["status"], row["page_count"], row["tombstone"]) == ("unreadable", 0, False)
    assert reason in row["error"]
    assert not lake.has_blob(ETAG)


def test_an_unreadable_document_says_what_is_wrong_and_what_to_do(arrive, lake) -> None:
    row = arrive(ENTRY, inspect=unreadable)
    assert (row["status"], row["error"]) == ("unreadable", "it is encrypted (remove the password)")
    assert lake.has_blob(ETAG)


def test_bytes_that_were_stored_once_are_not_read_from_the_source_again(arrive) -> None:
    arrive(ENTRY)
    row = arrive(ENTRY, content=None)
    assert (row["status"], row["read"]) == ("ok", [])


def test_a_hostile_name_and_title_are_kept_as_text(arrive) -> None:
    row = arrive(Entry("[b]x.pdf", ETAG, 5, ETAG), inspect=lambda *_: DocumentFacts(1, "<script>\x1b[31m=1+1"))
    assert row["title"] == "<script>\x1b[31m=1+1"


def test_a_refused_document_is_a_row_with_the_reason_and_is_not_read(arrive) -> None:
    row = arrive(Entry("a.pdf", "r", 0, refusal="a link that leads out"))
    assert (row["status"], row["error"], row["read"]) == ("unreadable", "a link that leads out", [])


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def versions(entries: list[Entry]) -> dict[str, tuple[str, str]]:
    return {entry.uri: (entry.version, entry.duplicate_of) for entry in entries}


BATCH = Manifest(2, (Entry("a.pdf", "e1", 3), Entry("b.pdf", "e2", 3), Entry("c.pdf", "e3", 3)))


def test_bytes_that_the_listing_did_not_tell_are_stored_and_copies_among_them_found(lake) -> None:
    source = Source({"a.pdf": b"one", "b.pdf": b"two", "c.pdf": b"one"})
    entries = fetch(BATCH, {}, {}, source.read, lake)
    assert versions(entries) == {
        "a.pdf": (sha(b"one"), ""),
        "b.pdf": (sha(b"two"), ""),
        "c.pdf": (sha(b"one"), "a.pdf"),
    }
    assert lake.get_blob(sha(b"two")) == b"two"
    again = fetch(BATCH, {}, receipts_of(BATCH, entries), Source().read, lake)
    assert again == entries


def test_a_document_that_counted_before_is_the_original_of_what_arrives_with_its_bytes(lake) -> None:
    known = {"z.pdf": Entry("z.pdf", "e", 3, sha(b"one")), "y.pdf": Entry("y.pdf", "e", 3, sha(b"two"), tombstone=True)}
    source = Source({"a.pdf": b"one", "b.pdf": b"two", "c.pdf": b"three"})
    found = versions(fetch(BATCH, known, {}, source.read, lake))
    assert {uri: copy_of for uri, (_, copy_of) in found.items()} == {"a.pdf": "z.pdf", "b.pdf": "", "c.pdf": ""}


def test_an_original_that_comes_again_with_its_bytes_keeps_its_copy(lake) -> None:
    known = {
        "a.pdf": Entry("a.pdf", "e0", 3, sha(b"one"), duplicate_of="b.pdf"),
        "b.pdf": Entry("b.pdf", "e0", 3, sha(b"one")),
    }
    batch = Manifest(2, (Entry("a.pdf", "e0", 3, sha(b"one")), Entry("b.pdf", "e1", 3)))
    entries = fetch(batch, known, {}, Source({"b.pdf": b"one"}).read, lake)
    assert versions(entries) == {"a.pdf": (sha(b"one"), "b.pdf"), "b.pdf": (sha(b"one"), "")}
    assert receipts_of(batch, entries) == {
        "a.pdf": Received(sha(b"one"), "b.pdf"), "b.pdf": Received(sha(b"one"))
    }  # fmt: skip


def test_a_document_that_cannot_be_had_does_not_hold_up_its_batch(lake) -> None:
    source = Source({"a.pdf": b"one", "b.pdf": changed(BATCH.entries[1]), "c.pdf": AccessDenied("c.pdf", "denied")})
    entries = fetch(BATCH, {}, {}, source.read, lake)
    assert [entry.refusal for entry in entries] == [
        "", "changed since it was listed (the next scan brings the new version)", "denied"
    ]  # fmt: skip
    assert list(receipts_of(BATCH, entries)) == ["a.pdf"]


def test_a_batch_of_which_nothing_may_be_read_fails_instead_of_being_done(lake) -> None:
    source = Source(dict.fromkeys(("a.pdf", "b.pdf", "c.pdf"), AccessDenied("x.pdf", "denied", "ask")))
    with pytest.raises(SourceUnavailable, match="no document of this batch may be read"):
        fetch(BATCH, {}, {}, source.read, lake)


@pytest.mark.parametrize("withdrawn", [0, 1])
def test_a_right_that_one_document_lacks_fails_no_batch_and_holds_up_no_withdrawal(lake, withdrawn) -> None:
    gone_too = [Entry(f"{number}.pdf", "e", 0, tombstone=True) for number in range(withdrawn)]
    batch = Manifest(2, (*gone_too, *BATCH.entries[: 1 + withdrawn]))
    source = Source(dict.fromkeys(("a.pdf", "b.pdf"), AccessDenied("x.pdf", "denied")))
    entries = fetch(batch, {}, {}, source.read, lake)
    assert [entry.refusal for entry in entries] == [""] * withdrawn + ["denied"] * (1 + withdrawn)


def test_erased_bytes_are_not_stored_again_under_another_name(lake) -> None:
    source = Source({"a.pdf": b"one", "b.pdf": b"two", "c.pdf": b"three"})
    entries = fetch(BATCH, {}, {}, source.read, lake, {sha(b"two")})
    assert "erased" in entries[1].refusal
    assert not lake.has_blob(sha(b"two"))


@pytest.mark.parametrize(
    ("status", "version", "expected"),
    [("ok", "1", True), ("unchanged", "1", True), ("unreadable", "1", False), ("ok", "2", False)],
)
def test_a_document_is_unchanged_if_an_earlier_batch_could_use_the_same_bytes(lake, status, version, expected) -> None:
    lake.write(RAW_PDFS, [plain_row(Entry("a.pdf", "e0", 3, version), status)], "000001-aaaaaaaa")
    lake.write(RAW_PDFS, [plain_row(Entry("a.pdf", "e9", 3, "9"), "ok")], "000003-aaaaaaaa")
    known = {"a.pdf": Entry("a.pdf", "e0", 3, "1")}
    again, other = Entry("a.pdf", "e1", 3, "1"), Entry("a.pdf", "e1", 3, "3")
    assert unchanged_of([again], known, lake, "000002-aaaaaaaa") == ({"a.pdf"} if expected else set())
    assert unchanged_of([other], known, lake, "000002-aaaaaaaa") == set()
    assert unchanged_of([again], {}, lake, "000002-aaaaaaaa") == set()


@pytest.mark.skipif(os.cpu_count() == 1, reason="one core looks into one document at a time")
def test_documents_are_looked_into_side_by_side_and_their_rows_keep_the_order(lake) -> None:
    """The second document cannot be looked into before the first one is being looked into as well, nor the reverse."""
    both = threading.Barrier(2, timeout=20)

    def meet(data: bytes, uri: str) -> DocumentFacts:
        if uri in ("b.pdf", "c.pdf"):
            both.wait()
        if uri == "b.pdf":
            raise UnreadableDocument(uri, "too slow")
        return DocumentFacts(len(data), "")

    entries = [Entry("a.pdf", "", 1, tombstone=True), *(Entry(f"{name}.pdf", "e", 3, sha(b"x")) for name in "bcd")]
    source = Source({entry.uri: b"x" for entry in entries})
    rows = receive_all(entries, source.read, lake, meet, {"d.pdf"})
    assert [(row["uri"], row["status"]) for row in rows] == [
        ("a.pdf", "withdrawn"), ("b.pdf", "unreadable"), ("c.pdf", "ok"), ("d.pdf", "unchanged"),
    ]  # fmt: skip


def test_a_source_that_goes_away_ends_the_batch(lake) -> None:
    source = Source({"b.pdf": SourceUnavailable("no answer")})
    with pytest.raises(SourceUnavailable):
        receive_all([Entry("a.pdf", "", 1, tombstone=True), Entry("b.pdf", "e", 3, ETAG)], source.read, lake, readable)
