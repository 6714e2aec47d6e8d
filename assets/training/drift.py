"""How far the question bank has moved from what a recipe's student was trained on, and whether that is enough."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from resources.lake.lake import Lake
from resources.lake.tables import FINE_TUNED_MODEL, QUESTION_BANK, RAFT_DATASET

Row = Mapping[str, Any]
LEARNED = ("train", "validation")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_SHOWN = 3


@dataclass(frozen=True)
class Drift:
    """The share of questions added, removed or changed, and those whose amount or date is another now."""

    share: float
    changed_facts: tuple[str, ...]


def measure_drift(trained: Sequence[Row], bank: Iterable[Row]) -> Drift:
    """Compares the questions and final answers trained on with those the bank would give now."""
    before = {(row["question"], row["final_answer"]) for row in trained if row["policy"] != "refuse"}
    now = {
        (row["question"], row["final_answer"])
        for row in bank
        if row["status"] == "kept" and row["split"] in LEARNED and row["answerable"]
    }
    learned, known = _numbers(before), _numbers(now)
    changed = sorted(question for question in learned.keys() & known.keys() if learned[question] != known[question])
    # A refuse-policy row keeps its question out of `before`; compare questions that either side knows how to answer.
    refused = {row["question"] for row in trained if row["policy"] == "refuse"}
    moved = {question for question, _ in before ^ now if question not in refused}
    return Drift(len(moved) / max(1, len(learned)), tuple(changed))


def _numbers(pairs: Iterable[tuple[str, str]]) -> dict[str, set[tuple[str, ...]]]:
    """The numbers of each answer, by question: one question may have several answers."""
    found: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for question, answer in pairs:
        found[question].add(tuple(_NUMBER.findall(answer)))
    return found


def retraining_reason(lake: Lake, recipe: str, threshold: float) -> str:
    """Why a recipe is due for training, or an empty text."""
    if lake.version(FINE_TUNED_MODEL, recipe) is None or lake.version(RAFT_DATASET, recipe) is None:
        return ""
    made_from = lake.fingerprint(RAFT_DATASET.name, recipe) or {}
    if made_from.get(QUESTION_BANK.name) == lake.version(QUESTION_BANK):
        # Questions that the recipe left out (too long, too few distractors) are in the bank and are no drift.
        return ""
    drift = measure_drift(lake.rows(RAFT_DATASET, recipe), lake.rows_or_empty(QUESTION_BANK))
    if drift.changed_facts:
        shown = "; ".join(drift.changed_facts[:_SHOWN])
        return f"{len(drift.changed_facts)} learned amounts or dates have changed: {shown}"
    if drift.share >= threshold and drift.share > 0:
        return f"{drift.share:.1%} of the learned questions were added, removed or changed"
    return ""
