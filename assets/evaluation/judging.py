"""Which test answers a judge scores, and what its score of each may mean.

The same items for every arm, so that arms can be compared item by item. Where a metric says nothing about an answer
(a refusal makes no claim, a question without an answer has no reference) its row says so; it is never a zero.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from assets.evaluation.arms import ARMS, FAILED, INVALID, NOT_APPLICABLE
from assets.evaluation.conditions import GENERATED, RETRIEVED, must_abstain
from resources.hashing import seeded_unit
from resources.llm.judge.metrics import (
    ANSWER_CORRECTNESS,
    ANSWER_RELEVANCY,
    ANSWER_SIMILARITY,
    CONTEXT_PRECISION,
    CONTEXT_RECALL,
    FAITHFULNESS,
    METRICS,
    Case,
)
from resources.llm.judge.telemetry import ragas_version
from resources.llm.resource import ModelsResource
from resources.options import JudgeOptions

_NEEDS_REFERENCE = frozenset({ANSWER_SIMILARITY, ANSWER_CORRECTNESS, CONTEXT_PRECISION, CONTEXT_RECALL})
_NEEDS_DOCUMENTS = frozenset({FAITHFULNESS, CONTEXT_PRECISION, CONTEXT_RECALL})
_NEEDS_ANSWER = frozenset({FAITHFULNESS, ANSWER_RELEVANCY, ANSWER_SIMILARITY, ANSWER_CORRECTNESS})

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Task:
    """One score to take. `skip` says why there is none to take; `given` is a score that needs no judge."""

    answer: Row
    item: Row
    metric: str
    repeat: int
    skip: str = ""
    given: float | None = None

    @property
    def case(self) -> Case:
        shown = tuple(document["text"] for document in self.item["documents"])
        return Case(self.item["question"], self.answer["final_answer"], self.item["expected_answer"], shown)

    @property
    def asks(self) -> bool:
        """Whether something has to be asked: the judge, or the embedder."""
        return not self.skip and self.given is None

    @property
    def calls(self) -> int:
        """Calls to the judge, repairs aside."""
        return METRICS[self.metric].calls(len(self.item["documents"])) if self.asks else 0


def judged_by(models: ModelsResource) -> dict[str, str]:
    """Who judges, who embeds and which RAGAS: what scores depend on besides answers and settings. Empty without a judge."""
    if not models.plays("judge"):
        return {}
    asked = {
        f"{role} {name}": version
        for role in ("judge", "embedder")
        for name, version in models.dependencies(role).items()
    }
    return {**asked, "ragas": ragas_version()}


def judged_items(items: Iterable[Row], options: JudgeOptions) -> list[Row]:
    """The test items that the judge sees: people's questions before generated ones, answerable ones first, else by a hash.

    Most metrics say nothing about a question that the documents do not answer.
    """
    chosen = [item for item in items if item["split"] == "test" and item["condition"] in options.conditions]
    chosen.sort(key=lambda item: (item["origin"] == GENERATED, must_abstain(item), *_drawn(item)))
    return chosen[: options.limit]


def _drawn(item: Row) -> tuple[float, str]:
    return seeded_unit("judged", item["item_id"]), item["item_id"]


def most_calls(item: Row, metric: str, arms: int) -> int:
    """The most calls that one score of each arm's answer to an item can take; what no answer changes is asked once."""
    if must_abstain(item) and metric in _NEEDS_REFERENCE:
        return 0
    return METRICS[metric].calls(len(item["documents"])) * (arms if metric in _NEEDS_ANSWER else 1)


def plan_judging(items: Iterable[Row], answers: Iterable[Row], options: JudgeOptions) -> list[Task]:
    """Every score to take, by answer, metric and repeat."""
    chosen = {item["item_id"]: item for item in judged_items(items, options)}
    return [
        _task(answer, chosen[answer["item_id"]], metric, repeat)
        for answer in sorted(answers, key=lambda answer: answer["answer_id"])
        if answer["item_id"] in chosen
        for metric in METRICS
        if metric in options.metrics
        for repeat in range(options.repeats)
    ]


def _task(answer: Row, item: Row, metric: str, repeat: int) -> Task:
    skip = _not_applicable(answer, item, metric)
    broken = answer["status"] == INVALID and metric in _NEEDS_ANSWER and not skip
    return Task(answer, item, metric, repeat, skip, 0.0 if broken else None)


def _not_applicable(answer: Row, item: Row, metric: str) -> str:
    """Why a metric says nothing about an answer, or an empty text."""
    if answer["status"] in {FAILED, NOT_APPLICABLE}:
        return "there is no answer: its model was not asked or did not reply"
    arm = ARMS.get(answer["arm"])
    if metric in _NEEDS_DOCUMENTS and (not item["documents"] or (arm is not None and not arm.shows_documents)):
        return "no document was shown"
    if metric == CONTEXT_PRECISION and item["condition"] != RETRIEVED:
        return "the order of these documents was drawn, not ranked"
    if must_abstain(item) and metric in _NEEDS_REFERENCE:
        return "declining is right here, so there is no reference answer"
    if must_abstain(item) and answer["abstained"] and metric in _NEEDS_ANSWER:
        return "it rightly declined: there is no answer to judge"
    if metric == FAITHFULNESS and (answer["abstained"] or answer["status"] == INVALID):
        return "it makes no claim that documents could support"
    return ""
