"""The arms of an evaluation: which model is asked, what it is shown, and whether it can be asked at all."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from assets.evaluation.conditions import RETRIEVED

# The capabilities as `resources.training.trainer.Trainer` names them.
RAG = "rag"
"""Answers from documents in its prompt."""
CLOSED_BOOK = "closed_book"
"""Can answer without documents."""
FEW_SHOT = "few_shot"
"""Can take worked examples in its prompt."""

OK = "ok"
"""A complete answer."""
INVALID = "invalid"
"""A completion that broke the answer format after its repair: it counts as wrong, or bad models would look good."""
FAILED = "failed"
"""The service did not answer: nothing was measured."""
NOT_APPLICABLE = "not_applicable"
"""The arm cannot be run with this model."""


@dataclass(frozen=True)
class Arm:
    """One way of asking a model. `needs` names the capabilities without which the arm is not applicable."""

    name: str
    label: str
    shows_documents: bool
    needs: frozenset[str]


BASE_RAG = Arm("base_rag", "Base + documents", True, frozenset({RAG}))
TUNED_RAG = Arm("tuned_rag", "Tuned + documents", True, frozenset({RAG}))
BASE_CLOSED_BOOK = Arm("base_closed_book", "Base, closed book", False, frozenset({CLOSED_BOOK}))
FEW_SHOT_RAG = Arm("few_shot", "Base + documents, few-shot", True, frozenset({RAG, FEW_SHOT}))
TUNED_CLOSED_BOOK = Arm("tuned_closed_book", "Tuned, closed book", False, frozenset({CLOSED_BOOK}))

ARMS: dict[str, Arm] = {
    arm.name: arm for arm in (BASE_RAG, TUNED_RAG, BASE_CLOSED_BOOK, FEW_SHOT_RAG, TUNED_CLOSED_BOOK)
}

BASE_ARMS = (BASE_RAG, BASE_CLOSED_BOOK, FEW_SHOT_RAG)
"""Under which an untrained model is asked, as far as it can be."""
TUNED_ARMS = (TUNED_RAG, TUNED_CLOSED_BOOK)
"""The same of a student."""


def applicable(arm: Arm, capabilities: AbstractSet[str]) -> bool:
    """Whether a model with these capabilities can run the arm. An extractive reader cannot go without documents."""
    return arm.needs <= capabilities


def arms_for(capabilities: AbstractSet[str]) -> tuple[Arm, ...]:
    """The arms that a model with these capabilities can run, in the order of the report."""
    return tuple(arm for arm in ARMS.values() if applicable(arm, capabilities))


def items_for(arm: Arm, items: Iterable[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """The items an arm answers: all of them, or for a closed book each question once (documents are not shown)."""
    return [item for item in items if arm.shows_documents or item["condition"] == RETRIEVED]
