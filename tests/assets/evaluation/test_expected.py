"""What an evaluation is expected to take: every arm that a student can run, of base, candidate and champion."""

import pytest

from assets.evaluation.arms import BASE_ARMS, BASE_RAG, TUNED_ARMS, TUNED_RAG
from assets.evaluation.expected import Examinee, students_estimates

READER = Examinee("embedded", False, (BASE_RAG,), (TUNED_RAG,))
HOSTED = Examinee("azure_openai", True, BASE_ARMS, TUNED_ARMS)
ITEMS = [
    {"split": split, "condition": condition, "documents": [{"text": "The fee is $5."}]}
    for split in ("validation", "test")
    for condition in ("retrieved", "oracle_present")
]


def test_a_hosted_student_is_asked_under_all_its_arms_and_what_it_costs_is_not_called_nothing() -> None:
    [estimate] = students_estimates(ITEMS, [HOSTED])
    # Arms with documents answer both items, closed books one: 2 + 2 + 1 and 2 + 1 on validation; the latter twice in the test.
    assert estimate.load.calls == (5 + 3) + (5 + 3 + 3)
    assert (estimate.model, estimate.cost) == ("azure_openai", None)


@pytest.mark.parametrize("students", [[READER], [READER, HOSTED]])
def test_a_student_of_this_machine_is_free_and_each_backend_has_its_line(students) -> None:
    estimates = {estimate.model: estimate for estimate in students_estimates(ITEMS, students)}
    assert len(estimates) == len(students)
    here = estimates["embedded, on this machine"]
    assert (here.cost, here.load.calls) == (0.0, 4 + (6 if len(students) == 1 else 0))


def test_without_recipes_nothing_is_expected() -> None:
    assert students_estimates(ITEMS, []) == []
