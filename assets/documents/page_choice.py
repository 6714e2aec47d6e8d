"""Which pages a vision model is asked to read, and how each is shown to it."""

import re
import unicodedata
from collections.abc import Iterator

from assets.documents.parsing import Page, Sight
from assets.documents.rendering import View
from resources.options import TranscriptionOptions

FEW_WORDS = 20
"""Below this a page that is mostly picture counts as a scan with a stamp on it."""

MOSTLY_PICTURE = 0.7
DENSE_CELLS = 100
DENSE_ROWS = 12
DENSE_ROW_PIXELS = 20.0
"""Rows lower than this in the picture of the whole page are hard to read."""

CLOSER = 1.5
"""How much larger a page is shown the second time, where the first picture was not enough."""

_ILLEGIBLE_SHARE = 0.1
_WORD = re.compile(r"[^\W_]+")


def wanted(page: Page, options: TranscriptionOptions) -> bool:
    """Whether a page is sent. A page from memory is not: what was decided about it then holds."""
    if page.sight is None:
        return False
    if options.pages == "all" or not witnesses_of(page):
        return True
    return is_scanned(page) or page.word_recall < options.min_word_recall or page.number_recall < 1


def witnesses_of(page: Page) -> list[str]:
    """The page's text layer as a transcription may be compared with it.

    Empty where there is none or its characters are not letters. A number that stands alone on the first or last line
    may be the page's, which transcriptions leave out, or its content: then there is a second text without it.
    """
    text = page.sight.text if page.sight else ""
    printed = [character for character in text if not character.isspace()]
    lost = sum(character == "\ufffd" or unicodedata.category(character) in ("Co", "Cn") for character in printed)
    if not _WORD.search(text) or lost > _ILLEGIBLE_SHARE * len(printed):
        return []
    lines = [line for line in text.splitlines() if line.strip()]
    inner = lines[_is_page_number(lines[0]) : len(lines) - _is_page_number(lines[-1])]
    return [text, "\n".join(inner)] if inner and len(inner) < len(lines) else [text]


def text_shown(page: Page) -> str | None:
    """All that the page's picture shows, running heads included; None where it may show more than the text layer says."""
    if page.sight is None or not witnesses_of(page) or is_scanned(page):
        return None
    return f"{page.sight.heads}\n{page.sight.text}"


def views(page: Page, options: TranscriptionOptions) -> list[View]:
    """The pictures to try in order, the next only where those before do not do.

    A page with a text layer has two tries. One without has three, of which two must agree.
    """
    side, closer = options.longest_side, round(options.longest_side * CLOSER)
    halves = options.halves != "never"
    tries = [View(side, halves), View(closer, halves)]
    if options.halves == "auto" and not is_dense(page, side):
        tries = [View(side), View(side, halves=True), View(closer, halves=True)]
    elif not witnesses_of(page):
        tries.append(View(round(closer * CLOSER), halves))
    return tries if not witnesses_of(page) else tries[:2]


def is_dense(page: Page, longest_side: int) -> bool:
    """Whether the page holds a table of many cells or of many low rows, as far as the layout reader saw it."""
    scale = longest_side / max(page.width, page.height, 1.0)
    return any(
        cells >= DENSE_CELLS or (rows >= DENSE_ROWS and height * scale / rows < DENSE_ROW_PIXELS)
        for rows, cells, height in _tables(page)
    )


def _tables(page: Page) -> Iterator[tuple[int, int, float]]:
    """Rows, cells and height in points of each table."""
    for box in page.boxes:
        text = page.markdown[box.start : box.end]
        if text.startswith("|"):
            rows = [line for line in text.split("\n") if line.startswith("|") and set(line) - set("|-: ")]
            yield max(1, len(rows)), sum(row.count("|") - 1 for row in rows), box.y1 - box.y0


def is_scanned(page: Page) -> bool:
    """Whether the page is mostly picture and its text layer too short to be the page's."""
    sight = page.sight or Sight("", 0.0)
    return sight.pictured >= MOSTLY_PICTURE and len(_WORD.findall(sight.text)) < FEW_WORDS


def _is_page_number(line: str) -> bool:
    return line.strip().isdecimal() and len(line.strip()) <= 4
