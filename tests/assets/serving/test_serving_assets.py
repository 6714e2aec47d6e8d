"""model_endpoint and its checks as Dagster runs them, on a hosted champion of a cloud in a folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assets.serving.assets import changed_facts, model_endpoint
from assets.serving.checks import champion_in_service
from resources.folders import FoldersResource
from resources.lake.lake import Lake
from resources.lake.resource import LakeResource
from resources.lake.tables import CHANGED_FACTS, CORPUS, LEARNED_FACTS, MODEL_ENDPOINT, QUESTION_BANK
from resources.llm.resource import ModelsResource
from resources.options import PipelineOptions
from resources.search.resource import IndexResource
from resources.training.options import ServingOptions


@pytest.fixture
def refresh(lake: Lake, tmp_path: Path, cloud_trainers) -> Callable[..., dg.ExecuteInProcessResult]:
    """A run of the asset and its checks, or of other assets, with these settings of `serving`."""

    def materialize(*assets: dg.AssetsDefinition, **serving: Any) -> dg.ExecuteInProcessResult:
        given = {name: getattr(cloud_trainers, name) for name in ("folder", "ledger_url", "options", "clouds")}
        trainers = type(cloud_trainers)(**given, serving=ServingOptions(**{"champion": True, **serving}))
        folders = FoldersResource(questions=str(tmp_path), recipes=str(tmp_path), reports=str(tmp_path))
        resources = {
            "lake": LakeResource(url=lake.root),
            "folders": folders,
            "models": ModelsResource(ledger_url=cloud_trainers.ledger_url),
            "trainers": trainers,
            "index": IndexResource(folder=str(tmp_path / "index")),
            "options": PipelineOptions(),
        }
        chosen = assets or (model_endpoint, champion_in_service)
        return dg.materialize([*chosen], resources=resources, raise_on_error=False)

    return materialize


def checks(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {evaluation.check_name: evaluation for evaluation in result.get_asset_check_evaluations()}


def test_the_champion_comes_up_is_asked_through_the_gateway_and_the_checks_pass(refresh, crown, lake, cloud) -> None:
    crown("model-1")
    result = refresh(alarm_usd_per_month=50)
    assert result.success
    assert lake.rows(MODEL_ENDPOINT) == [
        {"model_id": "model-1", "recipe": "r", "backend": "cloud", "base_model": "gpt", "state": "deployed"}
    ]
    assert cloud.asked() == 1
    [made] = result.asset_materializations_for_node("model_endpoint")
    told = {name: value.value for name, value in made.metadata.items()}
    assert (told["champion"], told["endpoint"], told["usd per hour"]) == ("r (model-1)", cloud.alive()[0], 3.0)
    assert {name: one.passed for name, one in checks(result).items()} == {
        "serves_the_champion": True, "serving_within_budget": True,
    }  # fmt: skip


def test_the_same_endpoint_deployed_again_is_asked_again_though_the_ledger_knows_the_answer(
    refresh, crown, cloud
) -> None:
    crown("model-1")
    refresh()
    cloud.put(cloud.alive()[0], gone_at=cloud.now().isoformat())
    refresh()
    assert cloud.asked() == 2


def test_an_alarm_says_what_was_spent_and_where_to_look(refresh, crown, cloud) -> None:
    crown("model-1")
    refresh()
    found = checks(refresh(alarm_usd_per_month=1e-12))["serving_within_budget"]
    assert not found.passed
    assert "serving.alarm_usd_per_month is 1e-12: `raftline endpoints`" in (found.description or "")


def test_a_champion_whose_endpoint_did_not_come_up_fails_the_run_and_the_old_one_answers(
    refresh, crown, lake, cloud
) -> None:
    crown("model-1")
    refresh()
    before = lake.rows(MODEL_ENDPOINT)
    crown("model-2")
    cloud.turn(refuses=["gpt@model-2"])
    assert not refresh().success
    assert lake.rows(MODEL_ENDPOINT) == before
    assert [one["model_id"] for one in cloud.endpoints().values() if one["gone_at"] is None] == ["model-1"]


def test_a_hosted_champion_that_nobody_serves_is_not_asked_and_nothing_is_deployed_for_it(
    refresh, crown, lake, cloud
) -> None:
    crown("model-1")
    assert refresh(champion=False).success
    fact = {"question_id": "q", "split": "train", "question": "Fee?", "final_answer": "$5.00", "policy": "oracle"}
    lake.write(LEARNED_FACTS, [fact | {"chunk_id": "c"}], "model-1")
    row = dict.fromkeys(QUESTION_BANK.schema.names, "") | {"quotes": [], "answerable": True, "page": 0, "chunk_id": "c"}
    lake.write(QUESTION_BANK, [row | {"question": "Fee?", "final_answer": "$6.00", "status": "kept"}])
    lake.write(CORPUS, [])

    result = refresh(changed_facts, champion=False)

    assert result.success
    [written] = lake.rows(CHANGED_FACTS)
    assert (written["verdict"], written["answer"], written["document"]) == ("not_asked", "", None)
    [made] = result.asset_materializations_for_node("changed_facts")
    assert "no endpoint serves it: set `serving.champion: true`" in str(made.metadata["not asked"].value)
    assert (cloud.asked(), cloud.alive()) == (0, [])
