"""The hostile files through the permissive extractor: pages or a typed reason in time, and no harm to the others."""

import pytest

from assets.documents.extraction import Extracted, extract_many
from assets.documents.inspection import DocumentFacts
from assets.documents.readers import PERMISSIVE_READER
from assets.documents.reasons import Reason, reason_of

ENDS = {
    "empty.pdf": Reason.EMPTY,
    "cut.pdf": Reason.DAMAGED,
    "locked.pdf": Reason.ENCRYPTED,
    "cyclic.pdf": Reason.DAMAGED,
    "form bomb.pdf": Reason.TOO_SLOW,
    "flate bomb.pdf": Reason.TOO_SLOW,
    "page.html.pdf": Reason.NOT_PDF,
    "picture.pdf": Reason.NOT_PDF,
    "archive.pdf": Reason.NOT_PDF,
    "no pages.pdf": Reason.DAMAGED,
    "deep tree.pdf": Reason.DAMAGED,
}
READABLE = {
    "30000 pixels.pdf": 2,
    "1000 pages.pdf": 1000,
    "script.pdf": 2,
    "wrong xref.pdf": 1,
    "deep array.pdf": 1,
    "line\nbreak\r\x1b[31m.pdf": 1,
}


def impatient(data: bytes, name: str) -> DocumentFacts:
    """The inspection with little time for bombs, so that the test is short."""
    return PERMISSIVE_READER.inspect()(data, name, timeout=0.5 if "bomb" in name else None)


@pytest.fixture(scope="module")
def batch(hostile, healthy) -> dict[str, Extracted]:
    documents = [("first.pdf", healthy), *hostile.items(), ("last.pdf", healthy)]
    return {one.name: one for one in extract_many(documents, {}, 2, inspect=impatient, reader=PERMISSIVE_READER)}


def test_every_file_ends_with_its_reason_or_its_pages(batch):
    refused = {name: reason_of(result.error.reason) for name, result in batch.items() if result.error}
    assert refused == ENDS
    assert {name: len(batch[name].pages) for name in READABLE} == READABLE
    assert all(result.error.hint for result in batch.values() if result.error)


def test_the_rest_is_untouched_and_read_whole(batch):
    assert batch["first.pdf"].pages == batch["last.pdf"].pages
    for name in ("first.pdf", *READABLE):
        assert {page.markdown for page in batch[name].pages} <= {
            "The Basic account costs 4 dollars a month.",
            "It costs 4 dollars a month.",
        }, name
        assert {page.method for page in batch[name].pages} == {"permissive"}
