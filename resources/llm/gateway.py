"""The gateway: the one way to a model. It looks in the ledger first, calls what is missing, records, then answers."""

import asyncio
import base64
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from resources.errors import RaftlineError
from resources.llm.ledger import Entry, Ledger
from resources.llm.request import Completion, Message, ModelIdentity, Request

EMBEDDING_WINDOW = 256
"""Texts embedded, then recorded, at a time."""


class ModelCallFailed(RaftlineError):
    """A call that no retry can mend; names role and model."""


class ChatProvider(Protocol):
    """A service that answers chat requests, or a trained student that stands in for one."""

    @property
    def identity(self) -> ModelIdentity: ...

    async def complete(self, request: Request) -> Completion: ...


class EmbeddingProvider(Protocol):
    """A service that turns texts into vectors; a pure function of each text."""

    @property
    def identity(self) -> ModelIdentity: ...

    async def embed(self, texts: Sequence[str]) -> list[np.ndarray]: ...


@dataclass(frozen=True)
class Price:
    """USD per million tokens."""

    prompt: float = 0.0
    completion: float = 0.0

    def cost(self, completion: Completion) -> float:
        return (completion.prompt_tokens * self.prompt + completion.completion_tokens * self.completion) / 1e6


@dataclass
class Usage:
    """What went through one gateway: calls made, calls answered from the ledger, tokens and USD paid."""

    calls: int = 0
    cached: int = 0
    tokens: int = 0
    cost: float = 0.0
    seconds: float = 0.0

    @property
    def by_source(self) -> dict[str, int]:
        """How many answers came from where."""
        return {"made": self.calls, "from the ledger": self.cached}


@dataclass
class Gateway:
    """Answers batches of requests. `window` requests are in flight at a time; answers come back in order."""

    ledger: Ledger
    window: int = 32
    usage: Usage = field(default_factory=Usage)

    def complete(
        self, provider: ChatProvider, requests: Sequence[Request], price: Price | None = None
    ) -> list[Completion]:
        """One completion per request. Equal requests are called once.

        Raises `ModelCallFailed` if a call failed, after the others of its window were recorded.
        """
        known, missing = self._look_up(requests)
        for start in range(0, len(missing), self.window):
            window = missing[start : start + self.window]
            entries, failures = asyncio.run(_call_all(provider, window, price or Price()))
            known |= self.ledger.record(entries)
            for entry in entries:
                self.usage.calls += 1
                self.usage.tokens += entry.completion.prompt_tokens + entry.completion.completion_tokens
                self.usage.cost += entry.completion.cost
                self.usage.seconds += entry.seconds
            if failures:
                role, model = window[0].role, provider.identity.id
                raise ModelCallFailed(f"role {role}, model {model}: {failures[0]}") from failures[0]
        self.ledger.attribute(requests)
        return [known[request.key] for request in requests]

    def embed(
        self, provider: EmbeddingProvider, texts: Sequence[str], sources: Sequence[tuple[str, ...]] = ()
    ) -> list[np.ndarray]:
        """One float32 vector per text. Each text is its own ledger entry, so batching changes nothing."""
        origins = sources or [()] * len(texts)
        requests = [
            Request("embedder", provider.identity, (Message("user", text),), sources=tuple(origin))
            for text, origin in zip(texts, origins, strict=True)
        ]
        known, missing = self._look_up(requests)
        for start in range(0, len(missing), EMBEDDING_WINDOW):
            window = missing[start : start + EMBEDDING_WINDOW]
            started = time.perf_counter()
            vectors = asyncio.run(provider.embed([request.user_text for request in window]))
            seconds = (time.perf_counter() - started) / len(window)
            known |= self.ledger.record(
                Entry(request, Completion(_pack(vector), "stop", 0, 0), seconds)
                for request, vector in zip(window, vectors, strict=True)
            )
            self.usage.calls += len(window)
        self.ledger.attribute(requests)
        return [_unpack(known[request.key].text) for request in requests]

    def _look_up(self, requests: Sequence[Request]) -> tuple[dict[str, Completion], list[Request]]:
        """What the ledger knows, by key, and the requests that it does not, each once."""
        known = self.ledger.find(requests)
        missing = list({request.key: request for request in requests if request.key not in known}.values())
        self.usage.cached += len(requests) - len(missing)
        return known, missing


async def _call_all(
    provider: ChatProvider, requests: Sequence[Request], price: Price
) -> tuple[list[Entry], list[Exception]]:
    """The calls that were answered and the errors of the others: what was paid for is kept, whatever else fails."""
    calls = [_call(provider, request, price) for request in requests]
    results = await asyncio.gather(*calls, return_exceptions=True)
    entries = [result for result in results if isinstance(result, Entry)]
    return entries, [result for result in results if isinstance(result, Exception)]


async def _call(provider: ChatProvider, request: Request, price: Price) -> Entry:
    started = time.perf_counter()
    answer = await provider.complete(request)
    paid = Completion(
        answer.text, answer.finish_reason, answer.prompt_tokens, answer.completion_tokens, price.cost(answer)
    )
    return Entry(request, paid, time.perf_counter() - started)


def _pack(vector: np.ndarray) -> str:
    return base64.b64encode(np.asarray(vector, dtype="<f4").tobytes()).decode()


def _unpack(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), dtype="<f4")
