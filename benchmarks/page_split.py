"""Questions re-split by page: all questions about a page, whoever asked them, are in one part."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from assets.raft.bank import KEPT, WITHHELD, contamination
from resources.hashing import seeded_unit, short_id

TRAIN, VALIDATION, TEST = "train", "validation", "test"
SHARES = {TRAIN: 0.5, VALIDATION: 0.2, TEST: 0.3}
"""Half of the questions teach: a linear reader needs few, and intervals need pages."""

Row = dict[str, Any]


def split_pages(questions: Mapping[int, int], seed: int, shares: Mapping[str, float] = SHARES) -> dict[int, str]:
    """The part of each page; `questions` counts them. Large pages first, each to the part that lacks most."""
    total = max(1, sum(questions.values()))
    filled: Counter[str] = Counter()
    parts: dict[int, str] = {}
    for page in sorted(questions, key=lambda page: (-questions[page], seeded_unit(seed, "page", page))):
        lack = {part: share - filled[part] / total for part, share in shares.items()}
        part = max(lack, key=lambda name: lack[name])
        parts[page] = part
        filled[part] += questions[page]
    return parts


def placed(rows: Iterable[Row], parts: Mapping[int, str], corpus: Sequence[Row]) -> list[Row]:
    """Rows of a question bank in the part of their page, which is also their group.

    Whatever gives away a question of a later part (a passage repeated on another page, the same question) is withheld.
    """
    bank = [
        row
        | {"group": page_group(row["document_id"], row["page"]), "split": parts[row["page"]]}
        | {"status": KEPT, "reason": None}
        for row in rows
    ]
    reasons = {clash.question_id: f"{clash.kind} of a question held out" for clash in contamination(bank, corpus)}
    return [
        row | {"status": WITHHELD, "reason": reasons[row["question_id"]]} if row["question_id"] in reasons else row
        for row in bank
    ]


def page_group(document: str, page: int) -> str:
    return short_id("page", document, page)
