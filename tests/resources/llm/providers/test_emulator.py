"""The providers against the Azure OpenAI emulator: both dialects, every URL shape, and the faults of a bad day."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from resources.llm.provider import CallError, Misconfigured, NoDeployment, RateLimited, Refused, Unavailable
from resources.llm.providers import chat_provider, embedding_provider
from resources.llm.request import Completion, Image, Message
from resources.llm.roles import Role

SCHEMA = json.dumps(
    {
        "title": "Verdict of a judge",
        "type": "object",
        "properties": {
            "verdict": {"$ref": "#/$defs/Verdict"},
            "score": {"type": "number", "minimum": 0, "maximum": 1},
            "statements": {"type": "array", "items": {"type": "string"}, "minItems": 1, "default": []},
        },
        "$defs": {"Verdict": {"type": "string", "enum": ["yes", "no"], "default": "no"}},
        "required": ["verdict"],
    }
)


@pytest.fixture
def role(emulator, monkeypatch) -> Callable[..., Role]:
    """Makes a role on the emulator."""
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", emulator.key)
    monkeypatch.setenv("OPENAI_API_KEY", emulator.key)

    def make(provider: str = "azure_openai", **settings: Any) -> Role:
        endpoint = emulator.url if provider == "azure_openai" else emulator.compatible
        given = {"model": "gpt-4o-2024-08-06", "deployment": "gpt-4o", "endpoint": endpoint} | settings
        return Role.model_validate({"provider": provider, **given})

    return make


@pytest.fixture
def ask(request_of) -> Callable[..., Completion]:
    """Sends one request in a role, with the role's own parameters."""

    def send(settings: Role, text: str = "Say hello.", **fields: Any) -> Completion:
        provider = chat_provider("teacher", settings)

        async def work() -> Completion:
            try:
                fields.setdefault("parameters", settings.parameters.pairs())
                return await provider.complete(request_of(provider, text, **fields))
            finally:
                await provider.close()

        return asyncio.run(work())

    return send


@pytest.mark.parametrize("dialect", ["observed", "spec"])
@pytest.mark.parametrize(
    ("provider", "settings"),
    [
        ("azure_openai", {}),
        ("azure_openai", {"api_version": "2024-10-21"}),
        ("openai_compatible", {}),
        ("openai_compatible", {"deployment": "", "structured_output": "json_object"}),
        ("openai_compatible", {"structured_output": "prompt"}),
    ],
)
def test_every_way_in_brings_a_counted_answer_and_breaks_no_description(
    emulator, role, ask, dialect, provider, settings
) -> None:
    emulator.configure(dialect=dialect)
    plain = ask(role(provider, **settings))
    structured = ask(role(provider, **settings), "Is 2 more than 1? Answer in JSON.", schema=SCHEMA)
    assert plain.usable
    assert not plain.real
    assert (plain.served_model, plain.request_id != "") == ("gpt-4o-2024-08-06", True)
    if settings.get("structured_output") != "prompt":
        assert isinstance(json.loads(structured.text), dict)
    counted = [(call["prompt_tokens"], call["completion_tokens"]) for call in emulator.served()]
    assert counted == [(answer.prompt_tokens, answer.completion_tokens) for answer in (plain, structured)]
    assert emulator.violations() == []


def test_a_strict_schema_is_filled_in_whole(role, ask) -> None:
    found = json.loads(ask(role(), "Judge this.", schema=SCHEMA).text)
    assert set(found) == {"verdict", "score", "statements"}


def test_a_picture_arrives(emulator, role, ask) -> None:
    from resources.llm.probe import number_image

    ask(role(), messages=(Message("user", "Transcribe.", (Image("image/png", number_image("12")),)),))
    assert emulator.violations() == []
    assert emulator.requests() == 1


