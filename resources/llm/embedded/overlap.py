"""Overlap of a question with documents: what its terms weigh among them and which candidates hold them."""

import math
from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher
from functools import lru_cache

import numpy as np

from resources.llm.embedded.facets import Facets
from resources.llm.embedded.sight import PARTS, Sight
from resources.llm.embedded.vocabulary import related

_AKIN = 0.5
_ALIKE = 0.84  # spelling variants and typing errors pass, other words of the same start do not


class Weigher:
    """Inverse document frequency over the candidates of the prompt, and which of its terms match which asked term."""

    def __init__(self, asked: Facets, sights: Sequence[Sight]):
        self._counts: Counter[str] = Counter()
        for sight in sights:
            for word, count in zip(sight.words, sight.counts.tolist(), strict=True):
                self._counts[word] += count
        self._total = sum(len(sight.candidates) for sight in sights)
        self.matches = {term: _alternatives(term, self._counts) for term in asked.terms}
        self.weights = {term: self._asked(term) for term in asked.terms}
        self.total = sum(self.weights.values()) or 1.0
        self.labels = sorted(
            {label for sight in sights for label in sight.labels if label <= self.weights.keys()}, key=sorted
        )
        self.documents = [self._share_of(sight) for sight in sights]

    def weight(self, word: str) -> float:
        return math.log(1.0 + self._total / (self._counts.get(word, 0) + 0.5))

    def _asked(self, term: str) -> float:
        known = [self.weight(word) for word in self.matches[term]]
        return min(known) if known else math.log(1.0 + self._total / 8)

    def _share_of(self, sight: Sight) -> float:
        """The weighted share of the question that a document covers."""
        covered = (
            self.weights[term] * max((s for word, s in options.items() if word in sight.index), default=0.0)
            for term, options in self.matches.items()
        )
        return sum(covered) / self.total

    def nowhere(self, chosen: Sequence[str]) -> float:
        """The weighted share of the terms that no document mentions at all."""
        total = sum(self.weights[term] for term in chosen)
        return sum(self.weights[term] for term in chosen if not self.matches[term]) / total if total else 0.0


def _alternatives(term: str, vocabulary: Counter[str]) -> dict[str, float]:
    akin = {word: _AKIN for word in related(term) if word in vocabulary}
    if term in vocabulary:
        return {**akin, term: 1.0}
    start = term[:3]
    return akin | {word: 0.75 for word in sorted(w for w in vocabulary if w.startswith(start)) if _alike(term, word)}


@lru_cache(maxsize=1 << 16)
def _alike(term: str, word: str) -> bool:
    if len(term) < 4 or len(word) < 4 or term.isdigit():
        return False
    return SequenceMatcher(None, term, word, autojunk=False).ratio() >= _ALIKE


class Overlap:
    """How the terms of a question meet the parts of one document's candidates."""

    def __init__(self, sight: Sight, weigh: Weigher):
        self._sight, self._weigh = sight, weigh
        self._size = len(sight.candidates)
        self._word_weights = np.array([weigh.weight(word) for word in sight.words])
        self._strength = np.zeros(len(sight.words))
        for options in weigh.matches.values():
            for word, strength in options.items():
                if word in sight.index:
                    self._strength[sight.index[word]] = max(self._strength[sight.index[word]], strength)
        self._found = {part: self._matches(part) for part in PARTS if part not in ("telling", "answer")}

    def _matches(self, part: str) -> dict[str, np.ndarray]:
        """Per asked term how strongly each candidate's part matches it."""
        terms, where = self._sight.parts[part], self._sight.index
        found = {}
        for term, options in self._weigh.matches.items():
            strength = np.zeros(self._size)
            for word, value in options.items():
                if word in where:
                    rows = terms.rows[terms.words == where[word]]
                    strength[rows] = np.maximum(strength[rows], value)
            found[term] = strength
        return found

    def match(self, term: str, part: str) -> np.ndarray:
        return self._found[part][term]

    def share(self, chosen: Sequence[str], part: str) -> np.ndarray:
        """The weighted share of the chosen terms that the part covers."""
        total = sum(self._weigh.weights[term] for term in chosen) or 1.0
        parts = (self._weigh.weights[term] * self._found[part][term] for term in chosen)
        return sum(parts, start=np.zeros(self._size)) / total

    def recall(self, part: str) -> np.ndarray:
        return self.share(tuple(self._weigh.weights), part)

    def precision(self, part: str) -> np.ndarray:
        """The weighted share of the part that the question asks for."""
        terms = self._sight.parts[part]
        weights = self._word_weights[terms.words]
        everything = np.bincount(terms.rows, weights, self._size)
        asked = np.bincount(terms.rows, weights * self._strength[terms.words], self._size)
        return np.divide(asked, everything, out=np.zeros(self._size), where=everything > 0)

    def fit(self, part: str) -> np.ndarray:
        return self.recall(part) * (0.6 + 0.4 * self.precision(part))

    def only_asked(self, part: str) -> np.ndarray:
        """Whether the part has terms and all of them are asked ones."""
        terms = self._sight.parts[part]
        unasked = np.bincount(terms.rows, (self._strength[terms.words] < 1.0).astype(float), self._size)
        return (np.bincount(terms.rows, minlength=self._size) > 0) & (unasked == 0)
