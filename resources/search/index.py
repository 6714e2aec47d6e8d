"""The search index: BM25 over our tokens, exact dense vectors, and their fusion, in one folder of plain files.

BM25 is fitted with bm25s; searching needs numpy alone. Whatever is fitted on the corpus (vocabulary, IDF,
document lengths) lives in here and nowhere else. Equal chunks give equal bytes, in whatever order they come.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from resources.search import index_files
from resources.search.fusion import fuse
from resources.search.tokenizer import STOP_WORDS, TOKENIZER, tokens

Mode = Literal["bm25", "dense", "hybrid"]
MODES: tuple[Mode, ...] = ("bm25", "dense", "hybrid")

K1, B = 1.5, 0.75
CANDIDATES = 150
"""How deep each ranking goes into the fusion."""

FUSION_WEIGHTS = (1.0, 0.2)
"""BM25, dense. Chosen for the hashed embedder, which sees the words that BM25 sees, but no IDF: on public code
questions equal weights cost 8 points of MRR against BM25 alone, these cost 1, and what is misspelt is still found.
An embedder that knows meanings deserves 1.0. LSA fitted here fused no better than BM25 alone, so there is none.
"""

_SCORE_DIGITS = 9


@dataclass(frozen=True)
class Hit:
    """A chunk found. Ranks count from 1 and are None where that ranking did not find the chunk."""

    chunk_id: str
    score: float
    bm25_rank: int | None
    dense_rank: int | None


@dataclass(frozen=True)
class Postings:
    """BM25 scores by token, column-compressed: token i scores `scores[starts[i]:starts[i + 1]]` at `rows[...]`."""

    vocabulary: tuple[str, ...]
    starts: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int32]
    scores: npt.NDArray[np.float32]


class SearchIndex:
    """The chunks of a corpus, searchable by words, by vector or by both. Rows are sorted by chunk id."""

    def __init__(
        self,
        chunk_ids: Sequence[str],
        postings: Postings,
        vectors: npt.NDArray[np.float32],
        weights: tuple[float, float] = FUSION_WEIGHTS,
    ):
        self.chunk_ids = tuple(chunk_ids)
        self.postings = postings
        self.vectors = vectors
        self.weights = weights
        self._token_rows = {token: row for row, token in enumerate(postings.vocabulary)}

    def __len__(self) -> int:
        return len(self.chunk_ids)

    @classmethod
    def build(
        cls,
        chunk_ids: Sequence[str],
        texts: Sequence[str],
        vectors: Sequence[Sequence[float] | npt.NDArray[np.float32]] | npt.NDArray[np.float32],
        weights: tuple[float, float] = FUSION_WEIGHTS,
    ) -> "SearchIndex":
        """The index over `texts` (the contextual texts) and their vectors, both in the order of `chunk_ids`."""
        if not len(chunk_ids) == len(texts) == len(vectors):
            raise ValueError(f"{len(chunk_ids)} chunk ids, {len(texts)} texts and {len(vectors)} vectors")
        if len(set(chunk_ids)) < len(chunk_ids):
            raise ValueError("chunk ids repeat")
        order = sorted(range(len(chunk_ids)), key=lambda row: chunk_ids[row])
        dense = np.array([vectors[row] for row in order], dtype=np.float32)
        return cls(
            [chunk_ids[row] for row in order],
            fit_postings([tokens(texts[row], STOP_WORDS) for row in order]),
            dense if order else dense.reshape(0, 0),
            weights,
        )

    def save(self, folder: Path) -> str:
        """Writes the index into `folder` in one atomic step; returns its content hash."""
        arrays = {
            "starts": self.postings.starts,
            "rows": self.postings.rows,
            "scores": self.postings.scores,
            "vectors": self.vectors,
        }
        values = {
            "chunk_ids": self.chunk_ids,
            "vocabulary": self.postings.vocabulary,
            "settings": {"tokenizer": TOKENIZER, "k1": K1, "b": B, "weights": self.weights},
        }
        return index_files.write(folder, arrays, values)

    @classmethod
    def load(cls, folder: Path) -> "SearchIndex":
        """The index saved in `folder`, every file checked against its hash. Raises `UnusableIndex`."""
        arrays, values = index_files.read(folder)
        settings = values["settings"]
        if settings["tokenizer"] != TOKENIZER:
            raise index_files.UnusableIndex(folder, f"it was built with the tokenizer {settings['tokenizer']}")
        postings = Postings(tuple(values["vocabulary"]), arrays["starts"], arrays["rows"], arrays["scores"])
        return cls(values["chunk_ids"], postings, arrays["vectors"], tuple(settings["weights"]))

    def search(
        self,
        query_text: str,
        query_vector: Sequence[float] | npt.NDArray[np.float32] | None,
        k: int = 10,
        mode: Mode = "hybrid",
    ) -> list[Hit]:
        """The best `k` chunks, equal scores by chunk id. Only `bm25` does without a query vector."""
        if mode not in MODES:
            raise ValueError(f"mode {mode!r} is none of {', '.join(MODES)}")
        depth = max(k, CANDIDATES)
        bm25 = self._best(self._bm25_scores(query_text), depth) if mode != "dense" else []
        dense = self._best(self._dense_scores(query_vector), depth) if mode != "bm25" else []
        ranked = fuse([[name for name, _ in bm25], [name for name, _ in dense]], self.weights)
        scored = {"bm25": bm25, "dense": dense, "hybrid": ranked}[mode]
        bm25_ranks = {name: rank for rank, (name, _) in enumerate(bm25, start=1)}
        dense_ranks = {name: rank for rank, (name, _) in enumerate(dense, start=1)}
        return [Hit(name, score, bm25_ranks.get(name), dense_ranks.get(name)) for name, score in scored[:k]]

    def _bm25_scores(self, text: str) -> npt.NDArray[np.float64]:
        scores = np.zeros(len(self))
        postings = self.postings
        for token in tokens(text, STOP_WORDS):
            row = self._token_rows.get(token)
            if row is not None:
                span = slice(postings.starts[row], postings.starts[row + 1])
                scores[postings.rows[span]] += postings.scores[span]
        return scores

    def _dense_scores(self, vector: Sequence[float] | npt.NDArray[np.float32] | None) -> npt.NDArray[np.float64]:
        if vector is None:
            raise ValueError("a dense search needs a query vector")
        if not len(self):
            return np.zeros(0)
        query = np.asarray(vector, dtype=np.float64)
        if query.shape != self.vectors.shape[1:]:
            raise ValueError(f"the query vector has shape {query.shape}, the index {self.vectors.shape[1:]}")
        # einsum adds in one fixed order; a BLAS product may not, and near ties would swap places.
        return np.einsum("ij,j->i", self.vectors, query, dtype=np.float64)

    def _best(self, scores: npt.NDArray[np.float64], depth: int) -> list[tuple[str, float]]:
        rounded = np.round(scores, _SCORE_DIGITS)
        found = np.flatnonzero(rounded > 0)
        # Rows are in the order of chunk ids, so a stable sort breaks ties by chunk id.
        best = found[np.argsort(-rounded[found], kind="stable")[:depth]]
        return [(self.chunk_ids[row], float(rounded[row])) for row in best]


def fit_postings(documents: Sequence[Sequence[str]]) -> Postings:
    """BM25 (Lucene's variant) of tokenised documents."""
    vocabulary = tuple(sorted({token for document in documents for token in document}))
    if not vocabulary:
        return Postings((), np.zeros(1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32))
    import bm25s

    ids = {token: row for row, token in enumerate(vocabulary)}
    model = bm25s.BM25(k1=K1, b=B, method="lucene", backend="numpy", csc_backend="numpy")
    encoded = [[ids[token] for token in document] for document in documents]
    model.index((encoded, ids), create_empty_token=False, show_progress=False)
    fitted = {name: np.asarray(part) for name, part in (model.scores or {}).items()}
    starts, rows, scores = fitted["indptr"].astype(np.int64), fitted["indices"], fitted["data"]
    order = np.lexsort((rows, np.repeat(np.arange(len(vocabulary)), np.diff(starts))))
    return Postings(vocabulary, starts, rows[order].astype(np.int32), scores[order].astype(np.float32))
