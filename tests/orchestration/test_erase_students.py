"""What erasing a document does to students: those that may have learned from it are marked, their notes go."""

from typing import Any

import pytest

from orchestration.erase_students import MARK, Target, erase_students
from resources.lake.lake import Lake
from resources.lake.tables import (
    FINE_TUNED_MODEL,
    LEARNED_DOCUMENTS,
    LEARNED_FACTS,
    MODEL_REGISTRY,
    RAFT_DATASET,
)

TARGET = Target(("ferry.pdf",), ("v-ferry",), {})


def student(lake: Lake, model_id: str, recipe: str, parent: str = "") -> dict[str, Any]:
    columns: dict[str, Any] = dict.fromkeys(MODEL_REGISTRY.schema.names, "")
    columns |= {name: [] for name in ("artifact_files", "artifact_hashes", "training_rows")}
    spec = f'{{"parent": "{parent}"}}'
    version = lake.version(RAFT_DATASET, recipe) or ""
    return columns | {
        "model_id": model_id, "recipe": recipe, "spec": spec, "stamp": None, "dataset_version": version,
    }  # fmt: skip


@pytest.fixture
def line(lake: Lake) -> Lake:
    """Two recipes whose datasets know nothing of the ferry: `alone`, and `child` of a model whose dataset is gone."""
    for recipe in ("alone", "child"):
        lake.write(RAFT_DATASET, [], recipe)
    rows = [student(lake, "alone", "alone"), student(lake, "child", "child", "parent")]
    for row in rows:
        lake.write(FINE_TUNED_MODEL, [row], row["recipe"])
    lake.write(MODEL_REGISTRY, [*rows, student(lake, "parent", "gone")])
    fact = {"question_id": "q", "split": "train", "question": "Fare?", "final_answer": "$7", "policy": "oracle"}
    for model_id in ("alone", "child", "parent"):
        lake.write(LEARNED_FACTS, [fact | {"chunk_id": "c"}], model_id)
        documents = [{"document_id": "ferry", "version": "v-ferry"}, {"document_id": "cards", "version": "v-cards"}]
        lake.write(LEARNED_DOCUMENTS, documents, model_id)
    return lake


def test_a_student_goes_with_its_parent_and_is_trained_again(line, tmp_path) -> None:
    erase_students(line, TARGET, tmp_path / "models")
    marks = {row["model_id"]: row["stamp"] for row in line.rows(MODEL_REGISTRY)}
    assert marks == {"alone": None, "child": MARK, "parent": MARK}
    assert line.partitions(FINE_TUNED_MODEL) == ["alone"]


def test_what_marked_models_learned_is_gone_and_the_others_forget_the_version(line, tmp_path) -> None:
    for _ in range(2):  # a killed erasure is run again
        erase_students(line, TARGET, tmp_path / "models")
        assert line.partitions(LEARNED_FACTS) == line.partitions(LEARNED_DOCUMENTS) == ["alone"]
        assert [row["version"] for row in line.rows(LEARNED_DOCUMENTS, "alone")] == ["v-cards"]
