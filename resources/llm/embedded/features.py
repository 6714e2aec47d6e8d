"""Features of a candidate for a question among the documents of one prompt: overlap, fit, rivals, expectations.

Every feature is about how question and candidate relate; none names a word, so weights carry over to other domains.
`FEATURES` is frozen with `FEATURES_VERSION`: weights of another version are refused.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from resources.llm.embedded import candidates as view
from resources.llm.embedded.candidates import Candidate
from resources.llm.embedded.facets import DEFINITION, LIST, Facets, facets
from resources.llm.embedded.overlap import Overlap, Weigher
from resources.llm.embedded.sight import Sight, look
from resources.llm.embedded.values import AMOUNT, FREE, TEXT, TICK, UNAVAILABLE, number_of, values
from resources.llm.embedded.vocabulary import COST, GENERIC, LIMITS

FEATURES_VERSION = "2026-11-reader-2"
FEATURES = (
    "covered", "covered_own", "covered_near", "precision", "row_fit", "row_lost", "column_fit", "column_lost",
    "heading", "names_own", "names_missing", "document", "document_lost", "expected", "number_hit", "number_missing",
    "pairs", "elsewhere", "is_cell", "is_item", "is_definition", "definition_asked", "list_asked", "list_unasked",
    "length", "echo", "unavailable", "counted", "one_of_many", "intro_fit",
    "limit", "limit_untold", "span", "span_missing", "cost_untold", "label_missing",
)  # fmt: skip
CONFIDENCE_FEATURES = (
    "lead", "covered", "covered_own", "nowhere", "names_nowhere", "elsewhere", "names_missing", "expected", "row_fit",
    "number_missing", "one_of_many", "pairs", "valueless", "undefined", "echo", "open", "limit", "limit_untold",
    "span_missing", "cost_untold", "label_missing",
)  # fmt: skip
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
    weigh = Weigher(asked, sights)
    blocks = [_columns(asked, sight, index, weigh) for index, sight in enumerate(sights) if sight.candidates]
    return Scene(
        asked,
        tuple(candidate for sight in sights for candidate in sight.candidates),
        np.concatenate([np.full(len(sight.candidates), index) for index, sight in enumerate(sights)]).astype(int),
        np.concatenate([np.column_stack([block[name] for name in FEATURES]) for block in blocks]).astype(np.float64),
        weigh.nowhere(asked.terms),
        max((weigh.nowhere(name) for name in asked.names), default=0.0),
    )


def _columns(asked: Facets, sight: Sight, index: int, weigh: Weigher) -> dict[str, np.ndarray]:
    """One array per feature over the candidates of a document."""
    size = len(sight.candidates)
    overlap = Overlap(sight, weigh)
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
        "names_missing": 1.0
        - _least([overlap.match(term, "everything") for term in _telling(asked)], size, default=1.0),
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
        "echo": _echo(asked, sight, overlap),
        "unavailable": sight.unavailable.astype(float),
        "counted": _counted(asked, sight, overlap),
        "intro_fit": overlap.fit("row") * (listed + (sight.kinds == view.ITEM_KIND)),
        "label_missing": _label_missing(overlap, weigh, size),
        "limit": _limit(asked, sight),
        "limit_untold": _limit_untold(asked, sight, overlap),
        "span": _span(asked, sight),
        "span_missing": _span_missing(asked, sight),
        "cost_untold": _cost_untold(asked, sight, overlap),
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
    if asked.which and asked.numbers:
        held = [number_of(candidate.answer) in asked.numbers for candidate in sight.candidates]
        found = np.where(held & (sight.kinds == view.CELL), 1.0, found)
    found = np.where(sight.numberless & (found > 0), 0.5 * found, found)
    return np.where(sight.unavailable & (sight.kinds == view.CELL), 0.7, found)


def _echo(asked: Facets, sight: Sight, overlap: Overlap) -> np.ndarray:
    """Whether the answer only repeats the question; a cell may, where the question asks whose value it is."""
    repeats = overlap.only_asked("answer") & (sight.types != TICK)
    return (repeats & ~((sight.kinds == view.CELL) & asked.which)).astype(float)


def _elsewhere(overlap: Overlap, weigh: Weigher, size: int) -> np.ndarray:
    """The weighted share of the question that other candidates mention and this one does not."""
    known = [term for term, options in weigh.matches.items() if options]
    parts = (weigh.weights[term] * (overlap.match(term, "everything") == 0) for term in known)
    return sum(parts, start=np.zeros(size)) / weigh.total


def _defines(asked: Facets, overlap: Overlap, definition: np.ndarray) -> np.ndarray:
    """How well a definition's term is the one asked about, from -1 to 1; 0 if no definition is asked for."""
    if DEFINITION not in asked.asks:
        return np.zeros(len(definition))
    return definition * (2.0 * overlap.recall("row") * overlap.precision("row") - 1.0)


