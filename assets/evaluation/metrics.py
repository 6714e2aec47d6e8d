"""The deterministic metrics of an answer. What cannot be measured gives no row: never a zero.

An answer has one outcome: right, abstained or wrong. Where declining is right (oracle withheld, no answer in the
corpus) a refusal is right and anything else is wrong. `utility` prices them at 1, 0 and -1: a wrong answer costs
as much as a right one is worth, so guessing pays only above even odds.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assets.evaluation.arms import ARMS, INVALID, OK
from assets.evaluation.conditions import must_abstain
from assets.evaluation.matching import has_numbers, matches, numbers_match, token_f1
from resources.llm.embedded.embedder import embed
from resources.text import collapsed

RIGHT = "right"
ABSTAINED = "abstained"
WRONG = "wrong"
OUTCOMES = (RIGHT, ABSTAINED, WRONG)

UTILITY = {RIGHT: 1.0, ABSTAINED: 0.0, WRONG: -1.0}

Item = Mapping[str, Any]
Answer = Mapping[str, Any]


@dataclass(frozen=True)
class Metric:
    """A metric's name and what it says."""

    name: str
    label: str
    meaning: str


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("correct", "Right", "the answer matches the reference, or rightly declines"),
        Metric("wrong", "Wrong", "answered, and not right"),
        Metric("abstained", "Abstained", "declined to answer"),
        Metric("utility", "Utility", "right 1, abstained 0, wrong -1"),
        Metric("abstained_rightly", "Abstained rightly", "declined, of those where declining is right"),
        Metric("numbers_exact", "Numbers exact", "gives exactly the reference's numbers, of those that have any"),
        Metric("wrong_number", "Wrong number", "answered with another number, of those that have any"),
        Metric("token_f1", "Token F1", "shared words with the reference"),
        Metric("semantic_similarity", "Similarity", "cosine with the reference under the embedded embedder"),
        Metric("quote_verbatim", "Quotes verbatim", "every quote stands word for word in a document shown"),
        Metric("cited_oracle", "Cites the oracle", "a quote lies in the oracle, of answers that were shown it"),
        Metric("cited_page", "Cites the page", "a quote lies in a chunk of the expected page, of answers given"),
    )
}


def score_answers(
    items: Iterable[Item],
    answers: Iterable[Answer],
    pages: Mapping[str, tuple[str, int]] | None = None,
) -> list[dict[str, Any]]:
    """The rows of ANSWER_SCORES for the answers whose item is among `items`.

    `pages` maps chunk ids to (document_id, page); without it a cited page is known only for the oracle itself.
    Answers that failed or do not apply are not scored; invalid completions count as wrong.
    """
    by_id = {item["item_id"]: item for item in items}
    rows = []
    for answer in answers:
        item = by_id.get(answer["item_id"])
        if item is None or answer["status"] not in {OK, INVALID}:
            continue
        rows.extend(
            {
                **{name: answer[name] for name in ("answer_id", "model_id", "arm", "snapshot", "item_id")},
                **{name: item[name] for name in ("split", "condition", "origin", "kind", "group")},
                "document_id": item["document_id"] or "",
                "metric": metric,
                "value": value,
            }
            for metric, value in measure(item, answer, pages or {}).items()
        )
    return rows


def outcome(item: Item, answer: Answer) -> str:
    """`right`, `abstained` or `wrong`."""
    if answer["status"] == INVALID:
        return WRONG
    if must_abstain(item):
        return RIGHT if answer["abstained"] else WRONG
    if answer["abstained"]:
        return ABSTAINED
    return RIGHT if matches(item["expected_answer"], answer["final_answer"], item["question"]) else WRONG


def measure(item: Item, answer: Answer, pages: Mapping[str, tuple[str, int]]) -> dict[str, float]:
    """Every metric that can be measured on one answer."""
    result = outcome(item, answer)
    measured = {
        "correct": float(result == RIGHT),
        "wrong": float(result == WRONG),
        "abstained": float(answer["abstained"]),
        "utility": UTILITY[result],
    }
    if must_abstain(item):
        measured["abstained_rightly"] = float(answer["abstained"])
    else:
        measured.update(_against_reference(item, answer))
    arm = ARMS.get(answer["arm"])
    if item["documents"] and not answer["abstained"] and (arm is None or arm.shows_documents):
        measured.update(_citations(item, answer["quotes"], pages))
    return measured


def _against_reference(item: Item, answer: Answer) -> dict[str, float]:
    reference, final = item["expected_answer"], answer["final_answer"]
    measured = {
        "token_f1": round(token_f1(reference, final), 6),
        "semantic_similarity": round(_cosine(reference, final), 6),
    }
    if has_numbers(reference):
        exact = not answer["abstained"] and numbers_match(reference, final, item["question"])
        measured["numbers_exact"] = float(exact)
        measured["wrong_number"] = float(not answer["abstained"] and not exact)
    return measured


def _cosine(one: str, other: str) -> float:
    # Unit vectors; a sum of products in a fixed order, not a BLAS call.
    return float((embed(one).astype("float64") * embed(other).astype("float64")).sum())


def _citations(item: Item, quotes: Sequence[str], pages: Mapping[str, tuple[str, int]]) -> dict[str, float]:
    wanted = [collapsed(quote) for quote in quotes if quote.strip()]
    texts = [collapsed(document["text"]) for document in item["documents"]]
    holders = [[index for index, text in enumerate(texts) if quote in text] for quote in wanted]
    measured: dict[str, float] = {}
    if wanted:
        measured["quote_verbatim"] = float(all(holders))
    if must_abstain(item):
        return measured
    oracle = item["oracle_index"]
    cited = {index for found in holders for index in found}
    if oracle >= 0:
        measured["cited_oracle"] = float(oracle in cited)
    if item["page"] is None:
        return measured
    place = (item["document_id"], item["page"])
    on_page = {index for index, document in enumerate(item["documents"]) if pages.get(document["chunk_id"]) == place}
    if oracle >= 0:
        on_page.add(oracle)
    if oracle >= 0 or pages:
        measured["cited_page"] = float(bool(on_page & cited))
    return measured
