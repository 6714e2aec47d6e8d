"""Scans read by Tesseract, whose language data must be installed; the scans are made here, from print."""

import os
import re
from pathlib import Path

import pymupdf
import pytest

from assets.documents.extraction import extract_many
from assets.documents.ocr import Ocr, ocr_of, recognize, recognized_by, scans_by
from assets.documents.parsing import Page
from assets.documents.readers import LAYOUT_READER
from assets.documents.transcription import Source
from resources.llm.resource import ModelsResource
from resources.options import ExtractionOptions

AUTO = ExtractionOptions(ocr="auto")


@pytest.fixture(scope="module")
def ocr() -> Ocr:
    found = ocr_of(AUTO)
    if found is None:
        pytest.skip("Tesseract's data for English is not installed (Debian: tesseract-ocr-eng)")
    return found


@pytest.fixture
def pages_of():
    """The pages of a scan as the layout extractor leaves them."""

    def pages(data: bytes) -> tuple[Page, ...]:
        [result] = extract_many([("scan.pdf", data)], {}, inspect=LAYOUT_READER.inspect(scans=True))
        return result.pages

    return pages


def scanned(data: bytes, dpi: int) -> bytes:
    document = pymupdf.open()
    for page in pymupdf.open(stream=data):
        sheet = document.new_page(width=page.rect.width, height=page.rect.height)
        sheet.insert_image(sheet.rect, stream=page.get_pixmap(dpi=dpi).tobytes("png"))
    document.new_page()
    return document.tobytes()


def test_a_scan_is_read_with_its_table_and_no_footnote_is_glued_to_an_amount(ocr, fee_table_pdf, pages_of):
    data = scanned(fee_table_pdf, 200)
    pages = pages_of(data)
    done = recognize(ocr, [Source("scan.pdf", "v", pages, lambda: data)])
    [(page, empty)] = done.pages
    assert page.method == "ocr"
    assert "Fees of the savings accounts" in page.markdown
    assert re.search(r"\|Passbook\|\$2\.00\|\$12\.50\|", page.markdown)
    assert not re.search(r"\$\d+\.\d{3}", page.markdown)
    assert 0 < page.word_recall <= 1
    assert all(page.markdown[box.start : box.end] for box in page.boxes)
    assert (empty.markdown, empty.method, empty.note) == ("", "layout", "")
    assert (done.read, done.problems) == (1, ["no text was found in the picture"])


def test_pages_with_a_text_layer_and_pages_from_memory_are_left_as_they_are(fee_table_pdf, pages_of):
    [page] = pages_of(fee_table_pdf)
    remembered = Page(0, "", "layout", "sha", (), 595.0, 842.0, 1.0, 1.0)
    sources = [Source("a.pdf", "v", (page,), bytes), Source("b.pdf", "w", (remembered,), bytes)]
    assert recognize(Ocr("eng", "nowhere"), sources).pages == [(page,), (remembered,)]


def test_nothing_is_read_and_nothing_fingerprinted_where_it_is_off_or_data_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TESSDATA_PREFIX", str(tmp_path))
    nobody = ModelsResource(ledger_url="sqlite://")
    missing = ExtractionOptions(ocr="auto", ocr_languages="tlh")
    for options in (ExtractionOptions(), missing):
        assert (ocr_of(options), recognized_by(options), scans_by(nobody, options)) == (None, {}, {})
    (tmp_path / "tessdata").mkdir()
    (tmp_path / "tessdata/tlh.traineddata").write_bytes(b"data")
    assert ocr_of(missing) == Ocr("tlh", str(tmp_path / "tessdata"))
    assert scans_by(nobody, missing) == {"scans": "ocr"}
    before = recognized_by(missing)
    assert before["ocr"].startswith("tlh ")
    os.utime(tmp_path / "tessdata/tlh.traineddata", ns=(1, 1))
    assert recognized_by(missing) == before
    (tmp_path / "tessdata/tlh.traineddata").write_bytes(b"newer data")
    assert recognized_by(missing) != before
