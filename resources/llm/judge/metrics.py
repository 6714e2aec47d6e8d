"""The RAGAS metrics that the field knows, each as one coroutine over our judge and our embedder.

RAGAS computes them (`ragas.metrics.collections`), except answer similarity: it asks for vectors synchronously there,
and a cosine needs no judge. `load_ragas` comes first.
"""

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from resources.llm.judge.ragas_embeddings import RagasEmbeddings
from resources.llm.judge.ragas_llm import JudgeFailed, RagasLLM

FAITHFULNESS = "faithfulness"
ANSWER_RELEVANCY = "answer_relevancy"
ANSWER_SIMILARITY = "answer_similarity"
ANSWER_CORRECTNESS = "answer_correctness"
CONTEXT_PRECISION = "context_precision"
CONTEXT_RECALL = "context_recall"

_SLACK = 1e-6


@dataclass(frozen=True)
class Case:
    """What a metric looks at: a question, its answer, the reference, and the documents shown, best first."""

    question: str
    response: str
    reference: str
    contexts: tuple[str, ...]


Score = Callable[[Case, RagasLLM, RagasEmbeddings], Awaitable[float]]


@dataclass(frozen=True)
class JudgeMetric:
    """A metric: how it is shown, which calls it needs for `contexts` documents, and its lowest possible value."""

    name: str
    label: str
    meaning: str
    calls: Callable[[int], int]
    score: Score
    lowest: float = 0.0
    embeds: bool = False


async def measure(metric: JudgeMetric, case: Case, judge: RagasLLM, embeddings: RagasEmbeddings) -> float:
    """A metric's value for a case. Raises `JudgeFailed` where there is none that can be averaged."""
    value = float(await metric.score(case, judge, embeddings))
    if math.isnan(value):
        raise JudgeFailed("RAGAS gives no number for what the judge answered")
    if not metric.lowest - _SLACK <= value <= 1 + _SLACK:
        raise JudgeFailed(f"RAGAS gives {value:.3f}, outside {metric.lowest:g} to 1")
    return round(min(1.0, max(metric.lowest, value)), 6)


async def _faithfulness(case: Case, judge: RagasLLM, _: RagasEmbeddings) -> float:
    metric = _collections().Faithfulness(llm=judge)
    return (await metric.ascore(case.question, case.response, list(case.contexts))).value


async def _relevancy(case: Case, judge: RagasLLM, embeddings: RagasEmbeddings) -> float:
    metric = _collections().AnswerRelevancy(llm=judge, embeddings=embeddings)
    return (await metric.ascore(case.question, case.response)).value


async def _similarity(case: Case, _: RagasLLM, embeddings: RagasEmbeddings) -> float:
    one, other = (np.asarray(vector) for vector in await embeddings.aembed_texts([case.reference, case.response]))
    lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / lengths if lengths else 0.0


async def _correctness(case: Case, judge: RagasLLM, embeddings: RagasEmbeddings) -> float:
    metric = _collections().AnswerCorrectness(llm=judge, embeddings=embeddings)
    return (await metric.ascore(case.question, case.response, case.reference)).value


async def _context_precision(case: Case, judge: RagasLLM, _: RagasEmbeddings) -> float:
    metric = _collections().ContextPrecisionWithReference(llm=judge)
    return (await metric.ascore(case.question, case.reference, list(case.contexts))).value


async def _context_recall(case: Case, judge: RagasLLM, _: RagasEmbeddings) -> float:
    metric = _collections().ContextRecall(llm=judge)
    return (await metric.ascore(case.question, list(case.contexts), case.reference)).value


def _collections() -> Any:
    from ragas.metrics import collections

    return collections


METRICS: dict[str, JudgeMetric] = {
    metric.name: metric
    for metric in (
        JudgeMetric(
            FAITHFULNESS,
            "Faithfulness",
            "share of the answer's statements that the documents shown support",
            lambda _: 2,
            _faithfulness,
        ),
        JudgeMetric(
            ANSWER_RELEVANCY,
            "Answer relevancy",
            "cosine between the question and three questions that the judge guesses from the answer; evasive is 0",
            lambda _: 3,
            _relevancy,
            lowest=-1.0,
            embeds=True,
        ),
        JudgeMetric(
            ANSWER_SIMILARITY,
            "Answer similarity",
            "cosine between answer and reference under the configured embedder; asks no judge",
            lambda _: 0,
            _similarity,
            lowest=-1.0,
            embeds=True,
        ),
        JudgeMetric(
            ANSWER_CORRECTNESS,
            "Answer correctness",
            "0.75 x F1 of statements shared with the reference + 0.25 x similarity",
            lambda _: 3,
            _correctness,
            lowest=-0.25,
            embeds=True,
        ),
        JudgeMetric(
            CONTEXT_PRECISION,
            "Context precision",
            "average precision of the retrieved documents, each judged useful for the reference or not",
            lambda contexts: contexts,
            _context_precision,
        ),
        JudgeMetric(
            CONTEXT_RECALL,
            "Context recall",
            "share of the reference's statements that the documents shown support",
            lambda _: 1,
            _context_recall,
        ),
    )
}
