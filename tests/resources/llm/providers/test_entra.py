"""Entra ID through the real azure-identity: a managed identity whose token endpoint is a server on loopback."""

import asyncio
import os
import sys

import pytest

from resources.errors import SettingsError
from resources.llm.provider import Misconfigured
from resources.llm.providers import chat_provider

pytest.importorskip("azure.identity", reason="needs the azure extra")


@pytest.fixture
def identity(service, monkeypatch) -> None:
    """This process has a managed identity."""
    for name in ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET", "AZURE_TOKEN_CREDENTIALS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("AZURE_OPENAI_API_KEY")
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential")
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{service.url}/msi")
    monkeypatch.setenv("IDENTITY_HEADER", "x")


@pytest.mark.parametrize("api_version", ["", "2024-10-21"])
def test_a_token_is_fetched_once_for_many_calls_and_event_loops(
    service, azure, identity, request_of, api_version
) -> None:
    service.token = "entra-token"
    provider = chat_provider("teacher", azure(auth="entra", api_version=api_version))

    async def work() -> None:
        await asyncio.gather(*(provider.complete(request_of(provider)) for _ in range(4)))
        await provider.close()

    asyncio.run(work())
    asyncio.run(work())
    assert {call.headers["authorization"] for call in service.asked} == {"Bearer entra-token"}
    assert (len(service.asked), service.tokens_given) == (8, 1)


def test_the_command_line_s_sign_in_is_asked_once_although_it_remembers_nothing(
    service, azure, request_of, monkeypatch, tmp_path
) -> None:
    command = tmp_path / "az"
    command.write_text(
        f'#!/bin/sh\necho asked >> "{tmp_path}/times"\n'
        'echo \'{"accessToken": "entra-cli", "expires_on": 4102444800, "expiresOn": "2100-01-01 00:00:00.000000"}\'\n'
    )
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "AzureCliCredential")
    provider = chat_provider("teacher", azure(auth="entra"))

    async def work() -> None:
        await asyncio.gather(*(provider.complete(request_of(provider)) for _ in range(4)))
        await provider.close()

    asyncio.run(work())
    assert {call.headers["authorization"] for call in service.asked} == {"Bearer entra-cli"}
    assert (tmp_path / "times").read_text().split() == ["asked"]


def test_without_an_identity_the_message_says_how_to_get_one(service, azure, identity, request_of) -> None:
    provider = chat_provider("teacher", azure(auth="entra"))
    with pytest.raises(Misconfigured, match=r"no Entra ID token for .*az login"):
        asyncio.run(provider.complete(request_of(provider)))
    assert service.asked == []


def test_a_missing_package_names_the_extra(azure, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "azure.identity", None)
    with pytest.raises(SettingsError, match=r"roles\.teacher\.auth is entra.*`azure` extra"):
        chat_provider("teacher", azure(auth="entra"))
