"""Which chunks may stand beside, or in place of, a question's oracle without holding its answer themselves."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from assets.evaluation.matching import polarity
from assets.evaluation.number_tokens import all_agree, number_tokens
from resources.search.tokenizer import STOP_WORDS, tokens
from resources.text import collapsed

NEAR_DUPLICATE = 0.8
"""Share of the smaller chunk's tokens that the other one repeats, from which both say the same."""

MOST_TERMS = 0.6
"""Weighted share of the question's terms that a chunk must hold for its numbers or words to answer it."""

Row = Mapping[str, Any]


class DistractorFilter:
    """Judges corpus chunks against one question at a time; token sets are computed once per chunk."""

    def __init__(self, corpus: Sequence[Row]):
        self._terms: Callable[[str], frozenset[str]] = lru_cache(maxsize=1 << 16)(_terms)
        self._chunks = len(corpus)
        self._holders = Counter(term for row in corpus for term in self._terms(row["contextual_text"]))

    def overlaps(self, oracle: Row, chunk: Row) -> bool:
        """Whether two chunks share characters of a page, or their whole normalised text."""
        if oracle["chunk_id"] == chunk["chunk_id"] or _normal(oracle["text"]) == _normal(chunk["text"]):
            return True
        return (
            oracle["document_id"] == chunk["document_id"]
            and oracle["page_start"] <= chunk["page_end"]
            and chunk["page_start"] <= oracle["page_end"]
            and oracle["char_start"] < chunk["char_end"]
            and chunk["char_start"] < oracle["char_end"]
        )

    def repeats(self, oracle: Row, chunk: Row) -> bool:
        """Whether a chunk is a near-duplicate: most tokens of the smaller one are in the other."""
        one, other = self._terms(oracle["text"]), self._terms(chunk["text"])
        smaller = min(len(one), len(other))
        return bool(smaller) and len(one & other) >= NEAR_DUPLICATE * smaller

    def answers(self, question: Row, chunk: Row) -> bool:
        """Whether a chunk seems to answer the question: it repeats a quote, or holds the answer and most terms."""
        text = chunk["contextual_text"]
        if any(_normal(quote["text"]) in _normal(text) for quote in question["quotes"] if quote["text"].strip()):
            return True
        return self._coverage(question["question"], text) >= MOST_TERMS and _holds(question["final_answer"], text)

    def _coverage(self, question: str, text: str) -> float:
        wanted = self._terms(question)
        held = self._terms(text)
        total = math.fsum(self._weight(term) for term in wanted)
        return math.fsum(self._weight(term) for term in wanted & held) / total if total else 0.0

    def _weight(self, term: str) -> float:
        return math.log((self._chunks + 1) / (self._holders[term] + 0.5))


def _holds(answer: str, text: str) -> bool:
    if polarity(answer) is not None:
        return True
    numbers = number_tokens(answer)
    if numbers:
        return all_agree(numbers, number_tokens(text))
    wanted = _terms(answer)
    return bool(wanted) and wanted <= _terms(text)


def _terms(text: str) -> frozenset[str]:
    return frozenset(tokens(text, STOP_WORDS))


def _normal(text: str) -> str:
    return collapsed(text).casefold()


def distinct(chunks: Iterable[Row]) -> list[Row]:
    """The chunks without those that repeat an earlier one's text."""
    return list({_normal(chunk["text"]): chunk for chunk in reversed(list(chunks))}.values())[::-1]
