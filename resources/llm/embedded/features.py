"""Features of a candidate for a question among the documents of one prompt: overlap, fit, rivals, expectations.

Every feature is about how question and candidate relate; none names a word, so weights carry over to other domains.
`FEATURES` is frozen with `FEATURES_VERSION`: weights of another version are refused.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

import numpy as np

from resources.llm.embedded import candidates as view
from resources.llm.embedded.candidates import Candidate, candidates
from resources.llm.embedded.facets import DEFINITION, GENERIC, LIST, Facets, facets, terms
from resources.llm.embedded.values import TEXT, TICK, UNAVAILABLE, number_of, values

FEATURES_VERSION = "2026-11-reader-1"
FEATURES = (
    "covered", "covered_own", "covered_near", "precision", "row_fit", "row_lost", "column_fit", "column_lost",
    "heading", "names_own", "names_missing", "document", "document_lost", "expected", "number_hit", "number_missing",
    "pairs", "elsewhere", "is_cell", "is_item", "definition_asked", "list_asked", "list_unasked", "is_definition",
    "length", "echo", "unavailable", "counted", "one_of_many",
)
_ASIDE = re.compile(r"\([^()]*\)|（[^（）]*）")
_NEAR_ENOUGH = 0.84


@dataclass(frozen=True)
class Seen:
    """A candidate with the terms of its parts."""

    candidate: Candidate
    row: frozenset[str]
    leaf: frozenset[str]
    column: frozenset[str]
    body: frozenset[str]
    near: frozenset[str]
    heading: frozenset[str]
    pairs: frozenset[tuple[str, str]]
    numbers: frozenset[str]
    answer: frozenset[str]

    @property
    def own(self) -> frozenset[str]:
        return self.row | self.column | self.body


@dataclass(frozen=True)
class Scene:
    """A question in front of its documents: every candidate with its document's position and its features."""

    facets: Facets
    seen: tuple[Seen, ...]
    origin: tuple[int, ...]
    matrix: np.ndarray
    nowhere: float
    names_nowhere: float


@lru_cache(maxsize=4096)
def look(document: str) -> tuple[Seen, ...]:
    """The candidates of a document with their terms."""
    return tuple(_seen(candidate) for candidate in candidates(document))


def _seen(candidate: Candidate) -> Seen:
    cell = candidate.kind == view.CELL
    body = terms(candidate.answer if cell and not candidate.near else _body(candidate))
    spelled = terms(f"{candidate.row} {candidate.column} {candidate.answer}") if cell else body
    return Seen(
        candidate,
        frozenset(terms(candidate.row)),
        frozenset(terms(_ASIDE.sub("", candidate.row.split(" > ")[-1]))),
        frozenset(terms(candidate.column)),
        frozenset(body),
        frozenset(terms(candidate.near)) if candidate.near else frozenset(body),
        frozenset(terms(f"{candidate.heading} {candidate.before}")),
        frozenset(zip(spelled, spelled[1:], strict=False)),
        frozenset(number_of(value.text) for value in values(candidate.text)),
        frozenset(terms(candidate.answer)),
    )


def _body(candidate: Candidate) -> str:
    head = len(" | ".join(part for part in (candidate.heading, candidate.row) if part))
    return candidate.text[head:] if candidate.kind != view.CELL else candidate.text.rsplit(": ", 1)[-1]


def scene(documents: Sequence[str], question: str) -> Scene | None:
    """The scene of a question, or None if there is nothing to choose from."""
    asked = facets(question)
    placed = [(index, seen) for index, text in enumerate(documents) for seen in look(text)]
    if not placed or not asked.terms:
        return None
    origin = tuple(index for index, _ in placed)
    seen = tuple(one for _, one in placed)
    weigh = _Weigher(asked, seen, origin)
    rows = [_row(asked, one, index, weigh) for index, one in placed]
    _mark_rivals(rows, seen, origin)
    matrix = np.array([[row[name] for name in FEATURES] for row in rows], dtype=np.float64)
    return Scene(asked, seen, origin, matrix, weigh.nowhere(asked.terms), max((weigh.nowhere(name) for name in asked.names), default=0.0))


