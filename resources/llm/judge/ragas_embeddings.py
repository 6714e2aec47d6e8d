"""Our embedder as RAGAS sees it: vectors through gateway and ledger, never a client of its own."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from resources.llm.judge.ragas_llm import JudgeFailed
from resources.llm.models import Embedder

Sources = tuple[str, ...]


class Vectors:
    """What was embedded for a judging run. A text is asked for once per set of document versions it came from, so
    that the ledger can name all of them; only the first time is paid.
    """

    def __init__(self, embedder: Embedder):
        self._embedder = embedder
        self._known: dict[tuple[str, Sources], np.ndarray] = {}
        self._waiting: set[tuple[str, Sources]] = set()
        self._turn = asyncio.Lock()

    async def prepare(self, wanted: Iterable[tuple[str, Sources]]) -> None:
        """Embeds what is not known yet, in as few calls as possible: best done before the first question to the judge."""
        missing = sorted(set(wanted) - self._known.keys())
        if missing:
            texts, sources = zip(*missing, strict=True)
            self._known.update(zip(missing, await self._embedder.vectors(texts, sources), strict=True))

    async def of(self, texts: Sequence[str], sources: Sources) -> list[np.ndarray]:
        """The vectors, in the order of the texts."""
        wanted = [(text, sources) for text in texts]
        self._waiting.update(wanted)
        async with self._turn:
            # What came up during the call before goes out together: one call after another, few of them.
            together, self._waiting = self._waiting.union(wanted), set()
            await self.prepare(together)
        return [self._known[pair] for pair in wanted]


class RagasEmbeddings:
    """The embedder of one score. `load_ragas` registers it as a `BaseRagasEmbedding`."""

    def __init__(self, vectors: Vectors, sources: Sources):
        self._vectors = vectors
        self._sources = sources

    def embed_text(self, text: str, **_: Any) -> list[float]:
        """Refuses: RAGAS's own similarity asks synchronously in the middle of the event loop."""
        raise JudgeFailed("this metric embeds synchronously; raftline cannot run it")

    async def aembed_text(self, text: str, **_: Any) -> list[float]:
        return (await self.aembed_texts([text]))[0]

    async def aembed_texts(self, texts: Sequence[str], **_: Any) -> list[list[float]]:
        """The vectors, in the order of the texts."""
        return [vector.tolist() for vector in await self._vectors.of(texts, self._sources)]
