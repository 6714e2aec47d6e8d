"""The oracle of a published row, recovered from its quotes: which of our chunks, and so which page, they come from.

The rows name no chunk, and were cut from another transcription of the same file. A quote is looked for word for word,
markup and white space aside; else a chunk must hold 0.8 of the tokens of all quotes. Where several chunks qualify,
the document of the row that holds the quote decides, then the question. A tie between two pages is not resolved.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from assets.raft.mapping import bare
from benchmarks.workshop import WorkshopRow
from resources.search.tokenizer import tokens

ENOUGH = 0.8
"""Share of the quotes' tokens that a chunk must hold where the longest quote is not found word for word."""

LEAST_TOKENS = 3
"""Quotes with fewer tokens in all (`$1.00`) say nothing about where they come from."""

DECLINED = "the published answer declines"
NO_QUOTE = "it has no quote to go by"
NOT_FOUND = "no chunk holds its quote"
AMBIGUOUS = "its quote stands on several pages"

Row = dict[str, Any]


@dataclass(frozen=True)
class Oracle:
    """Where a row's answer comes from: the chunk, the quote that was found or best resembled, and how."""

    chunk: Row
    quote: str
    verbatim: bool


class Locator:
    """Finds oracles among the chunks of one corpus."""

    def __init__(self, corpus: Sequence[Row]):
        self._chunks = [(chunk, bare(chunk["text"]), Counter(tokens(chunk["text"]))) for chunk in corpus]
        self._context = {chunk["chunk_id"]: set(tokens(chunk["contextual_text"])) for chunk in corpus}

    def locate(self, row: WorkshopRow) -> Oracle | str:
        """The oracle, or why there is none."""
        if row.declines:
            return DECLINED
        wanted = Counter(token for quote in row.quotes for token in set(tokens(quote)))
        if len(wanted) < LEAST_TOKENS:
            return NO_QUOTE
        longest = max(row.quotes, key=lambda quote: len(bare(quote)))
        shown = _shown_with(row.documents, row.quotes)
        asked = set(tokens(row.question))
        fits = []
        for chunk, text, held in self._chunks:
            share = _share(wanted, held)
            verbatim = bare(longest) in text
            if verbatim or share >= ENOUGH:
                beside = _share(Counter(shown), held) if shown else 0.0
                question = len(asked & self._context[chunk["chunk_id"]]) / max(1, len(asked))
                fits.append(((verbatim, round(share, 6), round(beside, 6), round(question, 6)), chunk))
        if not fits:
            return NOT_FOUND
        best = max(score for score, _ in fits)
        chosen = [chunk for score, chunk in fits if score == best]
        if len({chunk["page_start"] for chunk in chosen}) > 1:
            return AMBIGUOUS
        return Oracle(chosen[0], longest, best[0])


def _share(wanted: Counter[str], held: Counter[str]) -> float:
    """Share of the wanted distinct tokens that are held."""
    return len(wanted.keys() & held.keys()) / len(wanted) if wanted else 0.0


def _shown_with(documents: Sequence[str], quotes: Sequence[str]) -> list[str]:
    """The tokens of the document that holds most quotes word for word; none if no document holds any."""
    counts = [sum(bare(quote) in bare(document) for quote in quotes) for document in documents]
    if not any(counts):
        return []
    return tokens(documents[counts.index(max(counts))])
