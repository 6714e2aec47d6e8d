"""What is to be erased, and the students that learned from it: datasets and files removed, models marked."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assets.evaluation.champion import GATE, retire
from assets.training.learned import forget, line_of
from orchestration.console import counted
from resources.corpus.manifest import document_id
from resources.lake.lake import Lake
from resources.lake.tables import (
    CHAMPION_MODEL,
    CHUNKS,
    FINE_TUNED_MODEL,
    MODEL_REGISTRY,
    QA_PAIRS,
    QUESTION_BANK,
    RAFT_DATASET,
)

MARK = "it learned from a document that was erased"


@dataclass(frozen=True)
class Target:
    """What is to be erased: a document, with every copy of its bytes, in all versions.

    `stamps` are those under which its source listed each path.
    """

    uris: tuple[str, ...]
    versions: tuple[str, ...]
    stamps: Mapping[str, tuple[str, ...]]

    @property
    def document_ids(self) -> tuple[str, ...]:
        return tuple(document_id(uri) for uri in self.uris)


def clean_datasets(lake: Lake, target: Target) -> dict[str, str]:
    """The versions of the datasets that do not hold the document, by recipe."""
    chunks, questions = _derived(lake, target)
    versions = {}
    for recipe in lake.partitions(RAFT_DATASET):
        held = any(
            row["question_id"] in questions or any(document["chunk_id"] in chunks for document in row["documents"])
            for row in lake.rows(RAFT_DATASET, recipe)
        )
        if not held:
            versions[recipe] = lake.version(RAFT_DATASET, recipe) or ""
    return versions


def erase_students(lake: Lake, target: Target, folder: Path) -> list[str]:
    """Removes datasets and models that hold the document, marks the models, and sends the champion back to base."""
    versions = clean_datasets(lake, target)
    clean: set[str] = set()
    for recipe in lake.partitions(RAFT_DATASET):
        if recipe in versions:
            students = lake.rows_or_empty(FINE_TUNED_MODEL, recipe)
            clean |= {row["model_id"] for row in students if row["dataset_version"] == versions[recipe]}
        else:
            drop(lake, RAFT_DATASET.name, recipe)
            lake.delete_files(f"datasets/{recipe}")
            drop(lake, FINE_TUNED_MODEL.name, recipe)
    clean = _with_clean_parents(lake, clean)
    forget(lake, clean, target.versions)
    registry = [{"stamp": None, **row} for row in lake.rows_or_empty(MODEL_REGISTRY)]
    marked = [str(row["model_id"]) for row in registry if row["model_id"] not in clean]
    if registry:
        lake.write(MODEL_REGISTRY, [row | ({"stamp": MARK} if row["model_id"] in marked else {}) for row in registry])
    for model in sorted(folder.iterdir()) if folder.is_dir() else ():
        if model.name not in clean:
            shutil.rmtree(model) if model.is_dir() else model.unlink()
    _retire(lake, marked, target)
    students = counted(len(marked), "student")
    return [f"{students} marked as having learned from it, or perhaps; files of theirs removed"]


def _with_clean_parents(lake: Lake, clean: set[str]) -> set[str]:
    """The models whose parents are clean, too; the student of a recipe that went on from another goes with it."""
    whole = {model_id for model_id in clean if clean.issuperset(line_of(lake, model_id))}
    for recipe in lake.partitions(FINE_TUNED_MODEL):
        if any(row["model_id"] in clean - whole for row in lake.rows(FINE_TUNED_MODEL, recipe)):
            drop(lake, FINE_TUNED_MODEL.name, recipe)
    return whole


def _retire(lake: Lake, marked: Sequence[str], target: Target) -> None:
    history = retire(lake.rows_or_empty(CHAMPION_MODEL), marked, MARK)
    if history:
        lake.write(CHAMPION_MODEL, [row | {"reason": _plain(row, target)} for row in history])


def _plain(decision: Mapping[str, Any], target: Target) -> str:
    """The reason without what a verdict may quote, or a person may name."""
    if decision["by"] == GATE:
        return "its report was removed when a document was erased"
    named = any(Path(uri).name in decision["reason"] for uri in target.uris)
    return "it named a document that was erased" if named else decision["reason"]


def _derived(lake: Lake, target: Target) -> tuple[set[str], set[str]]:
    """The ids of the document's chunks and of the questions about it."""
    chunks = {row["chunk_id"] for batch in lake.partitions(CHUNKS) for row in _own(lake, CHUNKS.name, batch, target)}
    questions = {
        row["question_id"] for batch in lake.partitions(QA_PAIRS) for row in _own(lake, QA_PAIRS.name, batch, target)
    }
    bank = lake.rows_or_empty(QUESTION_BANK)
    return chunks, questions | {row["question_id"] for row in bank if row["document_id"] in target.document_ids}


def _own(lake: Lake, table: str, batch: str, target: Target) -> list[dict[str, Any]]:
    return [row for row in lake.rows(table, batch) if row["document_id"] in target.document_ids]


def drop(lake: Lake, name: str, partition: str) -> None:
    """Removes a partition, and what it was made from."""
    lake.drop_fingerprint(name, partition)
    lake.delete(name, partition)