class _Weigher:
    """Inverse document frequency over the candidates of the prompt, and which document terms match a question term."""

    def __init__(self, asked: Facets, seen: Sequence[Seen], origin: Sequence[int]):
        counts: Counter[str] = Counter()
        by_document: dict[int, set[str]] = {}
        for one, index in zip(seen, origin, strict=True):
            counts.update(one.own)
            by_document.setdefault(index, set()).update(one.own, one.heading)
        self._total = len(seen)
        self._counts = counts
        self.vocabulary = frozenset().union(*by_document.values())
        self.matches = {term: _alternatives(term, self.vocabulary) for term in asked.terms}
        self.strength: dict[str, float] = {}
        for options in self.matches.values():
            for word, strength in options.items():
                self.strength[word] = max(self.strength.get(word, 0.0), strength)
        self.asked_weight = {term: self._asked(term) for term in asked.terms}
        self.total = sum(self.asked_weight.values()) or 1.0
        self.documents = {index: self.recall(frozenset(words)) for index, words in by_document.items()}

    def weight(self, word: str) -> float:
        return math.log(1.0 + self._total / (self._counts.get(word, 0) + 0.5))

    def _asked(self, term: str) -> float:
        known = [self.weight(word) for word in self.matches[term]]
        return min(known) if known else math.log(1.0 + self._total / 8)

    def match(self, term: str, words: frozenset[str]) -> float:
        return max((s for word, s in self.matches[term].items() if word in words), default=0.0)

    def recall(self, words: frozenset[str]) -> float:
        """The weighted share of the question that the words cover."""
        return sum(self.asked_weight[term] * self.match(term, words) for term in self.matches) / self.total

    def precision(self, words: frozenset[str]) -> float:
        """The weighted share of the words that the question asks for."""
        ordered = sorted(words)
        total = sum(self.weight(word) for word in ordered)
        return sum(self.weight(word) * self.strength.get(word, 0.0) for word in ordered) / total if total else 0.0

    def fit(self, words: frozenset[str]) -> float:
        return self.recall(words) * (0.6 + 0.4 * self.precision(words))

    def share(self, chosen: Sequence[str], words: frozenset[str]) -> float:
        total = sum(self.asked_weight[term] for term in chosen)
        return sum(self.asked_weight[term] * self.match(term, words) for term in chosen) / total if total else 1.0

    def nowhere(self, chosen: Sequence[str]) -> float:
        """The weighted share of the terms that no document mentions at all."""
        total = sum(self.asked_weight[term] for term in chosen)
        missing = sum(self.asked_weight[term] for term in chosen if not self.matches[term])
        return missing / total if total else 0.0


@lru_cache(maxsize=1 << 16)
def _alike(term: str, word: str) -> float:
    if term == word:
        return 1.0
    if len(term) < 4 or len(word) < 4 or term[:3] != word[:3] or term.isdigit():
        return 0.0
    ratio = SequenceMatcher(None, term, word, autojunk=False).ratio()
    return 0.75 if ratio >= _NEAR_ENOUGH else 0.0


def _alternatives(term: str, vocabulary: frozenset[str]) -> dict[str, float]:
    found = {term: 1.0} if term in vocabulary else {}
    if not found:
        found = {word: alike for word in sorted(vocabulary) if (alike := _alike(term, word))}
    return found


def _row(asked: Facets, one: Seen, index: int, weigh: _Weigher) -> dict[str, float]:
    candidate = one.candidate
    cell, item = candidate.kind == view.CELL, candidate.kind == view.ITEM_KIND
    everything = one.own | one.heading
    covered, own = weigh.recall(everything), weigh.recall(one.own)
    best_document = max(weigh.documents.values())
    others = max((value for key, value in weigh.documents.items() if key != index), default=0.0)
    return {
        "covered": covered,
        "covered_own": own,
        "covered_near": weigh.recall(one.near | one.row | one.column),
        "precision": weigh.precision(one.leaf | one.column if cell else one.near),
        "row_fit": weigh.fit(one.row) if cell else 0.0,
        "row_lost": 0.0,
        "column_fit": weigh.fit(one.column) if cell else 0.0,
        "column_lost": 0.0,
        "heading": weigh.fit(one.heading),
        "names_own": min((weigh.share(name, one.own) for name in asked.names), default=0.5),
        "names_missing": _names_missing(asked, weigh, everything),
        "document": weigh.documents[index],
        "document_lost": max(0.0, min(best_document, others) - weigh.documents[index]),
        "expected": _expected(asked, candidate),
        "number_hit": float(bool(asked.numbers & one.numbers)),
        "number_missing": float(bool(asked.numbers - one.numbers)),
        "pairs": len(asked.pairs & one.pairs) / max(len(asked.pairs), 1),
        "elsewhere": sum(w for t, w in weigh.asked_weight.items() if weigh.matches[t] and not weigh.match(t, everything)) / weigh.total,
        "is_cell": float(cell),
        "is_item": float(item),
        "definition_asked": _defines(asked, one, weigh),
        "list_asked": float(LIST in asked.asks and candidate.kind == view.LIST),
        "list_unasked": float(LIST not in asked.asks and candidate.kind == view.LIST),
        "is_definition": float(candidate.kind == view.DEFINITION),
        "length": min(len(candidate.answer), 200) / 200,
        "echo": _echo(asked, one),
        "unavailable": float(bool(UNAVAILABLE.fullmatch(candidate.answer))),
        "counted": _counted(asked, one),
        "one_of_many": 0.0,
    }


