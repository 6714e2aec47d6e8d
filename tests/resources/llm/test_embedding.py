"""Embeddings through the gateway: batches for the service, an entry of its own for each text."""

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from resources.llm.gateway import EmbeddingLane, Gateway, ModelCallFailed
from resources.llm.prices import Price
from resources.llm.provider import Embedded, RateLimited, Refused, Unavailable
from resources.llm.request import ModelIdentity
from resources.llm.roles import Limits


@dataclass
class Service:
    """A vector per text made of its length; `fate(texts, call)` raises what a call meets."""

    fate: Any = None
    identity: ModelIdentity = field(default_factory=lambda: ModelIdentity("test", "local", "vectors-1"))
    batches: list[list[str]] = field(default_factory=list)
    missing: int = 0

    async def embed(self, texts) -> Embedded:
        self.batches.append(list(texts))
        if self.fate:
            self.fate(texts, len(self.batches))
        vectors = [np.array([len(text), 1.0], dtype=np.float32) for text in texts]
        return Embedded(tuple(vectors[self.missing :]), 7 * len(texts), real=False)

    async def close(self) -> None:
        """Holds nothing."""


def lane(service: Service, **limits: Any) -> EmbeddingLane:
    return EmbeddingLane(service, Price(1000.0, 1000.0), Limits(**limits))


def test_batches_hold_so_many_texts_and_tokens_and_vectors_keep_their_order(ledger) -> None:
    service = Service()
    texts = [f"{number} " + "a " * (number % 20) for number in range(600)]
    texts += ["word " * 1000] * 2 + [f"{number} " + "ab " * 40_000 for number in range(2)]
    vectors = Gateway(ledger).embed(lane(service), texts)
    assert [int(vector[0]) for vector in vectors] == [len(text) for text in texts]
    assert [len(batch) for batch in service.batches] == [256, 256, 90, 1]


def test_a_small_quota_makes_small_batches(ledger) -> None:
    service = Service()
    Gateway(ledger).embed(lane(service, tokens_per_minute=100_000), [f"{n} " + "word " * 3000 for n in range(6)])
    assert [len(batch) for batch in service.batches] == [3, 3]


def test_each_text_bears_its_share_of_tokens_and_cost_and_all_shares_are_all(any_ledger) -> None:
    service = Service()
    gateway = Gateway(any_ledger)
    gateway.embed(lane(service), ["a", "word " * 50, ""])
    [row] = any_ledger.spend().to_pylist()
    assert (row["calls"], row["prompt_tokens"], row["not_real"]) == (3, 21, 3)
    assert row["cost"] == pytest.approx(0.021)
    assert (gateway.usage.prompt_tokens, gateway.usage.not_real) == (21, 3)


def test_a_batch_that_meets_faults_is_repeated(ledger) -> None:
    def fate(texts, call) -> None:
        if call < 3:
            raise RateLimited("wait", 0.01) if call == 1 else Unavailable("torn", 0.01)

    service = Service(fate)
    gateway = Gateway(ledger)
    assert len(gateway.embed(lane(service), ["a", "b"])) == 2
    assert (len(service.batches), gateway.usage.retried, gateway.usage.calls) == (3, 2, 2)


def test_a_refused_text_is_found_and_the_others_are_recorded(ledger) -> None:
    def fate(texts, call) -> None:
        if "bad" in texts:
            raise Refused("too long for the model")

    service = Service(fate)
    texts = [*map(str, range(20)), "bad", *map(str, range(20, 30))]
    with pytest.raises(ModelCallFailed, match=r"role embedder.*a text of 1 tokens is refused: too long for the model"):
        Gateway(ledger).embed(lane(service), texts)
    service.fate = None
    again = Gateway(ledger)
    again.embed(lane(service), texts)
    assert (again.usage.cached, again.usage.calls) == (30, 1)


def test_vectors_that_are_missing_are_asked_for_again(ledger) -> None:
    service = Service(missing=1)
    with pytest.raises(ModelCallFailed, match="1 vectors came for 2 texts"):
        Gateway(ledger).embed(lane(service, patience_seconds=0.2), ["a", "b"])
    service.missing = 0
    assert len(Gateway(ledger).embed(lane(service), ["a", "b"])) == 2


def test_calls_that_overlap_share_their_texts_and_none_waits_for_ever(ledger) -> None:
    chance = random.Random(3)
    lists = [chance.sample([f"text {number}" for number in range(60)], 30) for _ in range(12)]
    service = Service()
    gateway = Gateway(ledger)

    async def work() -> list[list[np.ndarray]]:
        async with asyncio.timeout(20):
            return await asyncio.gather(*(gateway.vectors(lane(service), texts) for texts in lists))

    found = gateway.run(work)
    assert [[int(vector[0]) for vector in vectors] for vectors in found] == [[len(t) for t in texts] for texts in lists]
    paid = [text for batch in service.batches for text in batch]
    assert sorted(paid) == sorted({text for texts in lists for text in texts})
    assert gateway.usage.cached == 12 * 30 - len(paid)


def test_a_call_that_is_cancelled_leaves_its_texts_to_the_one_that_waits_for_them(ledger) -> None:
    held = asyncio.Event()

    async def slow(texts) -> Embedded:
        service.batches.append(list(texts))
        held.set()
        await asyncio.sleep(0.05)
        return Embedded(tuple(np.array([len(text), 1.0], dtype=np.float32) for text in texts), 7, real=False)

    service, gateway = Service(), Gateway(ledger)
    service.embed = slow

    async def work() -> list[np.ndarray]:
        first = asyncio.create_task(gateway.vectors(lane(service), ["a", "bb"]))
        second = asyncio.create_task(gateway.vectors(lane(service), ["bb", "ccc"]))
        await held.wait()
        first.cancel()
        async with asyncio.timeout(20):
            return await second

    assert [int(vector[0]) for vector in gateway.run(work)] == [2, 3]
    assert sorted(text for batch in service.batches for text in batch) == ["a", "bb", "ccc"]


def test_vectors_can_be_asked_for_inside_a_run(ledger) -> None:
    gateway = Gateway(ledger)
    [vector] = gateway.run(lambda: gateway.vectors(lane(Service()), ["four"], [("v1",)]))
    assert vector.tolist() == [4.0, 1.0]