@pytest.mark.parametrize("provider", ["azure_openai", "openai_compatible"])
def test_embeddings_come_in_batches_with_their_count(emulator, role, provider) -> None:
    name = "text-embedding-3-small"
    embedder = embedding_provider(role(provider, model=name, deployment=name))

    async def work():
        try:
            return await embedder.embed(["one text", "another text", "one text"])
        finally:
            await embedder.close()

    found = asyncio.run(work())
    assert [len(vector) for vector in found.vectors] == [1536] * 3
    assert (found.vectors[0] == found.vectors[2]).all()
    assert (found.vectors[0] != found.vectors[1]).any()
    assert found.prompt_tokens == emulator.served()[0]["prompt_tokens"]
    assert not found.real
    assert emulator.violations() == []


def test_the_quota_that_is_left_comes_with_the_answer(emulator, role, ask) -> None:
    limited = {"model": "gpt-4o-2024-08-06", "requests_per_minute": 10, "tokens_per_minute": 90_000}
    emulator.configure(deployments={"limited": limited})
    quota = ask(role(deployment="limited")).quota
    assert quota is not None
    assert (quota.limit_requests, quota.limit_tokens, quota.remaining_requests) == (10, 90_000, 9)


def test_a_repeated_long_prompt_is_partly_cached(role, ask) -> None:
    text = "The fee for a transfer is five dollars. " * 400
    assert ask(role(), text).cached_tokens == 0
    again = ask(role(), text + "And?")
    assert 1024 <= again.cached_tokens <= again.prompt_tokens


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"kind": "429", "retry_after": 3}, RateLimited),
        ({"kind": "quota"}, Misconfigured),
        ({"kind": "500"}, Unavailable),
        ({"kind": "503"}, Unavailable),
        ({"kind": "reset"}, Unavailable),
        ({"kind": "401"}, Misconfigured),
        ({"kind": "404"}, NoDeployment),
    ],
)
def test_each_fault_of_the_service_is_of_its_kind(emulator, role, ask, fault, kind, when) -> None:
    emulator.configure(faults=[{**fault, "when": when}])
    with pytest.raises(CallError) as caught:
        ask(role())
    assert type(caught.value) is kind
    assert emulator.requests() == 1, "the gateway repeats, not the provider"


@pytest.mark.parametrize("kind", ["truncated", "empty"])
def test_half_a_body_and_no_content_may_be_whole_next_time(emulator, role, ask, kind) -> None:
    emulator.configure(faults=[{"kind": kind}])
    with pytest.raises(Unavailable):
        ask(role())


def test_a_body_that_trickles_ends_at_the_timeout(emulator, role, ask) -> None:
    emulator.configure(faults=[{"kind": "slow", "delay": 5}])
    with pytest.raises(Unavailable, match=r"did not answer within 0\.3 s"):
        ask(role(timeout_seconds=0.3))


def test_a_filtered_prompt_is_refused_and_a_filtered_answer_is_kept(emulator, role, ask) -> None:
    emulator.configure(faults=[{"kind": "content_filter"}])
    with pytest.raises(Refused, match="content filter"):
        ask(role())
    emulator.configure(faults=[{"kind": "content_filter", "when": "after"}])
    assert ask(role()).finish_reason == "content_filter"


def test_a_prompt_longer_than_the_window_is_refused(emulator, role, ask) -> None:
    emulator.configure(deployments={"small": {"model": "gpt-4o-2024-08-06", "context_window": 100}})
    with pytest.raises(Refused, match="longer than the window of small"):
        ask(role(deployment="small"), "word " * 200)


def test_two_hundred_calls_at_once_do_not_wait_for_connections(emulator, role, request_of) -> None:
    emulator.configure(latency=0.3)
    provider = chat_provider("teacher", role())

    async def work() -> list[Completion]:
        try:
            requests = [request_of(provider, f"Say {number}.") for number in range(200)]
            return await asyncio.gather(*(provider.complete(request) for request in requests))
        finally:
            await provider.close()

    assert all(answer.usable for answer in asyncio.run(work()))
    assert emulator.peak_in_flight() > 100