def _names_missing(asked: Facets, weigh: "_Weigher", words: frozenset[str]) -> float:
    """1 if a telling part of a name in the question is missing: another product may have what this one lacks."""
    telling = (term for name in asked.names for term in name if term not in GENERIC)
    return max((1.0 - weigh.match(term, words) for term in telling), default=0.0)


def _expected(asked: Facets, candidate: Candidate) -> float:
    if candidate.kind == view.CELL and UNAVAILABLE.fullmatch(candidate.answer):
        return 0.7
    return asked.expects(candidate.value_type)


def _echo(asked: Facets, one: Seen) -> float:
    """1 if the answer only repeats the question, such as a sentence `How to open an account`."""
    told = one.answer - set(asked.terms)
    return float(not told and one.candidate.value_type == TEXT) if one.answer else 0.0


def _defines(asked: Facets, one: Seen, weigh: "_Weigher") -> float:
    """How well a definition's term is the one asked about, from -1 to 1; 0 if no definition is asked for."""
    if DEFINITION not in asked.asks or one.candidate.kind != view.DEFINITION:
        return 0.0
    return 2.0 * weigh.recall(one.row) * weigh.precision(one.row) - 1.0


def _counted(asked: Facets, one: Seen) -> float:
    """Whether a number counts what the question counts: 1 yes, -1 no, 0 if nothing is counted."""
    if not asked.counted or one.candidate.value_type == TEXT:
        return 0.0
    return 1.0 if asked.counted in one.near | one.row | one.column else -1.0


def _mark_rivals(rows: list[dict[str, float]], seen: Sequence[Seen], origin: Sequence[int]) -> None:
    """Fills in what depends on neighbours: better fitting columns of the row, better fitting rows of the column."""
    cells = [i for i, one in enumerate(seen) if one.candidate.kind == view.CELL]
    by_row: dict[tuple[int, int, str], list[int]] = {}
    by_column: dict[tuple[int, str, str], list[int]] = {}
    for i in cells:
        candidate = seen[i].candidate
        by_row.setdefault((origin[i], candidate.start, candidate.row), []).append(i)
        by_column.setdefault((origin[i], candidate.heading, candidate.column), []).append(i)
    for groups, fit, lost in ((by_row, "column_fit", "column_lost"), (by_column, "row_fit", "row_lost")):
        for members in groups.values():
            best = max(rows[i][fit] for i in members)
            for i in members:
                rows[i][lost] = best - rows[i][fit]
    for members in by_row.values():
        columns = {seen[i].candidate.column for i in members}
        named = max(rows[i]["column_fit"] for i in members)
        for i in members:
            rows[i]["one_of_many"] = float(len(columns) > 1 and named == 0.0)


def confidence_features(scene: Scene, scores: np.ndarray, best: int, finals: Sequence[str]) -> Mapping[str, float]:
    """What speaks for answering with the best candidate: its coverage and its lead over other answers."""
    row = dict(zip(FEATURES, scene.matrix[best], strict=True))
    rival = max((scores[i] for i, final in enumerate(finals) if final != finals[best]), default=scores[best] - 4.0)
    return {
        "lead": float(min(scores[best] - rival, 4.0)) / 4.0,
        "covered": row["covered"],
        "covered_own": row["covered_own"],
        "nowhere": scene.nowhere,
        "names_nowhere": scene.names_nowhere,
        "elsewhere": row["elsewhere"],
        "names_missing": row["names_missing"],
        "expected": row["expected"],
        "row_fit": row["row_fit"] + row["column_fit"] if row["is_cell"] else row["precision"],
        "number_missing": row["number_missing"],
        "one_of_many": row["one_of_many"],
        "pairs": row["pairs"],
        "tick": float(scene.seen[best].candidate.value_type == TICK),
    }


CONFIDENCE_FEATURES = (
    "lead", "covered", "covered_own", "nowhere", "names_nowhere", "elsewhere", "names_missing", "expected", "row_fit",
    "number_missing", "one_of_many", "pairs", "tick",
)
