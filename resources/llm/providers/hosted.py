"""Hosted models behind the gateway's protocols: one call out, one answer or one `CallError` back."""

from collections.abc import Sequence
from dataclasses import dataclass

from resources.llm.provider import Embedded
from resources.llm.providers.connection import Connection
from resources.llm.providers.wire import chat_body, completion_of, embedded_of, embedding_body
from resources.llm.request import Completion, ModelIdentity, Request


@dataclass(frozen=True)
class HostedChat:
    """A chat model on Azure OpenAI or an OpenAI-compatible server."""

    connection: Connection

    @property
    def identity(self) -> ModelIdentity:
        return self.connection.site.identity

    async def complete(self, request: Request) -> Completion:
        site = self.connection.site
        reply = await self.connection.post("/chat/completions", chat_body(request, site))
        return completion_of(reply, request, site)

    async def close(self) -> None:
        await self.connection.close()


@dataclass(frozen=True)
class HostedEmbedder:
    """An embedding model on Azure OpenAI or an OpenAI-compatible server."""

    connection: Connection

    @property
    def identity(self) -> ModelIdentity:
        return self.connection.site.identity

    async def embed(self, texts: Sequence[str]) -> Embedded:
        site = self.connection.site
        reply = await self.connection.post("/embeddings", embedding_body(texts, site))
        return embedded_of(reply, texts, site)

    async def close(self) -> None:
        await self.connection.close()
