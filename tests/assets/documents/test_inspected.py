"""What was looked into once is not looked into again, as long as the same code would."""

import hashlib

import pytest

from assets.documents.inspected import known_facts, remembering
from assets.documents.inspection import DocumentFacts
from resources.lake.tables import RAW_PDFS

DATA = b"%PDF-1.7 content"
VERSION = hashlib.sha256(DATA).hexdigest()
MADE_FROM = {"code": "code-1", "scans": ""}


@pytest.fixture
def stored(lake):
    """Stores a batch with one document."""

    def store(fingerprint: dict[str, str] | None, **changes) -> None:
        row = {
            "document_id": "d", "version": VERSION, "uri": "sub/guide.pdf", "title": "The Guide", "bytes": 9,
            "page_count": 3, "status": "ok", "error": None, "tombstone": False,
        }  # fmt: skip
        lake.write(RAW_PDFS, [row | changes], "000001-aa")
        if fingerprint is not None:
            lake.put_fingerprint("raw_pdfs", "000001-aa", fingerprint)

    return store


def test_facts_of_a_readable_document_are_known_by_its_version(lake, stored):
    stored({"code": "code-1", "more": "x"})
    assert known_facts(lake, MADE_FROM) == {VERSION: DocumentFacts(3, "The Guide")}


@pytest.mark.parametrize("fingerprint", [None, {"code": "code-2"}, {"code": "code-1", "scans": "vision"}])
def test_what_was_not_finished_or_made_otherwise_is_not_known(lake, stored, fingerprint):
    stored(fingerprint)
    assert known_facts(lake, MADE_FROM) == {}


@pytest.mark.parametrize("changes", [{"status": "unreadable", "error": "encrypted"}, {"title": "guide"}])
def test_a_refused_document_and_one_called_by_its_file_are_looked_into_again(lake, stored, changes):
    stored({"code": "code-1"}, **changes)
    assert known_facts(lake, MADE_FROM) == {}


def test_only_unknown_bytes_are_looked_into():
    looked = []

    def inspect(data: bytes, name: str) -> DocumentFacts:
        looked.append(name)
        return DocumentFacts(1, "")

    look = remembering(inspect, {VERSION: DocumentFacts(3, "The Guide")})
    assert (look(DATA, "a.pdf"), look(b"other", "b.pdf")) == (DocumentFacts(3, "The Guide"), DocumentFacts(1, ""))
    assert looked == ["b.pdf"]
