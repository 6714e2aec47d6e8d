"""What runs in the child process: one PDF's pages hashed, converted and checked against the second reader."""

import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import Any

from assets.documents.inspection import Fault, open_pdf
from assets.documents.markdown import box_markdown, heading_level, outline_key
from assets.documents.symbols import spell_out_pictograms
from assets.documents.witness import broken_addresses, divided_words, recalls, respaced
from resources.hashing import content_hash

_FINGERPRINT_DPI = 36
_NOT_ENCRYPTED = 1  # MuPDF's PDF_ENCRYPT_NONE
_RUNNING = ("page-header", "page-footer")


@dataclass(frozen=True)
class Box:
    """Characters `start:end` of a page's markdown and the rectangle (PDF points, origin top left) they come from."""

    start: int
    end: int
    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True)
class Page:
    """One page: 0-based index, markdown, hash of what is printed on it, boxes, size in points, witness scores."""

    index: int
    markdown: str
    method: str
    page_sha: str
    boxes: tuple[Box, ...]
    width: float
    height: float
    word_recall: float
    number_recall: float


def page_hashes(data: bytes) -> list[str] | Fault:
    """Child process: per page the hash of what is printed on it; metadata and file structure do not count."""
    import pymupdf

    document = open_pdf(data)
    if isinstance(document, Fault):
        return document
    outlines = _outlines(document)
    hashes = []
    for page in document:
        spans = [
            (span["text"], span["font"], round(span["size"], 2), span["flags"], [round(x, 1) for x in span["bbox"]])
            for span in _spans(page)
        ]
        pixels = hashlib.sha256(page.get_pixmap(dpi=_FINGERPRINT_DPI, annots=False).samples).hexdigest()
        size = [round(side, 1) for side in page.rect]
        hashes.append(content_hash(pymupdf.VersionBind, size, spans, pixels, outlines.get(page.number, {})))
    return hashes


def parse_pages(data: bytes, indexes: list[int], hashes: list[str]) -> list[Page] | Fault:
    """Child process: the pages with these indexes."""
    import pypdfium2

    document = open_pdf(data)
    if isinstance(document, Fault):
        return document
    rewritten = spell_out_pictograms(document, indexes)
    witness = pypdfium2.PdfDocument(
        document.tobytes(encryption=_NOT_ENCRYPTED) if rewritten or document.is_repaired else data
    )
    outlines = _outlines(document)
    return [_page(document, witness, index, hashes[index], outlines.get(index, {})) for index in indexes]


def _page(document: Any, witness: Any, index: int, page_sha: str, outline: dict[str, int]) -> Page:
    page = document[index]
    raw, spans = page.get_text("text", flags=_text_flags()), _spans(page)
    [converted] = document.to_markdown(
        pages=[index], page_chunks=True, use_ocr=False, header=False, footer=False, show_progress=False
    )
    found_boxes = [(box["class"], tuple(map(float, box["bbox"])), box["pos"]) for box in converted["page_boxes"]]
    if all(kind in _RUNNING for kind, *_ in found_boxes):  # a page of a head alone is a page
        found_boxes = [("text", rectangle, (0, 0)) for _, rectangle, _ in found_boxes]
    running = [rectangle for kind, rectangle, _ in found_boxes if kind in _RUNNING]
    seen = _witness_text(page, witness[index], running)
    glued = {**divided_words(seen), **broken_addresses(raw)}
    pieces: list[str] = []
    boxes: list[Box] = []
    length, previous = 0, ""
    for kind, rectangle, position in found_boxes:
        if kind in _RUNNING:
            continue
        text = converted["text"][slice(*position)]
        if not text.strip() and kind != "picture":  # the converter leaves vertical text out
            text = page.get_textbox(rectangle)
        within = _spans_within(spans, rectangle)
        level = heading_level(_size(within), text, outline)
        text = respaced(box_markdown(kind, text, raw, level, _begins_with_mark(within)), glued)
        if not text:
            continue
        separator = "\n\n" if pieces else ""
        if kind == previous == "list-item" or (text.startswith("<sup>") and pieces and pieces[-1].startswith("<sup>")):
            separator = "\n"
        start = length + len(separator)
        pieces += [separator, text]
        length, previous = start + len(text), kind
        boxes.append(Box(start, length, *rectangle))
    markdown = "".join(pieces)
    words, numbers = recalls(markdown, seen)
    width, height = (round(side, 2) for side in (page.rect.width, page.rect.height))
    return Page(index, markdown, "layout", page_sha, tuple(boxes), width, height, words, numbers)


def _witness_text(page: Any, witness: Any, dropped: list[tuple[float, ...]]) -> str:
    """pdfium's text of what the page shows, without its running heads and feet.

    pdfium also reads what lies outside the crop box, for instance the other half of a printed spread.
    """
    import pymupdf
    import pypdfium2.raw as pdfium

    to_pdf = page.derotation_matrix * ~page.transformation_matrix
    seen = tuple(page.rect * to_pdf)
    unseen = [tuple(pymupdf.Rect(box) * to_pdf) for box in dropped]
    text = witness.get_textpage()
    kept = []
    for index in range(text.count_chars()):
        left, bottom, right, top = text.get_charbox(index)
        x, y = (left + right) / 2, (bottom + top) / 2
        placed = right > left or top > bottom
        hidden = placed and (not _inside(x, y, seen) or any(_inside(x, y, box) for box in unseen))
        kept.append("\n" if hidden else chr(pdfium.FPDFText_GetUnicode(text, index)))
    return "".join(kept)


def _inside(x: float, y: float, box: tuple[float, ...], margin: float = 0.0) -> bool:
    x0, y0, x1, y1 = box
    return x0 - margin <= x <= x1 + margin and y0 - margin <= y <= y1 + margin


def _outlines(document: Any) -> dict[int, dict[str, int]]:
    """Per page index the document's outline entries: heading key to level."""
    outlines: dict[int, dict[str, int]] = {}
    for level, title, page_number, *_ in document.get_toc(simple=True):
        if page_number > 0:
            outlines.setdefault(page_number - 1, {}).setdefault(outline_key(title), level)
    return outlines


def _text_flags() -> int:
    import pymupdf

    return pymupdf.TEXTFLAGS_TEXT | pymupdf.TEXT_IGNORE_ACTUALTEXT


def _spans(page: Any) -> list[dict[str, Any]]:
    blocks = page.get_text("dict", flags=_text_flags())["blocks"]
    return [span for block in blocks for line in block.get("lines", []) for span in line["spans"]]


def _spans_within(spans: list[dict[str, Any]], box: tuple[float, ...]) -> list[dict[str, Any]]:
    def middle(left: float, top: float, right: float, bottom: float) -> tuple[float, float]:
        return (left + right) / 2, (top + bottom) / 2

    return [span for span in spans if span["text"].strip() and _inside(*middle(*span["bbox"]), box, margin=1)]


def _size(spans: list[dict[str, Any]]) -> float:
    """The font size of most characters."""
    sizes: Counter[float] = Counter()
    for span in spans:
        sizes[round(span["size"], 1)] += len(span["text"].strip())
    return max(sizes, key=lambda size: (sizes[size], size), default=0.0)


def _begins_with_mark(spans: list[dict[str, Any]]) -> bool:
    """Whether the text begins with a small number of its own: the mark of a footnote."""
    if len(spans) < 2:
        return False
    mark, text = spans[0], spans[1]
    return mark["text"].strip().isdecimal() and len(mark["text"].strip()) <= 2 and mark["size"] < 0.9 * text["size"]
