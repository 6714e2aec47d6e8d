"""The models as a Dagster resource: a gateway with its ledger, and a provider for each role."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import dagster as dg
import numpy as np
import pyarrow as pa
from pydantic import Field

from resources.errors import SettingsError
from resources.llm.embedded.provider import EmbeddedChat, EmbeddedEmbedder
from resources.llm.gateway import ChatProvider, EmbeddingProvider, Gateway, Price, Usage
from resources.llm.ledger import Ledger
from resources.llm.request import Completion, Message, Request
from resources.options import Options

CHAT_ROLES = ("contextualizer", "teacher")
ROLES = (*CHAT_ROLES, "embedder")
PROVIDERS = ("embedded",)


class Role(Options):
    """Who plays a role and what it costs."""

    provider: str = Field("embedded", description="Who answers: embedded.")
    prompt_price: float = Field(0.0, ge=0, description="USD per million prompt tokens.")
    completion_price: float = Field(0.0, ge=0, description="USD per million completion tokens.")


@dataclass(frozen=True)
class ChatModel:
    """A role's chat model: makes requests in its name and answers them through the gateway."""

    role: str
    provider: ChatProvider
    gateway: Gateway
    price: Price

    def request(
        self,
        messages: Sequence[Message],
        prompt_version: str,
        schema: str | None = None,
        sources: Sequence[str] = (),
        attempt: int = 0,
    ) -> Request:
        """A request to this model. `sources` are the document versions that the messages quote."""
        return Request(
            self.role,
            self.provider.identity,
            tuple(messages),
            schema,
            prompt_version=prompt_version,
            attempt=attempt,
            sources=tuple(sorted(set(sources))),
        )

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        return self.gateway.complete(self.provider, requests, self.price)


@dataclass(frozen=True)
class Embedder:
    """The embedder role: one float32 vector per text, independent of batching."""

    provider: EmbeddingProvider
    gateway: Gateway

    @property
    def model(self) -> str:
        return self.provider.identity.id

    def embed(self, texts: Sequence[str], sources: Sequence[tuple[str, ...]] = ()) -> list[np.ndarray]:
        return self.gateway.embed(self.provider, texts, sources)


@dataclass(frozen=True)
class Models:
    """Every role of one run over one gateway."""

    gateway: Gateway
    roles: dict[str, Role]

    def chat(self, role: str) -> ChatModel:
        """A generating role. Raises `SettingsError` for a role nobody plays."""
        settings = self.roles.get(role, Role())
        if role not in CHAT_ROLES:
            raise SettingsError(f"role {role!r} has no chat model; roles are {', '.join(CHAT_ROLES)}")
        check_provider(role, settings)
        return ChatModel(
            role, EmbeddedChat(role), self.gateway, Price(settings.prompt_price, settings.completion_price)
        )

    def target(self, provider: ChatProvider) -> ChatModel:
        """A base or trained student as a chat model in the role `student`."""
        return ChatModel("student", provider, self.gateway, Price())

    def embedder(self) -> Embedder:
        check_provider("embedder", self.roles.get("embedder", Role()))
        return Embedder(EmbeddedEmbedder(), self.gateway)

    @property
    def usage(self) -> Usage:
        return self.gateway.usage


class ModelsResource(dg.ConfigurableResource):
    """The ledger's address and the roles. Secrets come from the environment, never from here."""

    ledger_url: str = Field(description="SQLAlchemy URL of the ledger; sqlite:///path by default.")
    roles: dict[str, Role] = Field(default_factory=dict, description="Provider and price of each role.")

    @property
    def _address(self) -> str:
        # Inside a run Dagster has looked the variable up already.
        return self.ledger_url.get_value() or "" if isinstance(self.ledger_url, dg.EnvVar) else self.ledger_url

    @contextmanager
    def open(self) -> Generator[Models]:
        ledger = Ledger(self._address)
        try:
            yield Models(Gateway(ledger), dict(self.roles))
        finally:
            ledger.close()

    def identity(self, role: str) -> str:
        """Which model plays a role: what a table made by it depends on. Opens nothing."""
        provider = EmbeddedEmbedder() if role == "embedder" else EmbeddedChat(role)
        return provider.identity.id

    def spend(self) -> pa.Table:
        """What was paid so far, by stage and model."""
        ledger = Ledger(self._address)
        try:
            return ledger.spend()
        finally:
            ledger.close()


def check_provider(role: str, settings: Role) -> None:
    """Raises `SettingsError` for a provider that this version does not have."""
    if settings.provider not in PROVIDERS:
        raise SettingsError(
            f"roles.{role}.provider is {settings.provider!r}; this version offers: {', '.join(PROVIDERS)}"
        )
