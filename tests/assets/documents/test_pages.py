"""Pages as rows and back: a page that was parsed once is known by its content, wherever it turns up."""

from dataclasses import replace

from assets.documents.extraction import Extracted
from assets.documents.links import Link
from assets.documents.pages import KnownPages, page_rows
from assets.documents.parsing import Box, Page
from resources.errors import UnreadableDocument
from resources.lake.tables import MARKDOWN_PAGES

DOCUMENT = {"document_id": "d", "version": "v", "page_count": 2}
PAGES = (
    Page(
        0,
        "# Fees\n\n$5.00",
        "layout",
        "sha-0",
        (Box(0, 6, 1.0, 2.0, 3.0, 4.0),),
        595.0,
        842.0,
        1.0,
        1.0,
        links=(Link(2, 6, "https://a.example"),),
    ),
    Page(1, "", "layout", "sha-1", (), 595.0, 842.0, 1.0, 1.0),
)


def store(lake, extracted: Extracted, batch: str = "000001-aa", code: str = "code-1") -> None:
    lake.write(MARKDOWN_PAGES, page_rows(DOCUMENT, extracted), batch)
    lake.put_fingerprint("markdown_pages", batch, {"code": code})


def test_pages_that_were_stored_are_known_again_as_they_were(lake) -> None:
    store(lake, Extracted("a.pdf", PAGES))
    assert KnownPages(lake, {"code": "code-1"}) == {page.page_sha: page for page in PAGES}


def test_versions_whose_pages_are_all_known_are_known_with_their_hashes(lake) -> None:
    store(lake, Extracted("a.pdf", PAGES))
    assert KnownPages(lake, {"code": "code-1"}).versions == {"v": ["sha-0", "sha-1"]}
    assert KnownPages(lake, {"code": "code-2"}).versions == {}
    store(lake, Extracted("a.pdf", (PAGES[0], replace(PAGES[1], note="not transcribed: too dark"))))
    assert KnownPages(lake, {"code": "code-1"}).versions == {}


def test_pages_of_another_extractor_are_not_known(lake) -> None:
    store(lake, Extracted("a.pdf", PAGES), code="code-2")
    assert KnownPages(lake, {"code": "code-1"}) == {}


def test_pages_that_another_transcriber_saw_are_not_known(lake) -> None:
    lake.write(MARKDOWN_PAGES, page_rows(DOCUMENT, Extracted("a.pdf", PAGES)), "000001-aa")
    lake.put_fingerprint("markdown_pages", "000001-aa", {"code": "code-1", "transcriber": "gpt-4o"})
    assert (
        KnownPages(lake, {"code": "code-1"}) == KnownPages(lake, {"code": "code-1", "transcriber": "gpt-4o-mini"}) == {}
    )
    assert set(KnownPages(lake, {"code": "code-1", "transcriber": "gpt-4o"})) == {"sha-0", "sha-1"}


def test_why_a_page_was_left_to_the_layout_reader_is_stored_and_it_is_looked_at_again(lake) -> None:
    store(lake, Extracted("a.pdf", (replace(PAGES[0], note="not transcribed: the model declined"), PAGES[1])))
    row, _ = lake.rows(MARKDOWN_PAGES, "000001-aa")
    assert (row["method"], row["error"]) == ("layout", "not transcribed: the model declined")
    assert set(KnownPages(lake, {"code": "code-1"})) == {"sha-1"}


def test_pages_of_a_batch_that_was_not_finished_are_not_known(lake) -> None:
    lake.write(MARKDOWN_PAGES, page_rows(DOCUMENT, Extracted("a.pdf", PAGES)), "000001-aa")
    assert KnownPages(lake, {"code": "code-1"}) == {}


def test_pages_are_gathered_from_all_batches(lake) -> None:
    store(lake, Extracted("a.pdf", PAGES[:1]), "000001-aa")
    store(lake, Extracted("a.pdf", PAGES[1:]), "000002-bb")
    assert set(KnownPages(lake, {"code": "code-1"})) == {"sha-0", "sha-1"}


def test_a_document_that_failed_keeps_a_row_per_page_with_the_reason_and_is_never_reused(lake) -> None:
    failed = Extracted("a.pdf", error=UnreadableDocument("a.pdf", "the parser died", "split it"))
    rows = page_rows(DOCUMENT, failed)
    assert [(row["page"], row["method"], row["error"]) for row in rows] == [
        (0, "failed", "the parser died (split it)"),
        (1, "failed", "the parser died (split it)"),
    ]
    store(lake, failed)
    assert KnownPages(lake, {"code": "code-1"}) == {}


def test_a_document_without_pages_has_no_rows() -> None:
    assert page_rows(DOCUMENT | {"page_count": 0}, Extracted("a.pdf")) == []
