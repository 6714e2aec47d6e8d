"""What the answers of students to a snapshot are expected to take: whom it asks, under how many arms, and where."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assets.evaluation.arms import Arm, items_for
from assets.spending import ANSWER_TOKENS
from resources.llm.estimate import Load, StageEstimate, stage_estimate
from resources.llm.prices import FREE, UNKNOWN
from resources.llm.roles import Limits
from resources.tokens import count_tokens

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Examinee:
    """The student of a recipe and its base: where they answer, and under how many arms each is asked."""

    backend: str
    hosted: bool
    base: tuple[Arm, ...]
    tuned: tuple[Arm, ...]

    @property
    def meeting(self) -> tuple[Arm, ...]:
        """The arms of a test at most: of the base, the candidate, and a champion that is another model."""
        return (*self.base, *self.tuned, *self.tuned)


def students_estimates(items: Sequence[Row], students: Sequence[Examinee]) -> list[StageEstimate]:
    """The students' answers to a snapshot, by backend: each on validation, the one with most arms on the test.

    On this machine they cost nothing. What a hosted one costs is told by its backend: tokens, or hours of endpoints.
    """
    by_split = {split: [item for item in items if item["split"] == split] for split in ("validation", "test")}
    largest = max(students, key=lambda student: len(student.meeting), default=None)
    found = []
    for backend in sorted({student.backend for student in students}):
        own = [student for student in students if student.backend == backend]
        load = sum((_answering(by_split["validation"], (*one.base, *one.tuned)) for one in own), Load())
        load += _answering(by_split["test"], largest.meeting) if largest in own and largest else Load()
        place = (
            (backend, UNKNOWN, None, "at most; priced by its backend")
            if own[0].hosted
            else (f"{backend}, on this machine", FREE, 0.01 if backend == "embedded" else None, "")
        )
        model, price, latency, basis = place
        found.append(stage_estimate("student: answers", model, load, price, Limits(concurrency=1), latency, basis))
    return found


def _answering(items: Sequence[Row], arms: Sequence[Arm]) -> Load:
    load = Load()
    for arm in arms:
        asked = items_for(arm, items)
        shown = sum(count_tokens(document["text"]) for item in asked for document in item["documents"])
        load += Load(len(asked), 0, shown if arm.shows_documents else 0, len(asked) * ANSWER_TOKENS)
    return load
