"""How true the pages are to their documents: what is shown of it beside the asset, document by document."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from assets.documents.pages import OCR
from assets.documents.permissive.reading import PERMISSIVE
from assets.documents.symbols import TICK

LEAST_WORD_RECALL = 0.97
"""A page with fewer of its words is flagged; the check `words_are_kept` warns of the same pages."""

_SHORTCOMINGS = {
    PERMISSIVE: "tables and headings are told from the print's places and sizes, cells may be wrong; the recalls compare "
    "pdfium with itself: words that it misread do not show",
    OCR: "no text layer confirms a word or number; ticks become letters or digits; the recalls say how far two readings agree",
}
"""What is lost on pages of that method."""

_RULE = re.compile(r"^\|(?:---\|)+$", re.MULTILINE)


def is_flagged(page: Mapping[str, Any]) -> bool:
    """Whether a row of MARKDOWN_PAGES lost a number, too many words, or all of it; what OCR read, nothing confirms."""
    return page["number_recall"] < 1 or page["word_recall"] < LEAST_WORD_RECALL or page["method"] == OCR


def recall_overall(pages: Iterable[Mapping[str, Any]], kind: str = "word_recall") -> float:
    """The mean of the pages' recalls; a page that was lost counts with zero."""
    values = [page[kind] for page in pages]
    return round(math.fsum(values) / len(values), 4) if values else 1.0


def by_method(pages: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """How many pages each method read."""
    return dict(sorted(Counter(page["method"] for page in pages).items()))


def tables_in(pages: Iterable[Mapping[str, Any]]) -> int:
    """How many tables the pages hold as Markdown."""
    return sum(len(_RULE.findall(page["markdown"])) for page in pages)


def readers_told(pages: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Per method how many pages and tables it read, and what such pages lack of those that layout analysis reads."""
    told = {}
    for method, count in by_method(pages).items():
        tables = tables_in(page for page in pages if page["method"] == method)
        found = f"{count} pages with {tables} tables"
        told[method] = f"{found}: {_SHORTCOMINGS[method]}" if method in _SHORTCOMINGS else found
    return told


def fidelity(documents: Iterable[tuple[str, Sequence[Mapping[str, Any]]]]) -> list[dict[str, str]]:
    """One row per (name, rows of MARKDOWN_PAGES), the worst first. Pages count from 1 here."""
    rows = [(recall_overall(pages, "number_recall"), recall_overall(pages), name, pages) for name, pages in documents]
    return [
        {
            "document": name,
            "pages": str(len(pages)),
            "read by": ", ".join(f"{method} {count}" for method, count in by_method(pages).items()) or "nobody",
            "word recall": f"{words:.4f}",
            "number recall": f"{numbers:.4f}",
            "tables": str(tables_in(pages)),
            "ticks": str(sum(page["markdown"].count(TICK) for page in pages)),
            "flagged pages": ", ".join(str(page["page"] + 1) for page in pages if is_flagged(page)) or "none",
        }
        for numbers, words, name, pages in sorted(rows, key=lambda row: row[:3])
    ]
