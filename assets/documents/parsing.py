"""What runs in the child process: one PDF's pages hashed, converted and checked against the second reader."""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from assets.documents.inspection import Fault, open_pdf
from assets.documents.links import Link, links_of, placed
from assets.documents.markdown import box_markdown, heading_level, outline_key
from assets.documents.nursery import getting_on
from assets.documents.page_text import Rectangle, inside, witness_text, words_in
from assets.documents.symbols import spell_out_pictograms
from assets.documents.witness import broken_addresses, divided_words, recalls, respaced
from resources.hashing import content_hash

_FINGERPRINT_DPI = 36
_NOT_ENCRYPTED = 1  # MuPDF's PDF_ENCRYPT_NONE
_RUNNING = ("page-header", "page-footer")
_AMOUNT = re.compile(r"[$€£¥%]|\d[.,]\d")
"""What a running head is kept for: the layout analysis also calls a line at the edge of a single page so."""


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
class Sight:
    """What is on a page besides its markdown: pdfium's text, the running heads that are left out of it, and pictures.

    `pictured` is the share of the page that its largest picture covers.
    """

    text: str
    pictured: float
    heads: str = ""


@dataclass(frozen=True)
class Page:
    """One page: 0-based index, markdown, hash of what is printed on it, boxes, size in points, witness scores.

    `object_sha` is the hash of what the page is built from in its file, empty if that is not known. `note` says why the page
    is not as it was asked for. `links` lie beside the text, so that quotes stay the words that a
    reader sees. `sight` is known where the page was parsed just now.
    """

    index: int
    markdown: str
    method: str
    page_sha: str
    boxes: tuple[Box, ...]
    width: float
    height: float
    word_recall: float
    number_recall: float
    note: str = ""
    links: tuple[Link, ...] = ()
    object_sha: str = field(default="", compare=False)
    sight: Sight | None = field(default=None, compare=False)


def page_hashes(data: bytes, indexes: Sequence[int] | None = None) -> list[str] | Fault:
    """Child process: per page, or for some, the hash of what is printed on it; metadata and file structure do not count."""
    import pymupdf

    document = open_pdf(data)
    if isinstance(document, Fault):
        return document
    outlines = outlines_of(document)
    hashes = []
    for page in document if indexes is None else (document[index] for index in indexes):
        getting_on()
        spans = [
            (span["text"], span["font"], round(span["size"], 2), span["flags"], [round(x, 1) for x in span["bbox"]])
            for span in _spans(page)
        ]
        pixels = hashlib.sha256(page.get_pixmap(dpi=_FINGERPRINT_DPI).samples).hexdigest()
        size = [round(side, 1) for side in page.rect]
        outline, links = outlines.get(page.number, {}), links_of(page)
        hashes.append(content_hash(pymupdf.VersionBind, size, spans, pixels, outline, links))
    return hashes


def parse_pages(data: bytes, indexes: list[int], hashes: Sequence[str]) -> list[Page] | Fault:
    """Child process: the pages with these indexes."""
    import pypdfium2

    document = open_pdf(data)
    if isinstance(document, Fault):
        return document
    rewritten = spell_out_pictograms(document, indexes)
    witness = pypdfium2.PdfDocument(
        document.tobytes(encryption=_NOT_ENCRYPTED) if rewritten or document.is_repaired else data
    )
    outlines = outlines_of(document)
    pages = []
    for index in indexes:
        getting_on()
        pages.append(_page(document, witness, index, hashes[index], outlines.get(index, {})))
    return pages


def _page(document: Any, witness: Any, index: int, page_sha: str, outline: dict[str, int]) -> Page:
    page = document[index]
    read = page.get_textpage(flags=_text_flags())  # once: every other reading decodes the page's pictures again
    raw, spans, words = page.get_text("text", textpage=read), _spans(page, read), words_in(page, read)
    [converted] = document.to_markdown(
        pages=[index], page_chunks=True, use_ocr=False, header=False, footer=False, show_progress=False
    )
    found_boxes = [(box["class"], tuple(map(float, box["bbox"])), box["pos"]) for box in converted["page_boxes"]]
    # A page of a head alone is a page, and whether a head is on this page only cannot be known from the page.
    alone = not any(_speaks(kind, converted["text"][slice(*position)], raw) for kind, _, position in found_boxes)
    found_boxes = [
        ("text", place, (0, 0)) if kind in _RUNNING and (alone or _AMOUNT.search(words(place))) else (kind, place, at)
        for kind, place, at in found_boxes
    ]
    running = [rectangle for kind, rectangle, _ in found_boxes if kind in _RUNNING]
    seen = witness_text(page, witness[index], running)
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
    recalled, numbers = recalls(markdown, seen)
    width, height = (round(side, 2) for side in (page.rect.width, page.rect.height))
    sight = Sight(seen, _pictured(page), "\n".join(map(words, running)))
    links = placed(links_of(page), words, markdown, boxes)
    return Page(
        index, markdown, "layout", page_sha, tuple(boxes), width, height, recalled, numbers, links=links, sight=sight
    )


def _speaks(kind: str, text: str, raw: str) -> bool:
    """Whether a layout box is a part of the page's body that says something."""
    return kind not in _RUNNING and (kind != "picture" or bool(box_markdown(kind, text, raw, 1)))


def _pictured(page: Any) -> float:
    """The share of the page that its largest picture covers."""
    import pymupdf

    areas = [(pymupdf.Rect(image["bbox"]) & page.rect).get_area() for image in page.get_image_info()]
    return round(max(areas, default=0.0) / page.rect.get_area(), 3)


def outlines_of(document: Any) -> dict[int, dict[str, int]]:
    """Per page index the document's outline entries: heading key to level."""
    outlines: dict[int, dict[str, int]] = {}
    for level, title, page_number, *_ in document.get_toc(simple=True):
        if page_number > 0:
            outlines.setdefault(page_number - 1, {}).setdefault(outline_key(title), level)
    return outlines


def _text_flags() -> int:
    import pymupdf

    return pymupdf.TEXTFLAGS_TEXT | pymupdf.TEXT_IGNORE_ACTUALTEXT


def _spans(page: Any, textpage: Any = None) -> list[dict[str, Any]]:
    blocks = page.get_text("dict", flags=_text_flags(), textpage=textpage)["blocks"]
    return [span for block in blocks for line in block.get("lines", []) for span in line["spans"]]


def _spans_within(spans: list[dict[str, Any]], box: Rectangle) -> list[dict[str, Any]]:
    def middle(left: float, top: float, right: float, bottom: float) -> tuple[float, float]:
        return (left + right) / 2, (top + bottom) / 2

    return [span for span in spans if span["text"].strip() and inside(*middle(*span["bbox"]), box, margin=1)]


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
