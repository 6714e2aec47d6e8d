"""What an evaluation item is asked under, and when declining is the right answer."""

from collections.abc import Mapping
from typing import Any

ORACLE_PRESENT = "oracle_present"
"""The oracle among hard distractors, at a seeded position."""

ORACLE_ABSENT = "oracle_absent"
"""Distractors only; the oracle and everything that repeats it are gone. Declining is right."""

RETRIEVED = "retrieved"
"""What the real index returns, as a user meets it. The oracle may be missing: then declining is not wrong."""

CONDITIONS = (ORACLE_PRESENT, ORACLE_ABSENT, RETRIEVED)

CONDITION_LABELS = {
    ORACLE_PRESENT: "answer shown",
    ORACLE_ABSENT: "answer withheld",
    RETRIEVED: "as retrieved",
}

NO_ANSWER_LABEL = "no answer exists"
"""Unanswerable questions, which are asked as retrieved: pictures show them apart, declining is right for them only."""

GENERATED = "generated"
INDEPENDENT_ORIGINS = ("human", "third_party")
"""Origins that do not share a view of text with the teacher: the verdict rests on these alone."""

ORIGINS = (*INDEPENDENT_ORIGINS, GENERATED)
ORIGIN_LABELS = {"human": "human", "third_party": "third-party", GENERATED: "generated"}


def must_abstain(item: Mapping[str, Any]) -> bool:
    """Whether declining is the right answer to an item: its oracle is withheld or its question has no answer."""
    return item["condition"] == ORACLE_ABSENT or not item["answerable"]
