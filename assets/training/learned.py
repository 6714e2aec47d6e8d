"""What a model learned: its questions with their answers, and the documents of its time, kept under its id.

A champion may be older than today's dataset of its recipe, so this is written when the model is made. The tables hold
text of documents: `raftline erase` removes them with the model that they belong to.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assets.raft.similarity import question_key
from assets.raft.splits import TEST, TRAIN
from resources.lake.lake import Lake
from resources.lake.tables import (
    CORPUS,
    FINE_TUNED_MODEL,
    LEARNED_DOCUMENTS,
    LEARNED_FACTS,
    MODEL_REGISTRY,
    QUESTION_BANK,
)
from resources.training.base import TrainingData

Row = Mapping[str, Any]


@dataclass(frozen=True)
class HeldOut:
    """What a test asks: the chunks that answer it, and its questions by what they ask."""

    chunks: frozenset[str]
    questions: frozenset[tuple[str, ...]]

    def meets(self, fact: Row) -> bool:
        """Whether a fact answers a question of the test, or asks the same."""
        return fact["chunk_id"] in self.chunks or question_key(fact["question"]) in self.questions


def held_out(rows: Iterable[Row]) -> HeldOut:
    """Of rows of `question_bank` or `evaluation_set`, those of the test."""
    test = [row for row in rows if row["split"] == TEST]
    chunks = frozenset(row["chunk_id"] for row in test if row["chunk_id"])
    return HeldOut(chunks, frozenset(question_key(row["question"]) for row in test))


def remember(lake: Lake, model_id: str, composed: Sequence[Row], data: TrainingData) -> None:
    """Keeps what a model learned. `composed` are the rows of its dataset, `data` those that its trainer was given."""
    given = {row["row_id"] for row in (*data.train, *data.validation)}
    chunk_of = {row["question_id"]: row["chunk_id"] for row in lake.rows_or_empty(QUESTION_BANK)}
    columns = ("question_id", "split", "question", "final_answer", "policy")
    facts = [
        {**{name: row[name] for name in columns}, "chunk_id": chunk_of.get(row["question_id"])}
        for row in composed
        if row["row_id"] in given
    ]
    versions = {(row["document_id"], row["version"]) for row in lake.rows_or_empty(CORPUS)}
    lake.write(LEARNED_FACTS, facts, model_id)
    lake.write(
        LEARNED_DOCUMENTS, [{"document_id": document, "version": version} for document, version in versions], model_id
    )


def forget(lake: Lake, kept: Iterable[str], versions: Iterable[str]) -> None:
    """Removes what models learned but for those that are `kept`; of these, the versions that are gone for good."""
    kept, gone = set(kept), set(versions)
    for table in (LEARNED_FACTS, LEARNED_DOCUMENTS):
        for model_id in set(lake.partitions(table)) - kept:
            lake.delete(table, model_id)
    for model_id in lake.partitions(LEARNED_DOCUMENTS):
        rows = lake.rows(LEARNED_DOCUMENTS, model_id)
        left = [row for row in rows if row["version"] not in gone]
        if len(left) < len(rows):
            lake.write(LEARNED_DOCUMENTS, left, model_id)


def facts_of(lake: Lake, model_id: str) -> list[dict[str, Any]] | None:
    """The questions and answers that a model was trained on; None if they were not kept."""
    return lake.rows(LEARNED_FACTS, model_id) if lake.version(LEARNED_FACTS, model_id) else None


def versions_known(lake: Lake, model_id: str) -> frozenset[str] | None:
    """The versions of the documents that were current when a model was trained; None if they were not kept."""
    if lake.version(LEARNED_DOCUMENTS, model_id) is None:
        return None
    return frozenset(row["version"] for row in lake.rows(LEARNED_DOCUMENTS, model_id))


def line_of(lake: Lake, model_id: str) -> list[str]:
    """A model, its parent, its parent's parent and so on, as far as they are known."""
    parents = {row["model_id"]: parent_of(row) for row in _models(lake)}
    line = [model_id]
    while (parent := parents.get(line[-1])) and parent not in line:
        line.append(parent)
    return line


def parent_of(row: Row) -> str:
    """The model that a model went on from; empty if it began at its base."""
    return json.loads(row["spec"]).get("parent", "") if row["spec"] else ""


def shared_with(lake: Lake, model_id: str, test: HeldOut) -> int | None:
    """How many rows that a model trained on, or one that it went on from, the test asks about; None if not known."""
    kept = [facts_of(lake, member) for member in line_of(lake, model_id)]
    if any(facts is None for facts in kept):
        return None
    return sum(count_shared(facts or (), test) for facts in kept)


def count_shared(facts: Iterable[Row], test: HeldOut) -> int:
    """How many of these facts were trained on, and the test asks about."""
    return sum(fact["split"] == TRAIN and test.meets(fact) for fact in facts)


def contamination(lake: Lake, model_id: str, test: HeldOut) -> str:
    """Why a model may not meet a test, or an empty text."""
    shared = shared_with(lake, model_id, test)
    return f"the test asks about {shared} of the rows that it or its parents trained on" if shared else ""


def _models(lake: Lake) -> list[dict[str, Any]]:
    """Every model that is registered or about to be."""
    fresh = [row for recipe in lake.partitions(FINE_TUNED_MODEL) for row in lake.rows(FINE_TUNED_MODEL, recipe)]
    return [*lake.rows_or_empty(MODEL_REGISTRY), *fresh]
