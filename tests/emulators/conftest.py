"""Clients of the emulator: the real SDK in each of its three ways, and the bare HTTP below it."""

from collections.abc import Callable, Iterator

import httpx2
import openai
import pytest


@pytest.fixture(scope="session")
def pool() -> Iterator[openai.DefaultHttpxClient]:
    """Connections that all clients share: making a TLS context takes longer than a test."""
    with openai.DefaultHttpxClient() as opened:
        yield opened


@pytest.fixture
def client(emulator, pool) -> openai.OpenAI:
    """The v1 API with a key."""
    return openai.OpenAI(base_url=emulator.v1, api_key=emulator.key, max_retries=0, http_client=pool)


@pytest.fixture
def plain(emulator, pool) -> openai.OpenAI:
    """The plain OpenAI-compatible API."""
    return openai.OpenAI(base_url=emulator.compatible, api_key=emulator.key, max_retries=0, http_client=pool)


@pytest.fixture
def legacy(emulator, pool) -> openai.AzureOpenAI:
    """The API of dated versions."""
    return openai.AzureOpenAI(
        azure_endpoint=emulator.url, api_key=emulator.key, api_version="2024-10-21", max_retries=0, http_client=pool
    )


@pytest.fixture
def http(emulator) -> Iterator[httpx2.Client]:
    """Bare HTTP with the key."""
    with httpx2.Client(base_url=emulator.url, headers={"api-key": emulator.key}, verify=False) as opened:
        yield opened


@pytest.fixture
def say(client: openai.OpenAI) -> Callable[..., str]:
    """Sends one user message and returns the text of the answer."""

    def say(text: str, **more) -> str:
        more.setdefault("model", "gpt-4o-mini")
        answer = client.chat.completions.create(messages=[{"role": "user", "content": text}], **more)
        return answer.choices[0].message.content or ""

    return say
