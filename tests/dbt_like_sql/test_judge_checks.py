import pytest

from resources.lake.tables import JUDGE_SCORES


def score(number: int, status: str, **values) -> dict:
    blank = {"string": "x", "int64": 0, "double": 0.0, "bool": True}
    row = {field.name: blank[str(field.type)] for field in JUDGE_SCORES.schema}
    return row | {"answer_id": str(number), "status": status, "reason": None, **values}


@pytest.mark.parametrize(("failed", "told"), [(0, False), (1, False), (2, True)])
def test_a_judge_that_fails_on_more_than_one_answer_in_ten_is_noticed(house, failed, told) -> None:
    rows = [score(i, "failed", reason="cut off") if i < failed else score(i, "ok") for i in range(10)]
    house.lake.write(JUDGE_SCORES, rows)

    found = house.offending("judge_scores", "few_scores_failed")

    assert [(row["failed"], row["asked"], row["example"]) for row in found] == ([(2, 10, "cut off")] if told else [])


def test_scores_that_do_not_apply_are_no_failures_and_dilute_none(house) -> None:
    rows = [score(0, "failed", reason="cut off"), *(score(i, "not_applicable") for i in range(1, 30))]
    house.lake.write(JUDGE_SCORES, rows)

    assert len(house.offending("judge_scores", "few_scores_failed")) == 1


def test_without_a_judge_there_is_nothing_to_complain_about(house) -> None:
    house.lake.write(JUDGE_SCORES, [])
    assert house.offending("judge_scores", "few_scores_failed") == []
