"""The gateway and a hosted provider against the emulator over HTTP: storms, torn bodies, wrong keys, quotas."""

import asyncio
import time

import pytest

from resources.llm.gateway import EmbeddingLane, Gateway, Lane, ModelCallFailed
from resources.llm.prices import Price
from resources.llm.providers import chat_provider, embedding_provider
from resources.llm.request import Request, chat
from resources.llm.roles import Limits, Role


@pytest.fixture
def lane(emulator, monkeypatch):
    """Makes lanes to the emulator's gpt-4o."""
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", emulator.key)

    def make(**limits) -> Lane:
        role = Role(provider="azure_openai", model="gpt-4o-2024-08-06", deployment="gpt-4o", endpoint=emulator.url)
        return Lane("teacher", chat_provider("teacher", role), Price(1.0, 0.5, 1.0), Limits(**limits))

    return make


def requests(lane: Lane, count: int) -> list[Request]:
    return [
        Request("teacher", lane.provider.identity, chat("Be brief.", f"Say {n}."), parameters=(("max_tokens", 50),))
        for n in range(count)
    ]


@pytest.mark.parametrize("rate", [0.1, 0.4])
def test_in_a_storm_everything_arrives_and_what_was_delivered_is_recorded_and_not_asked_again(
    ledger, emulator, lane, rate
) -> None:
    emulator.configure(
        faults=[
            {"kind": "429", "rate": rate},
            {"kind": "500", "rate": 0.02},
            {"kind": "reset", "rate": 0.02, "when": "after"},
            {"kind": "truncated", "rate": 0.02},
        ]
    )
    one, gateway = lane(), Gateway(ledger)
    asked = requests(one, 60)
    answers = gateway.complete(one, asked)
    assert all(answer.usable and not answer.real for answer in answers)
    delivered = [exchange for exchange in emulator.served() if exchange["delivered"]]
    assert len(delivered) == len(ledger.find(asked)) == 60
    assert emulator.requests() == 60 + gateway.usage.retried
    Gateway(ledger).complete(one, asked)
    assert emulator.requests() == 60 + gateway.usage.retried


def test_every_token_that_the_service_counted_is_in_the_ledger_also_for_answers_of_no_use(ledger, emulator, lane):
    emulator.configure(faults=[{"kind": "empty", "rate": 0.3}])
    one, gateway = lane(), Gateway(ledger)
    assert all(answer.usable for answer in gateway.complete(one, requests(one, 20)))
    served = emulator.served()
    assert len(served) > 20 == gateway.usage.calls
    spend = ledger.spend().to_pylist()
    assert sum(row["prompt_tokens"] for row in spend) == sum(exchange["prompt_tokens"] for exchange in served)
    assert sum(row["completion_tokens"] for row in spend) == sum(exchange["completion_tokens"] for exchange in served)
    assert sum(row["cost"] for row in spend) == pytest.approx(gateway.usage.cost)


def test_a_wrong_key_ends_soon_and_is_named(ledger, emulator, lane, monkeypatch) -> None:
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "another key")
    role = Role(provider="azure_openai", model="gpt-4o-2024-08-06", deployment="gpt-4o", endpoint=emulator.url)
    wrong = Lane("teacher", chat_provider("teacher", role), Price())
    started = time.monotonic()
    with pytest.raises(ModelCallFailed, match=r"role teacher, model azure_openai/gpt-4o-2024-08-06: ") as failure:
        Gateway(ledger).complete(wrong, requests(wrong, 1000))
    assert time.monotonic() - started < 10
    assert emulator.requests() <= 32
    assert "another key" not in str(failure.value)


@pytest.mark.slow
def test_the_limit_that_headers_tell_is_kept_without_being_set(ledger, emulator, lane) -> None:
    emulator.configure(deployments={"gpt-4o": {"model": "gpt-4o-2024-08-06", "tokens_per_minute": 2_000}}, latency=0.02)
    one, gateway = lane(concurrency=4), Gateway(ledger)

    async def work() -> int:
        asks = [asyncio.create_task(gateway.ask(one, request)) for request in requests(one, 60)]
        done, waiting = await asyncio.wait(asks, timeout=2)
        for task in waiting:
            task.cancel()
        return len(done)

    answered = gateway.run(work)
    [counted] = emulator.stats()["windows"].values()
    refused = sum(exchange["status"] == 429 for exchange in emulator.served())
    assert 0.85 * 2_000 <= counted[0] <= 2_000
    assert 20 <= answered < 60
    assert refused <= 4


def test_embeddings_of_the_emulator_are_batched_counted_and_recorded(ledger, emulator, monkeypatch) -> None:
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", emulator.key)
    emulator.configure(faults=[{"kind": "429", "times": 2}, {"kind": "500", "times": 1}])
    name = "text-embedding-3-small"
    role = Role(provider="azure_openai", model=name, deployment=name, endpoint=emulator.url)
    one, gateway = EmbeddingLane(embedding_provider(role), Price(1.0, 1.0)), Gateway(ledger)
    vectors = gateway.embed(one, [f"text {number}" for number in range(300)])
    assert {vector.shape for vector in vectors} == {(1536,)}
    assert (gateway.usage.calls, gateway.usage.retried, gateway.usage.not_real) == (300, 3, 300)
    served = [exchange for exchange in emulator.served() if exchange["delivered"]]
    assert gateway.usage.prompt_tokens == sum(exchange["prompt_tokens"] for exchange in served) > 0