def _counted(asked: Facets, sight: Sight, overlap: Overlap) -> np.ndarray:
    """Whether a value counts what the question counts: 1 yes, -1 no, 0 if nothing is counted."""
    if not asked.counted:
        return np.zeros(len(sight.candidates))
    return np.where(sight.types == TEXT, 0.0, np.where(overlap.match(asked.counted, "near") > 0, 1.0, -1.0))


def _label_missing(overlap: Overlap, weigh: Weigher, size: int) -> np.ndarray:
    """Whether the question spells out a row or column label, in whatever case, that the candidate knows nothing of."""
    held = [_least([overlap.match(term, "everything") for term in label], size, default=1.0) for label in weigh.labels]
    return 1.0 - np.minimum(_least(held, size, default=1.0), 1.0)


def _limit(asked: Facets, sight: Sight) -> np.ndarray:
    """Whether a value is the end of the range that is asked for: 1 yes, -1 the other end, 0 if nothing is told."""
    if not asked.limit:
        return np.zeros(len(sight.candidates))
    return np.where(sight.limits == "", 0.0, np.where(sight.limits == asked.limit, 1.0, -1.0))


def _limit_untold(asked: Facets, sight: Sight, overlap: Overlap) -> np.ndarray:
    """Whether the most or the least amount is asked for, and nothing about a candidate says that it is one."""
    words = [term for term in LIMITS if term in asked.terms]
    if not words or AMOUNT not in asked.asks or asked.yes_no:
        return np.zeros(len(sight.candidates))
    told = np.maximum.reduce([overlap.match(term, "everything") for term in words])
    return (told == 0) & (sight.limits == "")


def _span(asked: Facets, sight: Sight) -> np.ndarray:
    """Whether a value counts for the span of time that is asked for: 1 yes, -1 another span, 0 if nothing is told."""
    if not asked.spans:
        return np.zeros(len(sight.candidates))
    return np.array([0.0 if not told else 1.0 if told & asked.spans else -1.0 for told in sight.spans])


def _span_missing(asked: Facets, sight: Sight) -> np.ndarray:
    """Whether neither a candidate nor its labels tell the span of time that is asked for; half if they tell none."""
    if not asked.spans:
        return np.zeros(len(sight.candidates))
    return np.array([0.0 if told & asked.spans else 1.0 if told else 0.5 for told in sight.spans_around])


def _cost_untold(asked: Facets, sight: Sight, overlap: Overlap) -> np.ndarray:
    """Whether the question is if something costs, and a candidate speaks of no cost at all."""
    if not asked.yes_no or COST not in asked.terms:
        return np.zeros(len(sight.candidates))
    return (overlap.match(COST, "everything") == 0) & (sight.types != AMOUNT)


def _is_valueless(asked: Facets, final: str) -> bool:
    """Whether a number is asked for and the answer has none, nor says `free` or `not available`."""
    told = values(final) or FREE.search(final) or UNAVAILABLE.search(final)
    return asked.asks_value and not told and not any(map(str.isdigit, final))


def confidence_features(seen: Scene, scores: np.ndarray, best: int, final_of: Callable[[int], str]) -> dict[str, float]:
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
        "open": float(not (seen.facets.asks_value or seen.facets.yes_no or seen.facets.strict)),
        "limit": row["limit"],
        "limit_untold": row["limit_untold"],
        "span_missing": row["span_missing"],
        "cost_untold": row["cost_untold"],
        "label_missing": row["label_missing"],
        "echo": row["echo"],
        "undefined": float(seen.facets.strict) * (1.0 - row["is_definition"] * (1.0 + row["definition_asked"]) / 2.0),
        "valueless": float(_is_valueless(seen.facets, final_of(best))),
    }
