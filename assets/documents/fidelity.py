"""How true the pages are to their documents: what is shown of it beside the asset, document by document."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from assets.documents.symbols import TICK

LEAST_WORD_RECALL = 0.97
"""A page with fewer of its words is flagged; the check `words_are_kept` warns of the same pages."""

_RULE = re.compile(r"^\|(?:---\|)+$", re.MULTILINE)


def is_flagged(page: Mapping[str, Any]) -> bool:
    """Whether a row of MARKDOWN_PAGES lost a number, too many words, or all of it."""
    return page["number_recall"] < 1 or page["word_recall"] < LEAST_WORD_RECALL


def recall_overall(pages: Iterable[Mapping[str, Any]], kind: str = "word_recall") -> float:
    """The mean of the pages' recalls; a page that was lost counts with zero."""
    values = [page[kind] for page in pages]
    return round(math.fsum(values) / len(values), 4) if values else 1.0


def fidelity(documents: Iterable[tuple[str, Sequence[Mapping[str, Any]]]]) -> list[dict[str, str]]:
    """One row per (name, rows of MARKDOWN_PAGES), the worst first. Pages count from 1 here."""
    rows = [(recall_overall(pages, "number_recall"), recall_overall(pages), name, pages) for name, pages in documents]
    return [
        {
            "document": name,
            "pages": str(len(pages)),
            "word recall": f"{words:.4f}",
            "number recall": f"{numbers:.4f}",
            "tables": str(sum(len(_RULE.findall(page["markdown"])) for page in pages)),
            "ticks": str(sum(page["markdown"].count(TICK) for page in pages)),
            "flagged pages": ", ".join(str(page["page"] + 1) for page in pages if is_flagged(page)) or "none",
        }
        for numbers, words, name, pages in sorted(rows, key=lambda row: row[:3])
    ]
