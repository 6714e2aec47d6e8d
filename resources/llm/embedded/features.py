"""Features of a candidate for a question among the documents of one prompt: overlap, fit, rivals, expectations.

Every feature is about how question and candidate relate; none names a word, so weights carry over to other domains.
`FEATURES` is frozen with `FEATURES_VERSION`: weights of another version are refused.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

import numpy as np

from resources.llm.embedded import candidates as view
from resources.llm.embedded.candidates import Candidate
from resources.llm.embedded.facets import DEFINITION, GENERIC, LIST, Facets, facets
from resources.llm.embedded.sight import PARTS, Sight, look
from resources.llm.embedded.values import TEXT, TICK

FEATURES_VERSION = "2026-11-reader-1"
FEATURES = (
    "covered", "covered_own", "covered_near", "precision", "row_fit", "row_lost", "column_fit", "column_lost",
    "heading", "names_own", "names_missing", "document", "document_lost", "expected", "number_hit", "number_missing",
    "pairs", "elsewhere", "is_cell", "is_item", "is_definition", "definition_asked", "list_asked", "list_unasked",
    "length", "echo", "unavailable", "counted", "one_of_many", "intro_fit",
)  # fmt: skip
CONFIDENCE_FEATURES = (
    "lead", "covered", "covered_own", "nowhere", "names_nowhere", "elsewhere", "names_missing", "expected", "row_fit",
    "number_missing", "one_of_many", "pairs", "tick",
)  # fmt: skip
_ALIKE = 0.84  # spelling variants and typing errors pass, other words of the same start do not
_RIVALS = 40
_FULL_LEAD = 4.0


@dataclass(frozen=True)
class Scene:
    """A question in front of its documents: every candidate, the position of its document, its features."""

    facets: Facets
    candidates: tuple[Candidate, ...]
    origin: np.ndarray
    matrix: np.ndarray
    nowhere: float
    names_nowhere: float


def scene(documents: Sequence[str], question: str) -> Scene | None:
    """The scene of a question, or None if there is nothing to choose from."""
    asked = facets(question)
    sights = [look(text) for text in documents]
    if not asked.terms or not any(sight.candidates for sight in sights):
        return None
    weigh = _Weigher(asked, sights)
    blocks = [_columns(asked, sight, index, weigh) for index, sight in enumerate(sights) if sight.candidates]
    return Scene(
        asked,
        tuple(candidate for sight in sights for candidate in sight.candidates),
        np.concatenate([np.full(len(sight.candidates), index) for index, sight in enumerate(sights)]).astype(int),
        np.concatenate([np.column_stack([block[name] for name in FEATURES]) for block in blocks]).astype(np.float64),
        weigh.nowhere(asked.terms),
        max((weigh.nowhere(name) for name in asked.names), default=0.0),
    )


class _Weigher:
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
    if term in vocabulary:
        return {term: 1.0}
    return {word: 0.75 for word in sorted(vocabulary) if _alike(term, word)}


@lru_cache(maxsize=1 << 16)
def _alike(term: str, word: str) -> bool:
    if len(term) < 4 or len(word) < 4 or term[:3] != word[:3] or term.isdigit():
        return False
    return SequenceMatcher(None, term, word, autojunk=False).ratio() >= _ALIKE


class _Overlap:
    """How the terms of a question meet the parts of one document's candidates."""

    def __init__(self, sight: Sight, weigh: _Weigher):
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


