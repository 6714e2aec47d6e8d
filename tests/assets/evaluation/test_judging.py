import pytest

from assets.evaluation.judging import judged_items, most_calls, plan_judging
from resources.llm.judge.metrics import METRICS
from resources.options import JudgeOptions

EVERY = JudgeOptions(conditions=["retrieved", "oracle_present", "oracle_absent"])


@pytest.fixture
def skips(make_item, make_answer):
    """Why each metric is not taken of an answer; an empty text where it is."""

    def find(item: dict, answer: dict) -> dict[str, str]:
        tasks = plan_judging([make_item(**item)], [make_answer(**answer)], EVERY)
        return {task.metric: task.skip for task in tasks}

    return find


def test_an_answer_to_what_was_retrieved_gets_every_metric(skips) -> None:
    assert skips({"condition": "retrieved"}, {}) == dict.fromkeys(METRICS, "")


def test_a_refusal_makes_no_claim_and_is_not_faithful_or_unfaithful(skips) -> None:
    found = skips({"condition": "retrieved"}, {"abstained": True, "final_answer": "I cannot answer that."})

    assert [name for name, skip in found.items() if skip] == ["faithfulness"]
    assert "no claim" in found["faithfulness"]


def test_a_rightful_refusal_is_not_applicable_rather_than_zero(skips) -> None:
    found = skips({"condition": "oracle_absent", "oracle_index": -1}, {"abstained": True})

    assert all(found.values())
    assert "rightly declined" in found["answer_relevancy"]


def test_an_answer_where_declining_was_right_is_still_held_against_its_documents(skips) -> None:
    found = skips({"condition": "retrieved", "answerable": False}, {})

    assert {name for name, skip in found.items() if not skip} == {"faithfulness", "answer_relevancy"}


def test_the_precision_of_an_order_that_was_drawn_means_nothing(skips) -> None:
    found = skips({"condition": "oracle_present"}, {})

    assert [name for name, skip in found.items() if skip] == ["context_precision"]


def test_an_arm_that_shows_no_documents_is_not_measured_on_them(skips) -> None:
    found = skips({"condition": "retrieved"}, {"arm": "tuned_closed_book"})

    assert {name for name, skip in found.items() if skip} == {"faithfulness", "context_precision", "context_recall"}


def test_a_broken_completion_counts_as_zero_and_costs_nothing(make_item, make_answer) -> None:
    tasks = plan_judging(
        [make_item(condition="retrieved")], [make_answer(status="invalid", final_answer="")], JudgeOptions()
    )

    given = {task.metric: task.given for task in tasks if not task.skip}
    assert {name for name, value in given.items() if value == 0.0} == {
        "answer_relevancy", "answer_similarity", "answer_correctness",
    }  # fmt: skip
    assert sum(task.calls for task in tasks) == 2 + 1  # two documents judged for precision, one call for recall


def test_every_arm_is_judged_on_the_same_items_those_of_people_first(world) -> None:
    options = JudgeOptions(limit=25)
    answers = [*world.answers(world.base, 0.5, 0.5), *world.answers(world.tuned, 0.9, 0.5)]

    tasks = plan_judging(world.items, answers, options)
    by_arm = {arm: {t.item["item_id"] for t in tasks if t.answer["arm"] == arm} for arm in ("base_rag", "tuned_rag")}

    assert by_arm["base_rag"] == by_arm["tuned_rag"] == {item["item_id"] for item in judged_items(world.items, options)}
    assert len(by_arm["base_rag"]) == 25
    assert {t.item["origin"] for t in tasks} <= {"human", "third_party"}
    assert {t.item["condition"] for t in tasks} == {"retrieved"}


def test_questions_that_have_an_answer_are_judged_before_those_that_have_none(make_item) -> None:
    items = [
        make_item(item_id=f"i{number}", condition="retrieved", split="test", origin="human", answerable=number % 3 == 0)
        for number in range(12)
    ]
    assert {item["answerable"] for item in judged_items(items, JudgeOptions(limit=4))} == {True}
    assert len(judged_items(items, JudgeOptions(limit=12))) == 12


def test_more_items_keep_those_that_were_judged_before(world) -> None:
    few, more = (judged_items(world.items, JudgeOptions(limit=limit)) for limit in (10, 20))
    assert few == more[:10]


def test_the_number_of_calls_is_known_before_any_is_made(make_item, make_answer) -> None:
    item, answer = make_item(condition="retrieved"), make_answer()

    once = sum(task.calls for task in plan_judging([item], [answer], JudgeOptions()))
    thrice = sum(task.calls for task in plan_judging([item], [answer], JudgeOptions(repeats=3)))

    assert once == 2 + 3 + 0 + 3 + len(item["documents"]) + 1
    assert thrice == 3 * once


@pytest.mark.parametrize(
    "item",
    [{"condition": "retrieved"}, {"condition": "retrieved", "answerable": False}, {"condition": "oracle_absent"}],
)
def test_the_most_calls_are_never_exceeded_and_not_far_from_what_is_needed(make_item, make_answer, item: dict) -> None:
    asked = make_item(**item)
    answers = [make_answer(answer_id=arm, arm=arm) for arm in ("base_rag", "tuned_rag")]
    tasks = plan_judging([asked], answers, EVERY)
    documents = [task for task in tasks if task.metric in ("context_precision", "context_recall")]
    needed = sum(task.calls for task in tasks) - sum(task.calls for task in documents) // 2
    most = sum(most_calls(asked, name, 2) for name in METRICS)

    assert needed <= most <= needed + METRICS["context_precision"].calls(len(asked["documents"]))


@pytest.mark.parametrize("wrong", [{"metrics": ["faith"]}, {"metrics": []}, {"conditions": ["shown"]}])
def test_unknown_metrics_and_conditions_are_refused_with_those_there_are(wrong) -> None:
    with pytest.raises(ValueError, match="choose from"):
        JudgeOptions(**wrong)
