"""What is told of how true the pages are."""

from assets.documents.fidelity import fidelity, is_flagged, readers_told, recall_overall

PAGE = {
    "page": 0,
    "markdown": "|a|b|\n|---|---|\n|✓|✓|\n\n|c|d|\n|---|---|",
    "word_recall": 1.0,
    "number_recall": 1.0,
    "method": "layout",
}


def test_a_page_that_lost_a_number_or_many_words_is_flagged():
    assert not is_flagged(PAGE)
    assert is_flagged(PAGE | {"number_recall": 0.99})
    assert is_flagged(PAGE | {"word_recall": 0.96})


def test_every_document_is_told_of_the_worst_first():
    lost = PAGE | {"page": 1, "markdown": "", "word_recall": 0.0, "number_recall": 0.0, "method": "failed"}
    half, whole, none = fidelity([("a.pdf", [PAGE]), ("b.pdf", [PAGE, lost]), ("c.pdf", [])])
    assert [row["document"] for row in (half, whole, none)] == ["b.pdf", "a.pdf", "c.pdf"]
    assert half == {
        "document": "b.pdf", "pages": "2", "read by": "failed 1, layout 1", "word recall": "0.5000", "number recall": "0.5000",
        "tables": "2", "ticks": "2", "flagged pages": "2",
    }  # fmt: skip


def test_a_lost_page_counts_as_much_as_any_other():
    assert recall_overall([PAGE, PAGE | {"word_recall": 0.0}]) == 0.5
    assert recall_overall([]) == 1.0


def test_what_ocr_read_is_always_flagged():
    assert is_flagged(PAGE | {"method": "ocr"})


def test_it_is_told_what_pages_lack_that_layout_analysis_did_not_read():
    told = readers_told([PAGE, PAGE | {"method": "permissive"}, PAGE | {"method": "ocr"}])
    assert told["layout"] == "1 pages with 2 tables"
    assert "cells may be wrong" in told["permissive"]
    assert "pdfium with itself" in told["permissive"]
    assert "no text layer confirms" in told["ocr"]
