"""Promotion on a home: who decides for which backend, and which models may not become champion."""

from typing import Any

import pytest

from assets.evaluation.decisions import ChampionDecision, record
from assets.evaluation.promotion import fold_champion, promotion_of, told, why_unfit
from resources.folders import FoldersResource
from resources.lake.tables import CHAMPION_MODEL, EVAL_REPORT, MODEL_REGISTRY
from resources.training.options import ServingOptions


@pytest.mark.parametrize(
    ("setting", "backend", "who"),
    [
        ("default", "embedded", "auto"),
        ("default", "local", "manual"),
        ("default", "azure_openai", "manual"),
        ("auto", "sagemaker_jumpstart", "auto"),
        ("manual", "embedded", "manual"),
    ],
)
def test_by_default_the_gate_promotes_embedded_students_alone(setting, backend, who) -> None:
    assert promotion_of(ServingOptions(promotion=setting), backend) == who


@pytest.fixture
def folders(tmp_path) -> FoldersResource:
    place = str(tmp_path)
    return FoldersResource(questions=place, recipes=place, reports=place, decisions=str(tmp_path / "decisions"))


@pytest.fixture
def report(lake):
    """Writes a hosted student's row and a report whose gate it passed."""

    def write(stamp: str | None = None) -> None:
        row: dict[str, Any] = dict.fromkeys(MODEL_REGISTRY.schema.names, "")
        row |= {name: [] for name in ("artifact_files", "artifact_hashes", "training_rows")}
        lake.write(MODEL_REGISTRY, [row | {"model_id": "m", "backend": "cloud", "provenance": "{}", "stamp": stamp}])
        lines: dict[str, Any] = dict.fromkeys(EVAL_REPORT.schema.names, "")
        lake.write(EVAL_REPORT, [lines | {"model_id": "m", "promote": True, "verdict": "m wins", "sha256": "r"}])

    return write


def test_a_hosted_student_is_proposed_approved_and_told_of(lake, folders, cloud_trainers, report) -> None:
    report()
    proposed = fold_champion(lake, folders, cloud_trainers)
    assert told(proposed) == {
        "champion": "base", "decision": "propose", "by": "the gate", "reason": "m wins", "proposed": "m",
        "to decide": "raftline champion approve | reject",
    }  # fmt: skip
    lake.write(CHAMPION_MODEL, proposed)
    at = "2026-11-21T07:00:00+00:00"
    record(folders.decisions_path, ChampionDecision("approve", "m", len(proposed), "ada", at, report="r"))
    crowned = fold_champion(lake, folders, cloud_trainers)
    assert told(crowned) == {
        "champion": "m", "decision": "promote", "by": "ada", "at": at, "reason": "none was given",
    }  # fmt: skip
    lake.write(CHAMPION_MODEL, crowned)
    assert fold_champion(lake, folders, cloud_trainers) == crowned


def test_a_stamped_or_unknown_model_may_not_become_champion(lake, folders, cloud_trainers, report) -> None:
    report("it learned from an emulator's answers")
    assert why_unfit(lake, cloud_trainers, "m") == "m is not a real model: it learned from an emulator's answers"
    assert why_unfit(lake, cloud_trainers, "x") == "no model x is registered"
    assert [row["action"] for row in fold_champion(lake, folders, cloud_trainers)] == ["start"]


def test_a_hosted_model_that_was_exchanged_at_its_service_may_not_become_champion(
    lake, folders, cloud_trainers, cloud, report
) -> None:
    report()
    cloud.turn(exchanged=True)
    assert why_unfit(lake, cloud_trainers, "m") == "model m is not what its job left there"
    assert [row["action"] for row in fold_champion(lake, folders, cloud_trainers)] == ["start"]
    cloud.turn(unreachable=True)
    assert why_unfit(lake, cloud_trainers, "m") == "", "its deployment verifies it again"
