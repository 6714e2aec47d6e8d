"""How well an index finds the chunks that answer questions: recall@k, MRR@10, nDCG@10, with intervals.

Questions of different origin are never averaged: those generated from the chunks share their words with them.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from resources.hashing import seeded_unit
from resources.search.index import MODES, Mode, SearchIndex
from resources.statistics import DRAWS, Interval, group_bootstrap

RECALL_DEPTHS = (1, 5, 10, 20)
CUTOFF = 10
"""The depth of MRR and nDCG."""


@dataclass(frozen=True)
class RetrievalQuestion:
    """An answerable question, its vector, the chunks that answer it, and the group it is resampled with."""

    question_id: str
    text: str
    vector: Sequence[float] | npt.NDArray[np.float32]
    relevant_chunk_ids: frozenset[str]
    origin: str
    group: str


@dataclass(frozen=True)
class RetrievalRow:
    """One measurement: a metric of one search mode over the questions of one origin."""

    configuration: str
    origin: str
    metric: str
    questions: int
    groups: int
    mean: float | None
    low: float | None
    high: float | None


def recall_at(k: int, ranked: Sequence[str], relevant: Collection[str]) -> float:
    """The share of the relevant ids among the first `k`."""
    return len(set(ranked[:k]) & set(relevant)) / len(relevant)


def reciprocal_rank(ranked: Sequence[str], relevant: Collection[str], depth: int = CUTOFF) -> float:
    """1 / rank of the first relevant id within `depth`, else 0."""
    return next((1 / rank for rank, item in enumerate(ranked[:depth], start=1) if item in relevant), 0.0)


def ndcg(ranked: Sequence[str], relevant: Collection[str], depth: int = CUTOFF) -> float:
    """Discounted gain with binary relevance, over the best that `depth` places allow."""
    gain = math.fsum(1 / math.log2(rank + 1) for rank, item in enumerate(ranked[:depth], start=1) if item in relevant)
    ideal = math.fsum(1 / math.log2(rank + 1) for rank in range(1, min(len(relevant), depth) + 1))
    return gain / ideal


def measure(ranked: Sequence[str], relevant: Collection[str], ks: Sequence[int] = RECALL_DEPTHS) -> dict[str, float]:
    """Every metric of one ranking, by name. `relevant` must not be empty."""
    values = {f"recall@{k}": recall_at(k, ranked, relevant) for k in ks}
    values[f"mrr@{CUTOFF}"] = reciprocal_rank(ranked, relevant)
    values[f"ndcg@{CUTOFF}"] = ndcg(ranked, relevant)
    return values


def evaluate_configurations(
    index: SearchIndex,
    questions: Sequence[RetrievalQuestion],
    ks: Sequence[int] = RECALL_DEPTHS,
    seed: int = 0,
    draws: int = DRAWS,
) -> list[RetrievalRow]:
    """Every metric of every search mode for every origin. Questions without a relevant chunk are left out."""
    answerable = sorted((q for q in questions if q.relevant_chunk_ids), key=lambda q: q.question_id)
    rows: list[RetrievalRow] = []
    for mode in MODES:
        for origin in sorted({question.origin for question in answerable}):
            asked = [question for question in answerable if question.origin == origin]
            groups = [question.group for question in asked]
            measured = _measured(index, mode, asked, ks)
            for metric in measured[0]:
                values = [question[metric] for question in measured]
                interval = group_bootstrap(values, groups, _seed(seed, origin), draws)
                rows.append(_row(mode, origin, metric, interval))
    return rows


def rows_as_dicts(rows: Sequence[RetrievalRow]) -> list[dict[str, str | int | float | None]]:
    """The rows as a table: one dictionary each, columns in the order of the fields."""
    return [asdict(row) for row in rows]


def _measured(
    index: SearchIndex, mode: Mode, questions: Sequence[RetrievalQuestion], ks: Sequence[int]
) -> list[dict[str, float]]:
    depth = max(CUTOFF, *ks)
    return [
        measure([hit.chunk_id for hit in index.search(q.text, q.vector, depth, mode)], q.relevant_chunk_ids, ks)
        for q in questions
    ]


def _seed(seed: int, origin: str) -> int:
    """One seed for an origin: all modes and metrics are resampled alike, so their intervals compare."""
    return int(seeded_unit("retrieval_report", seed, origin) * 2**32)


def _row(mode: Mode, origin: str, metric: str, interval: Interval) -> RetrievalRow:
    return RetrievalRow(mode, origin, metric, interval.n, interval.groups, interval.mean, interval.low, interval.high)