def _columns(asked: Facets, sight: Sight, index: int, weigh: _Weigher) -> dict[str, np.ndarray]:
    """One array per feature over the candidates of a document."""
    size = len(sight.candidates)
    overlap = _Overlap(sight, weigh)
    cell = (sight.kinds == view.CELL).astype(float)
    definition = (sight.kinds == view.DEFINITION).astype(float)
    listed = (sight.kinds == view.LIST).astype(float)
    row_fit, column_fit = overlap.fit("row") * cell, overlap.fit("column") * cell
    best_other = max((share for other, share in enumerate(weigh.documents) if other != index), default=0.0)
    numbers = [_marked(sight.numbers.get(number), size) for number in sorted(asked.numbers)]
    pairs = sum((_marked(sight.pairs.get(pair), size) for pair in sorted(asked.pairs)), start=np.zeros(size))
    return {
        "covered": overlap.recall("everything"),
        "covered_own": overlap.recall("own"),
        "covered_near": overlap.recall("near"),
        "precision": overlap.precision("telling"),
        "row_fit": row_fit,
        "row_lost": _best_of(row_fit, sight.column_groups) - row_fit,
        "column_fit": column_fit,
        "column_lost": _best_of(column_fit, sight.row_groups) - column_fit,
        "heading": overlap.fit("heading"),
        "names_own": _least([overlap.share(name, "own") for name in asked.names], size, default=0.5),
        "names_missing": 1.0 - _least([overlap.match(term, "everything") for term in _telling(asked)], size, default=1.0),
        "document": np.full(size, weigh.documents[index]),
        "document_lost": np.full(size, max(0.0, best_other - weigh.documents[index])),
        "expected": _expected(asked, sight),
        "number_hit": 1.0 - _least([1.0 - number for number in numbers], size, default=1.0),
        "number_missing": 1.0 - _least(numbers, size, default=1.0),
        "pairs": pairs / max(len(asked.pairs), 1),
        "elsewhere": _elsewhere(overlap, weigh, size),
        "is_cell": cell,
        "is_item": (sight.kinds == view.ITEM_KIND).astype(float),
        "is_definition": definition,
        "definition_asked": _defines(asked, overlap, definition),
        "list_asked": listed * (LIST in asked.asks),
        "list_unasked": listed * (LIST not in asked.asks),
        "length": sight.length,
        "echo": overlap.only_asked("answer") * (sight.types == TEXT).astype(float),
        "unavailable": sight.unavailable.astype(float),
        "counted": _counted(asked, sight, overlap),
        "intro_fit": overlap.fit("row") * (listed + (sight.kinds == view.ITEM_KIND)),
        "one_of_many": (sight.crowded & (_best_of(column_fit, sight.row_groups) == 0)).astype(float) * cell,
    }


def _marked(rows: np.ndarray | None, size: int) -> np.ndarray:
    marks = np.zeros(size)
    if rows is not None:
        marks[rows] = 1.0
    return marks


def _best_of(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """For each candidate the best value of its group."""
    best = np.zeros(groups.max() + 1)
    np.maximum.at(best, groups, values)
    return best[groups]


def _least(parts: Sequence[np.ndarray], size: int, default: float) -> np.ndarray:
    return np.minimum.reduce(parts) if parts else np.full(size, default)


def _telling(asked: Facets) -> list[str]:
    """Terms that tell the named product from others: if one is missing, another product may be meant."""
    return [term for name in asked.names for term in name if term not in GENERIC]


def _expected(asked: Facets, sight: Sight) -> np.ndarray:
    suits = {kind: asked.expects(kind) for kind in sorted(set(sight.types))}
    found = np.array([suits[kind] for kind in sight.types])
    return np.where(sight.unavailable & (sight.kinds == view.CELL), 0.7, found)


def _elsewhere(overlap: _Overlap, weigh: _Weigher, size: int) -> np.ndarray:
    """The weighted share of the question that other candidates mention and this one does not."""
    known = [term for term, options in weigh.matches.items() if options]
    parts = (weigh.weights[term] * (overlap.match(term, "everything") == 0) for term in known)
    return sum(parts, start=np.zeros(size)) / weigh.total


def _defines(asked: Facets, overlap: _Overlap, definition: np.ndarray) -> np.ndarray:
    """How well a definition's term is the one asked about, from -1 to 1; 0 if no definition is asked for."""
    if DEFINITION not in asked.asks:
        return np.zeros(len(definition))
    return definition * (2.0 * overlap.recall("row") * overlap.precision("row") - 1.0)


def _counted(asked: Facets, sight: Sight, overlap: _Overlap) -> np.ndarray:
    """Whether a value counts what the question counts: 1 yes, -1 no, 0 if nothing is counted."""
    if not asked.counted:
        return np.zeros(len(sight.candidates))
    return np.where(sight.types == TEXT, 0.0, np.where(overlap.match(asked.counted, "near") > 0, 1.0, -1.0))


def confidence_features(
    seen: Scene, scores: np.ndarray, best: int, final_of: Callable[[int], str]
) -> dict[str, float]:
    """What speaks for answering with the best candidate: its coverage and its lead over other answers."""
    row = dict(zip(FEATURES, seen.matrix[best].tolist(), strict=True))
    ranked = np.argsort(-scores, kind="stable")[:_RIVALS].tolist()
    rival = next((scores[i] for i in ranked if final_of(i) != final_of(best)), scores[best] - _FULL_LEAD)
    return {
        "lead": float(min(scores[best] - rival, _FULL_LEAD)) / _FULL_LEAD,
        "covered": row["covered"],
        "covered_own": row["covered_own"],
        "nowhere": seen.nowhere,
        "names_nowhere": seen.names_nowhere,
        "elsewhere": row["elsewhere"],
        "names_missing": row["names_missing"],
        "expected": row["expected"],
        "row_fit": row["row_fit"] + row["column_fit"] if row["is_cell"] else row["precision"],
        "number_missing": row["number_missing"],
        "one_of_many": row["one_of_many"],
        "pairs": row["pairs"],
        "tick": float(seen.candidates[best].value_type == TICK),
    }
