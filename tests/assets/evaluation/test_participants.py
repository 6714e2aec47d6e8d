"""Students meet questions through endpoints: who is brought up, who is not, what is asked, and what it costs."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from assets.evaluation.answering import CLOSED_BOOK_INSTRUCTION, requests_of, worked_examples
from assets.evaluation.arms import (
    BASE_CLOSED_BOOK,
    BASE_RAG,
    FEW_SHOT_RAG,
    TUNED_CLOSED_BOOK,
    TUNED_RAG,
)
from assets.evaluation.contenders import Selection
from assets.evaluation.participants import answer_all, answer_test, base_of, tuned
from assets.raft.recipes import Recipe, TrainingRecipe
from resources.lake.tables import RAFT_DATASET
from resources.llm.models import Models
from resources.llm.raft_text import INSTRUCTION
from resources.llm.resource import ModelsResource
from resources.training.base import TrainingUnreachable
from resources.training.serve import Endpoints
from resources.training.serving import DeploymentFailed

RECIPE = Recipe(name="hosted", training=TrainingRecipe(backend="azure_openai", base_model="gpt-small"))


def student(model_id: str, backend: str = "azure_openai") -> dict[str, Any]:
    return {
        "model_id": model_id, "recipe": "hosted", "backend": backend, "base_model": "gpt-small", "spec": "{}",
        "status": "succeeded", "artifact": f"ft:{model_id}", "artifact_files": [], "artifact_hashes": [],
        "dataset_version": "v", "training_rows": [], "metrics": "{}", "provenance": "{}", "stamp": None,
    }  # fmt: skip


def training_row(row_id: str, split: str = "train", tokens: int = 100, policy: str = "oracle") -> dict[str, Any]:
    return {
        "row_id": row_id, "split": split, "question_id": f"q-{row_id}", "question": f"Question {row_id}?",
        "documents": [{"chunk_id": f"c-{row_id}", "title": "Guide", "text": f"Text of {row_id}."}],
        "oracle_index": 0, "oracle_present": policy == "oracle", "policy": policy, "strategy": "raft",
        "oracle_text": "", "target": f"Reason. <ANSWER>: {row_id}", "final_answer": row_id, "origin": "generated",
        "kind": "fact", "group": row_id, "tokens": tokens,
    }  # fmt: skip


@pytest.fixture
def trainers(trainers_with, cloud) -> Any:
    return trainers_with(azure_openai=cloud)


@pytest.fixture
def models(tmp_path) -> Iterator[Models]:
    with ModelsResource(ledger_url=f"sqlite:///{tmp_path / 'ledger.db'}").open("run-1") as opened:
        yield opened


@pytest.fixture
def warnings() -> list[str]:
    return []


@pytest.fixture
def items(make_item) -> list[dict[str, Any]]:
    return [make_item(item_id=f"i{n}", question=f"Question {n}?", condition="retrieved") for n in range(3)]


@pytest.fixture
def answer(lake, models, trainers, items, warnings) -> Callable[..., list[dict[str, Any]]]:
    """Puts the items to participants in a run of its own, each time."""
    runs: list[Endpoints] = []

    def run(*participants: Any, asked: Any = None) -> list[dict[str, Any]]:
        runs.append(Endpoints(trainers, f"run-{len(runs)}", warnings.append))
        return answer_all(participants, items if asked is None else asked, lake, models, runs[-1])

    return run


def test_base_and_tuned_are_deployed_asked_and_taken_down(answer, lake, trainers, cloud) -> None:
    rows = answer(base_of(RECIPE, lake, trainers), tuned(student("m1"), trainers))
    assert [(row["model_id"], row["arm"]) for row in rows] == [("base", "base_rag")] * 3 + [("m1", "tuned_rag")] * 3
    assert {row["status"] for row in rows} == {"ok"}
    assert sorted(cloud.deployed()) == ["gpt-small@base", "gpt-small@m1"]
    assert cloud.alive() == []


def test_answers_in_the_ledger_need_no_endpoint(answer, trainers, cloud) -> None:
    first = answer(tuned(student("m1"), trainers))
    cloud.turn(unreachable=True)
    assert answer(tuned(student("m1"), trainers)) == first
    assert (cloud.deployed(), cloud.asked()) == (["gpt-small@m1"], 3)


def test_one_new_question_brings_the_student_up_for_that_question_alone(
    answer, trainers, cloud, items, make_item
) -> None:
    answer(tuned(student("m1"), trainers))
    more = [*items, make_item(item_id="new", question="And this?", condition="retrieved")]
    assert len(answer(tuned(student("m1"), trainers), asked=more)) == 4
    assert (len(cloud.deployed()), cloud.asked()) == (2, 4)


def test_another_student_inherits_no_answers(answer, trainers, cloud) -> None:
    answer(tuned(student("m1"), trainers))
    answer(tuned(student("m2"), trainers))
    assert cloud.asked() == 6


def test_a_service_that_tells_no_identity_is_deployed_and_still_asked_once(answer, trainers, cloud) -> None:
    cloud.turn(identity=False)
    answer(tuned(student("m1"), trainers))
    answer(tuned(student("m1"), trainers))
    assert (len(cloud.deployed()), cloud.asked()) == (2, 3)


def test_a_participant_that_is_not_needed_may_be_missing(answer, lake, trainers, cloud, warnings) -> None:
    cloud.turn(refuses=["gpt-small@former"])
    rows = answer(tuned(student("m1"), trainers), tuned(student("former"), trainers, needed=False))
    assert {row["model_id"] for row in rows} == {"m1"}
    assert warnings == ["gpt-small@former (azure_openai) does not take part: quota of gpt-small is exhausted"]
    assert cloud.alive() == []


def test_one_that_is_needed_raises_the_services_words_and_nothing_stays_up(answer, lake, trainers, cloud) -> None:
    cloud.turn(refuses=["gpt-small@m1"])
    with pytest.raises(DeploymentFailed, match="quota of gpt-small is exhausted"):
        answer(base_of(RECIPE, lake, trainers), tuned(student("m1"), trainers))
    assert len(cloud.deployed()) == 1
    assert cloud.alive() == []


def test_endpoints_that_are_not_asked_yet_go_too_when_one_fails(answer, trainers, cloud) -> None:
    cloud.turn(outcome="failed")
    with pytest.raises(DeploymentFailed, match="does not start"):
        answer(tuned(student("m1"), trainers), tuned(student("m2"), trainers))
    assert len(cloud.deployed()) == 2
    assert cloud.alive() == []


@pytest.fixture
def meet(lake, models, trainers, items, warnings) -> Callable[..., set[str]]:
    """Which models take part when these candidates, best first, and a champion are put to the test."""

    def run(*candidates: str, champion: str | None = None) -> set[str]:
        rows = [student(model_id) for model_id in candidates]
        selection = Selection(rows[0], (), tuple(rows[1:]))
        endpoints = Endpoints(trainers, "run-1", warnings.append)
        former = student(champion) if champion else None
        answers = answer_test(selection, former, {"hosted": RECIPE}, items, lake, models, endpoints)
        return {row["model_id"] for row in answers}

    return run


def test_the_test_set_meets_base_champion_and_the_selected_candidate_only(meet) -> None:
    assert meet("best", "next", champion="former") == {"base", "best", "former"}


def test_a_champion_that_cannot_be_deployed_does_not_take_the_report_down(meet, cloud, warnings) -> None:
    cloud.turn(refuses=["gpt-small@former"])
    assert meet("best", champion="former") == {"base", "best"}
    assert "does not take part: quota" in warnings[0]


def test_the_next_candidate_steps_in_where_the_selected_one_cannot_be_deployed(meet, cloud, warnings) -> None:
    cloud.turn(refuses=["gpt-small@best"])
    assert meet("best", "next") == {"base", "next"}
    assert warnings == ["hosted (best) does not take part: quota of gpt-small is exhausted"]


def test_where_no_candidate_can_be_asked_the_reason_is_the_services(meet, cloud) -> None:
    cloud.turn(unreachable=True)
    with pytest.raises(TrainingUnreachable, match="credentials expired"):
        meet("best", "next")


def test_a_champion_that_is_the_candidate_is_deployed_once(meet, cloud) -> None:
    assert meet("best", champion="best") == {"base", "best"}
    assert sorted(cloud.deployed()) == ["gpt-small@base", "gpt-small@best"]


def test_capabilities_decide_the_arms(lake, trainers, cloud) -> None:
    lake.write(RAFT_DATASET, [training_row("r1"), training_row("r2", policy="refuse")], "hosted")
    assert base_of(RECIPE, lake, trainers).arms == (BASE_RAG,)
    cloud.turn(capabilities=["rag", "closed_book", "few_shot"])
    assert base_of(RECIPE, lake, trainers).arms == (BASE_RAG, BASE_CLOSED_BOOK, FEW_SHOT_RAG)
    assert tuned(student("m1"), trainers).arms == (TUNED_RAG, TUNED_CLOSED_BOOK)


def test_without_training_rows_there_is_no_few_shot(lake, trainers, cloud) -> None:
    cloud.turn(capabilities=["rag", "closed_book", "few_shot"])
    assert FEW_SHOT_RAG not in base_of(RECIPE, lake, trainers).arms


def test_every_arm_is_asked_in_one_deployment(answer, lake, trainers, cloud) -> None:
    lake.write(RAFT_DATASET, [training_row("r1"), training_row("r2", policy="refuse")], "hosted")
    cloud.turn(capabilities=["rag", "closed_book", "few_shot"])
    rows = answer(base_of(RECIPE, lake, trainers))
    assert [row["arm"] for row in rows] == ["base_rag"] * 3 + ["base_closed_book"] * 3 + ["few_shot"] * 3
    assert len(cloud.deployed()) == 1


def test_worked_examples_are_short_training_rows_of_both_kinds() -> None:
    rows = [
        training_row("tested", "test", tokens=1),
        training_row("validated", "validation", tokens=2),
        training_row("long", tokens=900),
        training_row("short", tokens=50),
        training_row("declines", tokens=70, policy="refuse"),
        training_row("remembers", tokens=10, policy="memorise"),
    ]
    assert [row["row_id"] for row in worked_examples(rows)] == ["short", "declines"]
    assert worked_examples(rows[:2]) == []


def test_few_shot_shows_the_examples_as_turns_before_the_question(lake, trainers, cloud, models, items) -> None:
    lake.write(RAFT_DATASET, [training_row("r1"), training_row("r2", policy="refuse")], "hosted")
    cloud.turn(capabilities=["rag", "closed_book", "few_shot"])
    base = base_of(RECIPE, lake, trainers)
    identity = trainers.deployer("azure_openai").identity(base.student)
    model = models.recorded(identity, base.parameters)

    [request, *_] = requests_of(model, FEW_SHOT_RAG, items, {"c-r1": "version-1"}, base.examples)
    assert [message.role for message in request.messages] == [
        "system", "user", "assistant", "user", "assistant", "user",
    ]  # fmt: skip
    assert request.messages[2].content == "Reason. <ANSWER>: r1"
    assert request.messages[0].content == INSTRUCTION
    assert request.sources == ("version-1",)
    assert dict(request.parameters)["temperature"] == 0.0


def test_an_untrained_model_without_documents_is_not_told_to_answer_from_them(lake, trainers, models, items) -> None:
    base = base_of(RECIPE, lake, trainers)
    model = models.recorded(trainers.deployer("azure_openai").identity(base.student))
    [untrained, *_] = requests_of(model, BASE_CLOSED_BOOK, items, {})
    [trained, *_] = requests_of(model, TUNED_CLOSED_BOOK, items, {})

    assert untrained.messages[0].content == CLOSED_BOOK_INSTRUCTION
    assert trained.messages[0].content == INSTRUCTION
    assert untrained.user_text == trained.user_text == "Question 0?"
    assert untrained.prompt_version != trained.prompt_version
