"""Which files are usable documents, and what a person is told about the others."""

import io
import zipfile

import pymupdf
import pytest

from assets.documents.readers import LAYOUT_READER
from resources.errors import UnreadableDocument

AES_256 = 5
PAGE = [(72, 90, "Fees and charges", 14, "helv")]


def reason_against(data: bytes, timeout: float | None = None) -> str:
    with pytest.raises(UnreadableDocument) as caught:
        LAYOUT_READER.inspect()(data, "folder/guide.pdf", timeout)
    assert str(caught.value).startswith("folder/guide.pdf: ")
    assert caught.value.hint
    return caught.value.reason


def png() -> bytes:
    return pymupdf.Pixmap(pymupdf.csRGB, pymupdf.IRect(0, 0, 20, 20)).tobytes("png")


def test_facts_are_page_count_and_title(make_pdf):
    facts = LAYOUT_READER.inspect()(make_pdf(PAGE, PAGE, title="Better\n  banking "), "a.pdf")
    assert (facts.page_count, facts.title) == (2, "Better banking")


def test_an_empty_file_is_called_empty():
    assert "empty" in reason_against(b"")


def test_other_formats_are_named_for_what_they_look_like():
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("word/document.xml", "<w/>")
    assert "PNG image" in reason_against(png())
    assert "web page" in reason_against(b"\xef\xbb\xbf\n<!DOCTYPE html><html><body>fees</body></html>")
    assert "ZIP archive" in reason_against(archive.getvalue())
    assert "plain text" in reason_against("Gebühren: 5 €".encode())
    assert "not recognised" in reason_against(bytes(range(256)))


def test_bytes_before_the_signature_are_tolerated(make_pdf):
    assert LAYOUT_READER.inspect()(b"HTTP/1.1 200 OK\r\n\r\n" + make_pdf(PAGE), "a.pdf").page_count == 1


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.95])
def test_a_truncated_file_is_not_an_empty_document(make_pdf, share):
    data = make_pdf(*[PAGE] * 5)
    assert "truncated or damaged" in reason_against(data[: max(40, int(len(data) * share))])


def test_a_password_is_asked_for_only_where_one_is_needed(make_pdf):
    assert "password" in reason_against(make_pdf(PAGE, encryption=AES_256, owner_pw="o", user_pw="u"))
    assert (
        LAYOUT_READER.inspect()(make_pdf(PAGE, encryption=AES_256, owner_pw="o", user_pw=""), "a.pdf").page_count == 1
    )


def test_a_scan_is_told_to_run_ocr():
    document = pymupdf.open()
    document.new_page().insert_image(pymupdf.Rect(0, 0, 300, 300), stream=png())
    assert "no text layer" in reason_against(document.tobytes())


def test_a_scan_is_a_document_where_pictures_can_be_read():
    document = pymupdf.open()
    document.new_page().insert_image(pymupdf.Rect(0, 0, 300, 300), stream=png())
    assert LAYOUT_READER.inspect(scans=True)(document.tobytes(), "a.pdf").page_count == 1
    with pytest.raises(UnreadableDocument):
        LAYOUT_READER.inspect(scans=True)(png(), "a.pdf")


def test_a_file_that_makes_the_parser_spin_is_given_up(form_bomb):
    with pytest.raises(UnreadableDocument, match=r"longer than 1 s .*split the document, or print it to a new PDF"):
        LAYOUT_READER.inspect()(form_bomb, "a.pdf", timeout=1)
