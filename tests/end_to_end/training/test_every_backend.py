"""The whole graph with every backend from recipe files: one job each however often it is killed, one report, nothing left."""

import json
import os
import signal
from typing import Any

import dagster as dg
import pytest
import yaml

from resources.llm.ledger import Ledger
from resources.training.book import TrainingBook
from tests.end_to_end.conftest import succeeded
from tests.end_to_end.homes import instance_of
from tests.end_to_end.training.home import recipe_name
from tests.end_to_end.training.services import HOSTED

pytestmark = pytest.mark.slow

BACKENDS = ("azure_openai", "local", "embedded", "sagemaker_jumpstart")
"""In the order of their recipes."""

STAMPS = {
    "azure_openai": "it was trained by an emulator of Azure OpenAI",
    "embedded": None,
    "local": "the weights of its base model tiny are random",
    "sagemaker_jumpstart": "it was trained by an emulator of SageMaker",
}


@pytest.fixture
def students(ordeal) -> dict[str, dict[str, Any]]:
    """The registry's rows by backend."""
    return {row["backend"]: row for row in ordeal.home.rows("model_registry")}


@pytest.fixture
def report(ordeal) -> dict[str, Any]:
    return json.loads((ordeal.home.path / "reports" / "eval_report.json").read_text(encoding="utf-8"))


def booked(ordeal) -> list[Any]:
    ledger = Ledger(f"sqlite:///{ordeal.home.path / 'ledger.db'}")
    try:
        return TrainingBook(ledger).history(20)
    finally:
        ledger.close()


def test_every_backend_trains_and_evaluates_from_its_recipe_through_the_same_assets(ordeal, students) -> None:
    succeeded(ordeal.ends[0])
    assert set(students) == set(BACKENDS)
    items = {row["item_id"] for row in ordeal.home.rows("evaluation_set") if row["split"] == "validation"}
    for backend, student in students.items():
        recipe = recipe_name(backend)
        [row] = ordeal.home.rows("fine_tuned_model", recipe)
        assert (row["model_id"], row["base_model"]) == (student["model_id"], student["base_model"])
        dataset = {row["row_id"] for row in ordeal.home.rows("raft_dataset", recipe)}
        assert set(student["training_rows"]) <= dataset
        answers = ordeal.home.rows("model_answers", recipe)
        tuned = [row for row in answers if (row["model_id"], row["arm"]) == (student["model_id"], "tuned_rag")]
        assert {row["item_id"] for row in tuned} == items
        statuses = {row["status"] for row in tuned}
        assert statuses <= {"ok", "invalid"}, "every question was answered, if not in the form that was asked for"
        assert ("ok" in statuses) is (backend != "local"), "a model made at random has no form"
        scored = {row["item_id"] for row in ordeal.home.rows("answer_scores", recipe) if row["arm"] == "tuned_rag"}
        assert scored == items


def test_all_students_are_in_the_same_report(students, report) -> None:
    assert [row["model"] for row in report["validation"]] == [
        f"{recipe_name(backend)} ({students[backend]['model_id'][:8]}) + documents" for backend in BACKENDS
    ]


@pytest.mark.parametrize("backend", HOSTED)
def test_a_job_outlives_the_runs_that_are_killed_and_is_the_only_one(ordeal, students, backend) -> None:
    [seen] = ordeal.killed_in_training[backend]
    [job] = ordeal.jobs[backend]
    assert job["name"] == seen["name"]
    assert students[backend]["artifact"] == job["model"]
    [entry] = [one for one in booked(ordeal) if one.backend == backend]
    assert (entry.handle.job_id, entry.attempt, entry.status, entry.told) == (job["name"], 1, "succeeded", True)
    assert not entry.real


@pytest.mark.parametrize("backend", HOSTED)
def test_what_is_deployed_is_the_tuned_model(ordeal, students, backend) -> None:
    [job] = ordeal.jobs[backend]
    loaded = ordeal.loaded[backend]
    assert set(loaded) == {"base", students[backend]["model_id"]}
    assert loaded[students[backend]["model_id"]] == [job["model"]]
    assert job["model"] not in loaded["base"]


def test_the_endpoints_of_a_killed_evaluation_end_with_their_time_and_so_do_their_costs(ordeal) -> None:
    early, late = ordeal.sweeps
    for backend in HOSTED:
        assert len(ordeal.loaded[backend]) == 2, "base and tuned were up when it was killed"
        assert ordeal.after_sweeps[0][backend] == ordeal.killed_in_evaluation[backend]
        assert ordeal.after_sweeps[1][backend] == []
    assert (early.removed, early.waiting, early.problems) == ([], [], [])
    assert (len(late.removed), late.waiting, late.problems) == (4, [], [])
    assert all(cost > 0 for cost in ordeal.spent[0].values())
    assert ordeal.spent[0] == ordeal.spent[1], "the counter stands still while a hundred hours pass"


def test_after_a_refresh_nothing_is_left_at_the_services_and_another_one_orders_nothing(ordeal) -> None:
    assert ordeal.left == {backend: [] for backend in HOSTED}
    assert "everything is up to date" in succeeded(ordeal.ends[1]).text
    assert ordeal.orders[0] == ordeal.orders[1]


def test_what_is_no_real_model_is_shown_as_such_and_neither_ranked_nor_promoted(ordeal, students, report) -> None:
    assert {backend: student["stamp"] for backend, student in students.items()} == STAMPS
    told = dict(zip(BACKENDS, (row["utility"] for row in report["validation"]), strict=True))
    real = float(told.pop("embedded"))
    assert -1 <= real <= 1
    assert set(told.values()) == {"not a real model: not ranked"}
    assert report["candidate"] == f"{students['embedded']['model_id']}/tuned_rag"
    assert {one["model_id"] for one in report["contenders"]} == {"base", students["embedded"]["model_id"]}
    assert {row["model_id"] for row in ordeal.home.rows("champion_model")} <= {None, students["embedded"]["model_id"]}


def test_a_run_that_a_person_cancels_ends_its_job_at_the_service(ordeal, services) -> None:
    recipe = ordeal.home.recipe("azure_openai")
    content = yaml.safe_load(recipe.read_text(encoding="utf-8"))
    content["training"]["seed"] = 99
    recipe.write_text(yaml.safe_dump(content), encoding="utf-8")
    services.keep_training()
    process = ordeal.home.start("refresh")
    ordeal.home.wait_until(lambda: services.running("azure_openai"), process)
    with instance_of(ordeal.home.path) as instance:
        [run] = [run for run in instance.get_runs() if not run.is_finished]
        instance.report_run_canceling(run)  # what terminating a run does, and then:
        os.kill(process, signal.SIGINT)
        assert ordeal.home.warm.wait() != 0
        assert instance.get_run_by_id(run.run_id).status is dg.DagsterRunStatus.CANCELED
    finished, cancelled = services.jobs("azure_openai")
    assert finished == ordeal.jobs["azure_openai"][0]
    assert cancelled["status"] == "cancelled"
    [entry] = [one for one in booked(ordeal) if one.handle.job_id == cancelled["name"]]
    assert entry.ending == "cancelled"
