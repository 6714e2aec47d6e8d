from collections.abc import Callable

import pytest

from assets.evaluation.contenders import Selection, base_contender, select, tuned_contender
from assets.evaluation.gate import REFUSED
from assets.evaluation.metrics import score_answers
from assets.evaluation.report import build_report
from resources.errors import LakeError
from resources.lake.tables import ANSWER_SCORES, FINE_TUNED_MODEL, LEARNED_FACTS
from resources.options import EvaluationOptions

STAMP = "it learned from an emulator's answers: azure_openai/gpt-4o"


def student(recipe: str, stamp: str | None) -> dict:
    return {
        "model_id": f"model-of-{recipe}", "recipe": recipe, "backend": "embedded", "base_model": "b", "spec": "{}",
        "status": "succeeded", "artifact": "a", "artifact_files": [], "artifact_hashes": [], "dataset_version": "v",
        "training_rows": [], "metrics": "{}", "provenance": "{}", "stamp": stamp,
    }  # fmt: skip


@pytest.fixture
def chosen(lake, make_item, make_answer) -> Callable[..., Selection]:
    """Selects among recipes, each given as (right answers of ten, stamp)."""

    def run(among: set[str] | None = None, **recipes: tuple[int, str | None]) -> Selection:
        items = [make_item(item_id=str(i), group=str(i), split="validation") for i in range(10)]
        items.append(make_item(item_id="t", split="test", question="What is asked in the test?", chunk_id="tested"))
        for recipe, (right, stamp) in recipes.items():
            row = student(recipe, stamp)
            answers = [
                make_answer(
                    answer_id=f"{recipe}-{i}", item_id=str(i), model_id=row["model_id"], arm="tuned_rag",
                    final_answer="$5.00" if i < right else "$9.99",
                )
                for i in range(10)
            ]  # fmt: skip
            lake.write(FINE_TUNED_MODEL, [row], recipe)
            lake.write(ANSWER_SCORES, score_answers(items, answers), recipe)
        return select(lake, items, recipes, EvaluationOptions(), among=among)

    return run


def test_a_student_of_an_emulator_is_not_ranked_before_a_real_one(chosen) -> None:
    selection = chosen(emulated=(10, STAMP), real=(2, None))

    assert selection.model["recipe"] == "real"
    assert [line["utility"] for line in selection.table] == ["not a real model: not ranked", "-0.600"]
    assert [line["remark"] for line in selection.table] == [STAMP, ""]


def test_where_every_student_is_an_emulators_one_is_shown_as_what_it_is(chosen) -> None:
    assert chosen(one=(2, STAMP), two=(9, STAMP)).model["recipe"] == "two"


def test_among_real_students_the_most_useful_is_chosen_and_ties_go_by_name(chosen) -> None:
    assert chosen(a=(3, None), b=(7, None), c=(7, None)).model["recipe"] == "b"


def test_a_student_that_the_test_questions_were_not_put_to_is_shown_and_not_chosen(chosen) -> None:
    selection = chosen(among={"base", "model-of-a"}, a=(3, None), b=(7, None))

    assert selection.model["recipe"] == "a"
    assert [line["model"].split()[0] for line in selection.table] == ["a", "b"]


def test_test_answers_of_replaced_models_are_an_error_that_says_what_to_run(chosen) -> None:
    with pytest.raises(LakeError, match="replaced since: run the job publish_report"):
        chosen(among={"base", "model-of-gone"}, a=(3, None))


@pytest.fixture
def learned(lake) -> Callable[..., None]:
    """Writes down that the student of a recipe trained on a question about a chunk."""

    def write(recipe: str, chunk: str, split: str = "train") -> None:
        fact = {"question_id": "q", "question": "fee?", "final_answer": "$5", "policy": "oracle"}
        lake.write(LEARNED_FACTS, [fact | {"split": split, "chunk_id": chunk}], f"model-of-{recipe}")

    return write


def test_a_student_that_trained_on_what_the_test_asks_takes_no_part_and_is_shown_with_the_reason(
    chosen, learned
) -> None:
    learned("best", "tested")
    learned("other", "tested", "validation")
    selection = chosen(best=(10, None), other=(3, None))
    assert selection.model["recipe"] == "other"
    assert selection.table[0]["utility"] == (
        "takes no part: the test asks about 1 of the rows that it or its parents trained on"
    )


def test_where_every_student_learned_from_the_test_none_is_selected(chosen, learned) -> None:
    learned("a", "tested")
    with pytest.raises(LakeError, match="no model may meet the test: a: the test asks about 1"):
        chosen(a=(10, None))


def test_a_stamped_student_is_never_promoted_or_recommended_however_good(world) -> None:
    candidate = tuned_contender(student("r", STAMP))
    report = build_report(
        world.report_inputs((0.0, 0.0), (1.0, 1.0), candidate=candidate, contenders=(world.base, candidate))
    )

    assert candidate.stamp == STAMP
    assert (report.decision.promote, report.decision.recommended) == (False, REFUSED)
    assert "is not a real model" in report.verdict


def test_a_model_of_which_an_emulator_answered_is_stamped_by_its_own_name() -> None:
    emulated = {"azure_openai/gpt-small@m1 at 127.0.0.1", "azure_openai/gpt-small@base at 127.0.0.1"}
    row = student("r", None) | {"backend": "azure_openai", "base_model": "gpt-small"}
    assert tuned_contender(row | {"model_id": "m1"}, emulated).stamp == "an emulator answered for it"
    assert tuned_contender(row | {"model_id": "m12"}, emulated).stamp == ""
    assert base_contender("gpt-small", "azure_openai", emulated).stamp == "an emulator answered for it"
    assert base_contender("gpt-small", "sagemaker_jumpstart", emulated).stamp == ""
