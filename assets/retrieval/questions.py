"""What retrieval is measured on: the corpus with its vectors, and questions whose chunk is known."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from assets.corpus import section_group, versions_of
from assets.retrieval.measures import RetrievalQuestion
from resources.errors import LakeError
from resources.hashing import seeded_unit
from resources.lake.lake import Lake
from resources.lake.tables import CHUNK_EMBEDDINGS, CORPUS, QA_PAIRS
from resources.llm.models import Embedder
from resources.options import EvaluationOptions

Row = dict[str, Any]


def embedded_chunks(lake: Lake, model: str) -> tuple[list[Row], list[np.ndarray]]:
    """The current corpus and one vector per chunk, in the same order.

    Raises `LakeError` if a chunk was never embedded with this model.
    """
    vectors: dict[str, Any] = {}
    for batch in lake.partitions(CHUNK_EMBEDDINGS):
        table = lake.read(CHUNK_EMBEDDINGS, batch)
        values = table.column("vector")
        for position, (chunk, owner) in enumerate(
            zip(table.column("chunk_id").to_pylist(), table.column("model").to_pylist(), strict=True)
        ):
            if owner == model:
                vectors[chunk] = values[position]
    chunks = lake.rows(CORPUS)
    missing = [chunk["chunk_id"] for chunk in chunks if chunk["chunk_id"] not in vectors]
    if missing:
        raise LakeError(
            f"{len(missing)} chunks have no vector of {model} (first: {missing[0]}): "
            "materialize chunk_embeddings for all batches"
        )
    return chunks, [np.asarray(vectors[chunk["chunk_id"]].as_py(), dtype=np.float32) for chunk in chunks]


def retrieval_questions(
    lake: Lake, corpus: Sequence[Row], external: Sequence[Row], embedder: Embedder, options: EvaluationOptions
) -> list[RetrievalQuestion]:
    """Accepted generated questions (a seeded sample) and mapped external ones, over the current corpus."""
    by_chunk = {chunk["chunk_id"]: chunk for chunk in corpus}
    generated = {
        row["question_id"]: row
        for batch in lake.partitions(QA_PAIRS)
        for row in lake.rows(QA_PAIRS, batch)
        if row["accepted"] and row["chunk_id"] in by_chunk
    }
    sampled = sorted(generated.values(), key=lambda row: seeded_unit(options.seed, row["question_id"]))
    asked = sampled[: options.generated_limit] + [row for row in external if row["chunk_id"] in by_chunk]
    versions = versions_of(corpus)
    vectors = embedder.embed([row["question"] for row in asked], [(versions[row["chunk_id"]],) for row in asked])
    return [
        RetrievalQuestion(
            row["question_id"],
            row["question"],
            vector,
            frozenset({row["chunk_id"]}),
            row["origin"],
            section_group(by_chunk[row["chunk_id"]]),
        )
        for row, vector in zip(asked, vectors, strict=True)
    ]
