"""The asset: free and empty without a judge, resumable and repeatable with one."""

import dagster as dg
import pytest

from assets.evaluation.assets import judge_scores
from resources.lake.lake import Lake
from resources.lake.resource import LakeResource
from resources.lake.tables import CORPUS, EVALUATION_SET, JUDGE_SCORES, TEST_ANSWERS
from resources.llm.resource import ModelsResource
from resources.options import JudgeOptions, PipelineOptions


@pytest.fixture
def materialize(tmp_path, make_item, make_answer):
    """Makes `judge_scores` over one item that two arms answered; returns the lake, the materialization and its data version."""

    def run(roles, **options):
        lake = Lake(tmp_path / "lake")
        lake.write(CORPUS, [])
        lake.write(EVALUATION_SET, [make_item(condition="retrieved")])
        lake.write(TEST_ANSWERS, [make_answer(answer_id=arm, arm=arm) for arm in ("base_rag", "tuned_rag")])
        result = dg.materialize(
            [judge_scores],
            resources={
                "lake": LakeResource(url=str(tmp_path / "lake")),
                "models": ModelsResource(ledger_url=f"sqlite:///{tmp_path / 'ledger.db'}", roles=roles),
                "options": PipelineOptions(judge=JudgeOptions(**options)),
            },
        )
        [made] = result.asset_materializations_for_node("judge_scores")
        return lake, made, lake.version(JUDGE_SCORES)

    return run


def test_without_a_judge_the_table_is_empty_and_no_ledger_is_opened(materialize, tmp_path) -> None:
    lake, made, _ = materialize({})

    assert lake.rows(JUDGE_SCORES) == []
    assert "none is configured" in made.metadata["judge"].value
    assert not (tmp_path / "ledger.db").exists()


def test_with_a_judge_equal_runs_give_equal_tables_and_the_second_is_free(materialize, emulator, monkeypatch) -> None:
    pytest.importorskip("ragas", reason="RAGAS comes with the eval extra")
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", emulator.key)
    role = {"provider": "azure_openai", "endpoint": emulator.url, "model": "gpt-4o-2024-08-06", "deployment": "gpt-4o"}

    lake, made, version = materialize({"judge": role}, metrics=["faithfulness", "context_recall"])
    asked = emulator.requests()
    _, _, again = materialize({"judge": role}, metrics=["faithfulness", "context_recall"])

    assert {row["status"] for row in lake.rows(JUDGE_SCORES)} == {"ok"}
    assert made.metadata["calls needed, repairs aside"].value == 2 * (2 + 1)
    assert "not a real model" in made.metadata
    assert (again, emulator.requests()) == (version, asked)
