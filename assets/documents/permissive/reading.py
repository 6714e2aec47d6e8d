"""What runs in the child process of the permissive extractor: one PDF's pages put together from places of characters."""

from collections.abc import Sequence
from typing import Any

from assets.documents.inspection import Fault
from assets.documents.links import placed
from assets.documents.nursery import getting_on
from assets.documents.parsing import Box, Page, Sight
from assets.documents.permissive.blocks import Block, blocks_of
from assets.documents.permissive.glyphs import Glyph, Rectangle, glyphs_of, runs_of, stream_text
from assets.documents.permissive.lines import pieces_of
from assets.documents.permissive.pdfium import links_of, open_document, outlines_of, pictured, shown_by
from assets.documents.permissive.regions import regions_of
from assets.documents.permissive.running import Line, running_heads
from assets.documents.witness import recalls

PERMISSIVE = "permissive"


def parse_pages(data: bytes, indexes: list[int], hashes: Sequence[str]) -> list[Page] | Fault:
    """Child process: the pages with these indexes."""
    document = open_document(data)
    if isinstance(document, Fault):
        return document
    outlines, heads = outlines_of(document), running_heads(document, indexes)
    pages = []
    for index in indexes:
        getting_on()
        pages.append(_page(document, index, hashes[index], outlines.get(index, {}), heads[index]))
    return pages


def _page(document: Any, index: int, page_sha: str, outline: dict[str, int], heads: Sequence[Line]) -> Page:
    page = document[index]
    shown = shown_by(page)
    width, height = (round(side, 2) for side in page.get_size())
    glyphs = glyphs_of(page)
    dropped = [shown(*place) for _, place in heads]
    kept = [glyph for glyph in glyphs if not _within(glyph, dropped)]
    left_out = [glyph for glyph in glyphs if _within(glyph, dropped)]
    if not any(glyph.text.strip() for glyph in kept):
        kept, left_out = glyphs, []  # a page of a head alone is a page
    markdown, boxes = composed(_blocks(kept, outline))
    witness = stream_text(kept)
    words, numbers = recalls(markdown, witness)
    links = placed(links_of(document, page), lambda area: _text_in(glyphs, area), markdown, boxes)
    sight = Sight(witness, pictured(page), stream_text(left_out))
    page.close()
    return Page(index, markdown, PERMISSIVE, page_sha, boxes, width, height, words, numbers, links=links, sight=sight)


def _blocks(glyphs: Sequence[Glyph], outline: dict[str, int]) -> list[Block]:
    runs = runs_of(glyphs)
    upright = pieces_of(run for run in runs if run.upright)
    turned = [run for run in runs if not run.upright]
    found = blocks_of(regions_of(upright), outline, stream_text(glyphs))
    return found + [Block(run.text.strip(), run.box) for run in turned]


def composed(blocks: Sequence[Block]) -> tuple[str, tuple[Box, ...]]:
    """The markdown of the blocks and where each stands in it: a blank line between them, a line end within a list."""
    text, boxes, previous = "", [], None
    for block in blocks:
        together = previous and block.kind == previous.kind and block.kind in ("item", "note")
        text += "" if previous is None else "\n" if together else "\n\n"
        boxes.append(Box(len(text), len(text) + len(block.text), *(round(side, 2) for side in block.box)))
        text += block.text
        previous = block
    return text, tuple(boxes)


def _within(glyph: Glyph, boxes: Sequence[Rectangle]) -> bool:
    x, y = (glyph.box[0] + glyph.box[2]) / 2, (glyph.box[1] + glyph.box[3]) / 2
    return any(x0 - 1 <= x <= x1 + 1 and y0 - 1 <= y <= y1 + 1 for x0, y0, x1, y1 in boxes)


def _text_in(glyphs: Sequence[Glyph], area: Sequence[float]) -> str:
    x0, y0, x1, y1 = area
    return "".join(glyph.text for glyph in glyphs if _within(glyph, [(x0, y0, x1, y1)]))
