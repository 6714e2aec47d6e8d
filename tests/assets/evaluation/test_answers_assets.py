"""The assets that ask hosted students: what they deploy, show and cost, and what a second run costs."""

from collections.abc import Callable
from typing import Any

import dagster as dg
import pytest

from assets.evaluation.assets import model_answers, test_answers
from assets.evaluation.metrics import score_answers
from assets.partitions import training_recipes
from resources.folders import FoldersResource
from resources.lake.resource import LakeResource
from resources.lake.tables import (
    ANSWER_SCORES,
    CHAMPION_MODEL,
    CORPUS,
    EVALUATION_SET,
    FINE_TUNED_MODEL,
    LEARNED_FACTS,
    MODEL_ANSWERS,
    MODEL_REGISTRY,
    TEST_ANSWERS,
)
from resources.llm.resource import ModelsResource
from resources.options import PipelineOptions
from resources.training.serving import DeploymentFailed

test_answers.__test__ = False  # an asset, not a test
RECIPE = "name: hosted\ntraining: {backend: azure_openai, base_model: gpt-small}\n"


def student(model_id: str) -> dict[str, Any]:
    return {
        "model_id": model_id, "recipe": "hosted", "backend": "azure_openai", "base_model": "gpt-small", "spec": "{}",
        "status": "succeeded", "artifact": f"ft:{model_id}", "artifact_files": [], "artifact_hashes": [],
        "dataset_version": "v", "training_rows": [], "metrics": "{}", "provenance": "{}", "stamp": None,
    }  # fmt: skip


@pytest.fixture
def make(tmp_path, lake, cloud, trainers_with, make_item) -> Callable[..., dict[str, Any]]:
    """Materializes an asset over two validation items and a test item; what it showed."""
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "hosted.yaml").write_text(RECIPE)
    split_of = {"v1": "validation", "v2": "validation", "t1": "test"}
    items = [make_item(item_id=name, question=f"And {name}?", split=split) for name, split in split_of.items()]
    lake.write(CORPUS, [])
    lake.write(EVALUATION_SET, items)
    lake.write(FINE_TUNED_MODEL, [student("m1")], "hosted")
    resources = {
        "lake": LakeResource(url=str(tmp_path / "lake")),
        "folders": FoldersResource(
            questions=str(tmp_path), recipes=str(tmp_path / "recipes"), reports=str(tmp_path / "reports")
        ),
        "models": ModelsResource(ledger_url=f"sqlite:///{tmp_path / 'ledger.db'}"),
        "trainers": trainers_with(azure_openai=cloud),
        "options": PipelineOptions(),
    }

    def run(asset: dg.AssetsDefinition, partition: str | None = None) -> dict[str, Any]:
        with dg.DagsterInstance.ephemeral() as instance:
            instance.add_dynamic_partitions(training_recipes.name or "", ["hosted"])
            wanted = {key: resources[key] for key in asset.required_resource_keys & resources.keys()}
            result = dg.materialize([asset], resources=wanted, partition_key=partition, instance=instance)
            [made] = result.asset_materializations_for_node(asset.key.path[-1])
        return {name: value.value for name, value in made.metadata.items()}

    return run


def test_validation_answers_show_what_their_endpoints_cost_and_come_free_again(make, lake, cloud) -> None:
    first = make(model_answers, "hosted")
    version = lake.version(MODEL_ANSWERS, "hosted")
    again = make(model_answers, "hosted")

    assert {row["model_id"] for row in lake.rows(MODEL_ANSWERS, "hosted")} == {"base", "m1"}
    assert len(first["endpoints"]) == 2
    assert first["endpoints (USD)"] >= 0.0
    assert "endpoints" not in again
    assert lake.version(MODEL_ANSWERS, "hosted") == version
    assert len(cloud.deployed()) == 2
    assert cloud.alive() == []


def test_a_student_that_cannot_be_deployed_fails_its_recipe_in_the_services_words(make, cloud) -> None:
    cloud.turn(deploy="refused")
    with pytest.raises(DeploymentFailed, match="quota of gpt-small is exhausted"):
        make(model_answers, "hosted")


@pytest.fixture
def former(make, lake, make_answer) -> None:
    """A scored candidate `m1`, and a champion `former`."""
    items = [row for row in lake.rows(EVALUATION_SET) if row["split"] == "validation"]
    ids = [row["item_id"] for row in items]
    answers = [make_answer(answer_id=name, item_id=name, model_id="m1", arm="tuned_rag") for name in ids]
    lake.write(ANSWER_SCORES, score_answers(items, answers), "hosted")
    lake.write(MODEL_REGISTRY, [student("m1"), student("former")])
    decision = {field.name: 0 if field.name == "decision" else "" for field in CHAMPION_MODEL.schema}
    lake.write(CHAMPION_MODEL, [decision | {"action": "promote", "model_id": "former", "champion": "former"}])


@pytest.mark.usefixtures("former")
def test_a_champion_that_trained_on_what_the_test_asks_does_not_meet_it(make, lake, cloud) -> None:
    fact = {"question_id": "q", "split": "train", "question": "And t1?", "final_answer": "$5", "policy": "oracle"}
    lake.write(LEARNED_FACTS, [fact | {"chunk_id": None}], "former")
    shown = make(test_answers)
    assert {row["model_id"] for row in lake.rows(TEST_ANSWERS)} == {"base", "m1"}
    assert "the test asks about 1 of the rows" in shown["the champion does not take part"]
    assert "gpt-small@former" not in str(cloud.deployed())


@pytest.mark.usefixtures("former")
def test_the_report_goes_on_without_a_champion_that_cannot_be_deployed(make, lake, cloud) -> None:
    cloud.turn(refuses=["gpt-small@former"])
    make(test_answers)

    assert {row["model_id"] for row in lake.rows(TEST_ANSWERS)} == {"base", "m1"}
    assert cloud.alive() == []
