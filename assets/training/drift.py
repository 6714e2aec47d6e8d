"""How far the question bank has moved from what a recipe's student was trained on, and whether that is enough."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assets.raft.similarity import normalised
from assets.training.learned import count_shared, facts_of, held_out
from resources.lake.lake import Lake
from resources.lake.tables import CHANGED_FACTS, EVALUATION_SET, FINE_TUNED_MODEL, QUESTION_BANK, RAFT_DATASET

Row = Mapping[str, Any]
LEARNED = ("train", "validation")
OLD = "old"
"""The verdict of `changed_facts` on an answer that was right once."""
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
    rows = lake.rows(RAFT_DATASET, recipe)
    drift = measure_drift(rows, lake.rows_or_empty(QUESTION_BANK))
    if drift.changed_facts:
        return f"{len(drift.changed_facts)} learned amounts or dates have changed: {_shown(drift.changed_facts)}"
    stale = answered_as_before(lake.rows_or_empty(CHANGED_FACTS), rows, recipe)
    if stale:
        return f"the champion still gives {len(stale)} old amounts or dates: {_shown(stale)}"
    barred = _asked_by_the_test(lake, recipe)
    if barred:
        return f"the test asks about {barred} of the rows that its student trained on"
    if drift.share >= threshold and drift.share > 0:
        return f"{drift.share:.1%} of the learned questions were added, removed or changed"
    return ""


def answered_as_before(changed: Iterable[Row], trained: Iterable[Row], recipe: str) -> list[str]:
    """The questions about amounts and dates that this recipe's champion answered as before, and whose new answer its
    dataset does not teach: where it does, training again would teach nothing new.
    """
    taught: dict[str, set[str]] = defaultdict(set)
    for row in trained:
        if row["policy"] != "refuse":
            taught[normalised(row["question"])].add(row["final_answer"])
    stale = (row for row in changed if row["recipe"] == recipe and row["verdict"] == OLD and row["amount_or_date"])
    answers = ((row["question"], row["new_answer"], taught[normalised(row["question"])]) for row in stale)
    return sorted(question for question, new, known in answers if known and new not in known)


def _asked_by_the_test(lake: Lake, recipe: str) -> int:
    """How many rows of the recipe's student today's test asks about: another recipe's training may have cut that test.

    Such a student takes no part. What its parents learned does not count here, since training again would not unlearn it.
    """
    test = held_out(lake.rows_or_empty(EVALUATION_SET))
    students = lake.rows(FINE_TUNED_MODEL, recipe) if test.questions else []
    return sum(count_shared(facts_of(lake, student["model_id"]) or (), test) for student in students)


def _shown(questions: Sequence[str]) -> str:
    return "; ".join(questions[:_SHOWN])
