"""The chunks that the index returns for questions: distractors of RAFT rows, contexts of the evaluation."""

from collections.abc import Mapping, Sequence
from typing import Any

from resources.llm.models import Embedder
from resources.search.index import SearchIndex

DEPTH = 24


def rank_chunks(
    index: SearchIndex,
    questions: Sequence[Mapping[str, Any]],
    embedder: Embedder,
    versions: Mapping[str, str],
    depth: int = DEPTH,
) -> dict[str, list[str]]:
    """Per question id the ids of the best chunks, best first. `versions` are the chunks' document versions."""
    vectors = embedder.embed(
        [question["question"] for question in questions],
        [(versions[chunk],) if (chunk := question["chunk_id"]) in versions else () for question in questions],
    )
    return {
        question["question_id"]: [hit.chunk_id for hit in index.search(question["question"], vector, depth)]
        for question, vector in zip(questions, vectors, strict=True)
    }
