"""PDFs opened and looked into by pdfium alone: faults, facts, links, outline, and what is printed on a page by hash."""

import ctypes
import hashlib
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from assets.documents.inspection import DocumentFacts, Fault
from assets.documents.links import safe_target
from assets.documents.markdown import outline_key
from assets.documents.nursery import getting_on
from assets.documents.permissive.running import running_heads
from assets.documents.reasons import Reason
from resources.hashing import content_hash

Rectangle = tuple[float, float, float, float]
"""x0, y0, x1, y1 in points from the top left corner of the page as it is shown."""

_FINGERPRINT_SCALE = 0.5
_FURTHER_LINKS = 10_000
_IMAGE_DEPTH = 3


def open_document(data: bytes) -> Any:
    """The opened document, or a Fault. Owner-encrypted files that open with the empty password are fine."""
    import pypdfium2
    import pypdfium2.raw as pdfium

    copied = "copy it again from its source"
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if error.err_code in (pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY):
            return Fault(Reason.ENCRYPTED, "it needs a password", "save a copy without password")
        return Fault(Reason.DAMAGED, "pdfium cannot open it", copied)
    whole = bool(pdfium.FPDF_DocumentHasValidCrossReferenceTable(document))
    if len(document) == 0 and whole:
        return Fault(Reason.NO_PAGES, "there is nothing in it", "export it again")
    if len(document) == 0:
        return Fault(Reason.DAMAGED, "no page can be found in it", copied)
    if not whole and b"%%EOF" not in data[-2048:]:
        return Fault(Reason.DAMAGED, "its end is missing", copied)
    return document


def look_inside(data: bytes) -> DocumentFacts | Fault:
    """Child process: facts of a PDF with a text layer, or the reason against it."""
    facts, has_text = _facts(data)
    if isinstance(facts, Fault) or has_text:
        return facts
    hint = (
        "the permissive extractor has no OCR: configure a transcriber, set `extraction.extractor: layout` with "
        "`extraction.ocr: auto`, or add the result of ocrmypdf"
    )
    return Fault(Reason.NO_TEXT, "a scan?", hint)


def look_at_pages(data: bytes) -> DocumentFacts | Fault:
    """Child process: facts of a PDF, or the reason against it."""
    return _facts(data)[0]


def page_hashes(data: bytes) -> list[str] | Fault:
    """Child process: per page the hash of what is printed on it; metadata and file structure do not count.

    Which of its lines are running heads depends on the pages beside it, so these lines count too.
    """
    from pypdfium2 import version

    document = open_document(data)
    if isinstance(document, Fault):
        return document
    outlines, heads = outlines_of(document), running_heads(document)
    hashes = []
    for index, page in enumerate(document):
        getting_on()
        text = page.get_textpage()
        places = [[round(side, 1) for side in text.get_rect(number)] for number in range(text.count_rects())]
        picture = page.render(scale=_FINGERPRINT_SCALE, may_draw_forms=False, draw_annots=False)
        pixels = hashlib.sha256(bytes(picture.buffer)).hexdigest()
        links = [[target, [round(side, 1) for side in area]] for target, area in links_of(document, page)]
        size = [round(side, 1) for side in page.get_size()]
        seen = [size, text.get_text_range(), places, pixels, outlines.get(index, {}), links]
        hashes.append(content_hash(str(version.PDFIUM_INFO), seen, sorted(heads.get(index, []))))
        page.close()
    return hashes


def outlines_of(document: Any) -> dict[int, dict[str, int]]:
    """Per page index the document's outline entries: heading key to level."""
    import pypdfium2

    outlines: dict[int, dict[str, int]] = {}
    try:
        for entry in document.get_toc(max_depth=10):
            target = entry.get_dest()
            index = target.get_index() if target else None
            if index is not None:
                outlines.setdefault(index, {}).setdefault(outline_key(entry.get_title()), entry.level + 1)
    except pypdfium2.PdfiumError:
        return {}
    return outlines


def links_of(document: Any, page: Any) -> list[tuple[str, list[float]]]:
    """The safe targets of a page's links with their rectangles, in the order of the file."""
    import pypdfium2.raw as pdfium

    shown = shown_by(page)
    position, link, area = ctypes.c_int(0), pdfium.FPDF_LINK(), pdfium.FS_RECTF()
    found = []
    for _ in range(_FURTHER_LINKS):
        if not pdfium.FPDFLink_Enumerate(page, position, link):
            break
        target = safe_target(_address(document, link))
        if target and pdfium.FPDFLink_GetAnnotRect(link, area):
            found.append((target, list(shown(area.left, area.bottom, area.right, area.top))))
    return found


def pictured(page: Any) -> float:
    """The share of the page that its largest picture covers."""
    import pypdfium2.raw as pdfium

    width, height = page.get_size()
    shown = shown_by(page)
    areas = [0.0]
    for image in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=_IMAGE_DEPTH):
        x0, y0, x1, y1 = shown(*image.get_bounds())
        areas.append(max(0.0, min(x1, width) - max(x0, 0.0)) * max(0.0, min(y1, height) - max(y0, 0.0)))
    return round(max(areas) / max(width * height, 1.0), 3)


def shown_by(page: Any) -> Callable[[float, float, float, float], Rectangle]:
    """A function from left, bottom, right, top in a page's own space to where that is shown: cropped and rotated."""
    return partial(_shown, page.get_rotation(), page.get_cropbox())


def _shown(rotation: int, crop: Rectangle, left: float, bottom: float, right: float, top: float) -> Rectangle:
    x0, y0, x1, y1 = crop
    if rotation == 90:
        return bottom - y0, left - x0, top - y0, right - x0
    if rotation == 180:
        return x1 - right, bottom - y0, x1 - left, top - y0
    if rotation == 270:
        return y1 - top, x1 - right, y1 - bottom, x1 - left
    return left - x0, y1 - top, right - x0, y1 - bottom


def _facts(data: bytes) -> tuple[DocumentFacts | Fault, bool]:
    """The facts and whether there is any text. Every page is loaded: a broken one counts."""
    document = open_document(data)
    if isinstance(document, Fault):
        return document, False
    texts = list(_texts(document))
    title = document.get_metadata_value("Title")
    return DocumentFacts(len(document), " ".join(re.sub(r"[\x00-\x1f\x7f]", " ", title).split())), any(
        text.strip() for text in texts
    )


def _texts(document: Any) -> Iterator[str]:
    for page in document:
        yield page.get_textpage().get_text_range()
        page.close()


def _address(document: Any, link: Any) -> str:
    """Where a link leads, empty if not to an address."""
    import pypdfium2.raw as pdfium

    action = pdfium.FPDFLink_GetAction(link)
    if not action:
        return ""
    length = pdfium.FPDFAction_GetURIPath(document, action, None, 0)
    buffer = ctypes.create_string_buffer(length)
    pdfium.FPDFAction_GetURIPath(document, action, buffer, length)
    return buffer.value.decode("utf-8", "replace")
