"""A page as a picture with a quote marked on it, so that a reader sees where an answer comes from.

Boxes are rows of MARKDOWN_PAGES: character ranges of the page's markdown with rectangles in PDF points, origin at
the top left. A table has one box; the lines on which the quote's own words stand are found through PDFium.
"""

import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from resources.search.tokenizer import words

if TYPE_CHECKING:
    from pypdfium2 import PdfPage

Rectangle = tuple[float, float, float, float]
"""x0, y0, x1, y1 in PDF points from the top left corner."""

MAX_PIXELS = 900
_MARK = (255, 229, 128)
_EDGE = (217, 119, 6)
_COLOURS = 64
_SLACK = 2.0
"""Points by which a mark is larger than its words."""


@dataclass(frozen=True)
class HighlightedPage:
    """A rendered page with the quote marked. `page` is 0-based; `marked` tells whether a place was found."""

    title: str
    page: int
    png: bytes
    marked: bool


def highlighter(
    chunks: Iterable[Mapping[str, Any]],
    pages: Iterable[Mapping[str, Any]],
    pdf_of: Callable[[str], bytes | None],
) -> Callable[[str, str], HighlightedPage | None]:
    """A function from a chunk id and a quote to the chunk's page with the quote marked on it.

    `chunks` are rows of CORPUS, `pages` of MARKDOWN_PAGES; `pdf_of` gives a version's bytes, or None if gone.
    A page that PDFium cannot render has no picture.
    """
    from pypdfium2 import PdfiumError

    by_chunk = {row["chunk_id"]: row for row in chunks}
    by_page = {(row["document_id"], row["version"], row["page"]): row for row in pages}

    def show(chunk_id: str, quote: str) -> HighlightedPage | None:
        chunk = by_chunk.get(chunk_id)
        page = by_page.get((chunk["document_id"], chunk["version"], chunk["page_start"])) if chunk else None
        pdf = pdf_of(chunk["version"]) if chunk and page else None
        if chunk is None or page is None or pdf is None:
            return None
        found = boxes_of_quote(page["markdown"], page["boxes"], quote, chunk["char_start"], chunk["char_end"])
        try:
            marks = narrow_to_quote(pdf, page["page"], found, quote)
            png = render_highlight(pdf, page["page"], marks)
        except PdfiumError:
            return None
        return HighlightedPage(chunk["title"], page["page"], png, bool(marks))

    return show


def boxes_of_quote(
    markdown: str, boxes: Iterable[Mapping[str, Any]], quote: str, char_start: int = 0, char_end: int | None = None
) -> list[Rectangle]:
    """The rectangles whose text the quote touches; looked for within the chunk's range first, then on the page."""
    span = _find(markdown, quote, char_start, len(markdown) if char_end is None else char_end)
    if span is None:
        span = _find(markdown, quote, 0, len(markdown))
    if span is None:
        return []
    start, end = span
    return [(box["x0"], box["y0"], box["x1"], box["y1"]) for box in boxes if box["start"] < end and start < box["end"]]


def _find(text: str, quote: str, start: int, end: int) -> tuple[int, int] | None:
    pieces = [re.escape(piece) for piece in quote.split()]
    match = re.compile(r"\s+".join(pieces)).search(text, start, end) if pieces else None
    return match.span() if match else None


def narrow_to_quote(pdf: bytes, page_index: int, rectangles: Sequence[Rectangle], quote: str) -> list[Rectangle]:
    """Each rectangle cut down to the run of its lines that holds the quote's words; itself if none does."""
    if not rectangles:
        return []
    import pypdfium2

    document = pypdfium2.PdfDocument(pdf)
    try:
        placed = _words_of(document[page_index])
    finally:
        document.close()
    wanted = Counter(words(quote))
    return [_best_run(placed, rectangle, wanted) or rectangle for rectangle in rectangles]


def render_highlight(pdf: bytes, page_index: int, rectangles: Sequence[Rectangle], max_px: int = MAX_PIXELS) -> bytes:
    """The page as PNG, `max_px` on its longer side, with translucent marks. Equal inputs give equal bytes."""
    import pypdfium2
    from PIL import Image, ImageChops, ImageDraw

    document = pypdfium2.PdfDocument(pdf)
    try:
        page = document[page_index]
        # PDFium rounds sizes up; half a pixel less keeps the longer side at max_px.
        scale = (max_px - 0.5) / max(page.get_size())
        picture = page.render(scale=scale).to_pil().convert("RGB")
    finally:
        document.close()
    layer = Image.new("RGB", picture.size, "white")
    brush = ImageDraw.Draw(layer)
    for x0, y0, x1, y1 in rectangles:
        corners = [(x0 - _SLACK) * scale, (y0 - _SLACK) * scale, (x1 + _SLACK) * scale, (y1 + _SLACK) * scale]
        brush.rectangle(corners, fill=_MARK, outline=_EDGE, width=1)
    # Multiplied, as a marker pen does it: paper takes the colour, print stays dark.
    marked = ImageChops.multiply(picture, layer)
    image = io.BytesIO()
    marked.quantize(_COLOURS).save(image, format="PNG", optimize=True)
    return image.getvalue()


@dataclass
class _Line:
    """Words that share a baseline, with the rectangle around them."""

    words: list[str]
    box: Rectangle


def _words_of(page: "PdfPage") -> list[_Line]:
    """The page's words, each as a line of its own, in the coordinates of boxes."""
    height = page.get_height()
    text = page.get_textpage()
    count = text.count_chars()
    placed = []
    for match in re.finditer(r"\S+", text.get_text_range()):
        corners = [text.get_charbox(index) for index in range(match.start(), min(match.end(), count))]
        if corners:
            left, bottom = min(box[0] for box in corners), min(box[1] for box in corners)
            right, top = max(box[2] for box in corners), max(box[3] for box in corners)
            placed.append(_Line([match[0]], (left, height - top, right, height - bottom)))
    return placed


def _best_run(placed: Sequence[_Line], frame: Rectangle, wanted: Counter[str]) -> Rectangle | None:
    """The box around the consecutive lines inside `frame` with the most words of the quote and fewest others."""
    lines = _rows([word for word in placed if _inside(word.box, frame)])
    best, best_score = None, 0
    for start in range(len(lines)):
        left, score = Counter(wanted), 0
        for end in range(start, len(lines)):
            for word in (part for text in lines[end].words for part in words(text)):
                held = left[word] > 0
                left[word] -= held
                score += 1 if held else -1
            if score > best_score:
                best, best_score = (start, end), score
    if best is None:
        return None
    return _around(line.box for line in lines[best[0] : best[1] + 1])


def _rows(placed: Iterable[_Line]) -> list[_Line]:
    """Words gathered into lines by the middle of their height."""
    rows: list[_Line] = []
    for word in sorted(placed, key=lambda word: ((word.box[1] + word.box[3]) / 2, word.box[0])):
        middle = (word.box[1] + word.box[3]) / 2
        if rows and rows[-1].box[1] <= middle <= rows[-1].box[3]:
            rows[-1].words.extend(word.words)
            rows[-1].box = _around((rows[-1].box, word.box))
        else:
            rows.append(_Line(list(word.words), word.box))
    return rows


def _inside(box: Rectangle, frame: Rectangle) -> bool:
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return frame[0] - _SLACK <= x <= frame[2] + _SLACK and frame[1] - _SLACK <= y <= frame[3] + _SLACK


def _around(boxes: Iterable[Rectangle]) -> Rectangle:
    corners = list(boxes)
    return (
        min(box[0] for box in corners),
        min(box[1] for box in corners),
        max(box[2] for box in corners),
        max(box[3] for box in corners),
    )
