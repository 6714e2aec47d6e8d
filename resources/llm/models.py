"""The models of one run: every configured role as something a stage can ask, over one gateway."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from resources.egress.door import Door
from resources.errors import SettingsError
from resources.llm.batch_service import batch_lane
from resources.llm.budget import require_approval
from resources.llm.estimate import StageEstimate
from resources.llm.gateway import EmbeddingLane, Gateway, Lane
from resources.llm.prices import FREE, Price, price_of
from resources.llm.provider import Absent, ChatProvider
from resources.llm.providers import chat_provider, embedding_provider
from resources.llm.providers.hosted import HostedChat
from resources.llm.providers.site import Site
from resources.llm.request import Completion, Message, ModelIdentity, Request
from resources.llm.roles import CHAT_ROLES, Dialect, Role
from resources.llm.sizes import too_long
from resources.llm.usage import Usage
from resources.options import BudgetOptions

T = TypeVar("T")


@dataclass(frozen=True)
class ChatModel:
    """A role's chat model: makes requests in its name and answers them through the gateway."""

    lane: Lane
    gateway: Gateway
    parameters: tuple[tuple[str, float | int | str], ...] = ()
    door: Door = field(default_factory=Door)
    dialect: Dialect = field(default_factory=Dialect)

    @property
    def role(self) -> str:
        return self.lane.role

    @property
    def identity(self) -> ModelIdentity:
        return self.lane.provider.identity

    def request(
        self,
        messages: Sequence[Message],
        prompt_version: str,
        schema: str | None = None,
        sources: Sequence[str] = (),
        attempt: int = 0,
        sample: int = 0,
        witness_text: str | None = None,
    ) -> Request:
        """A request to this model, as it may leave the machine. `sources` are the document versions that it quotes.

        `attempt` counts repairs of one question to the model, `sample` draws of it. With images, `witness_text` is the
        text layer of the page that they show (None if it has none): what it holds decides whether they may leave.
        """
        request = Request(
            self.role,
            self.identity,
            tuple(messages),
            schema,
            self.parameters,
            prompt_version,
            sample,
            attempt,
            self.dialect.of(schema),
            tuple(sorted(set(sources))),
        )
        return self.door.screen(request, witness_text)

    async def ask(self, request: Request) -> Completion:
        """One answer; only inside `run`."""
        return self.door.restored(request, await self.gateway.ask(self.lane, request))

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        """One answer per request, in order."""
        answers = self.gateway.complete(self.lane, requests)
        return [self.door.restored(request, answer) for request, answer in zip(requests, answers, strict=True)]

    def run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Runs a coroutine that awaits `ask`."""
        return self.gateway.run(work)

    def unanswered(self, requests: Sequence[Request]) -> int:
        """How many of these only the model can answer: not recorded, let out by the door, and not too long."""
        open_ones = [one for one in requests if not one.refusal and not too_long(one, self.lane.context_window)]
        recorded = self.gateway.ledger.find(open_ones)
        return sum(one.key not in recorded for one in open_ones)


@dataclass(frozen=True)
class Embedder:
    """The embedder role: one float32 vector per text, independent of batching."""

    lane: EmbeddingLane
    gateway: Gateway
    door: Door = field(default_factory=Door)

    @property
    def model(self) -> str:
        return self.lane.provider.identity.id

    def embed(self, texts: Sequence[str], sources: Sequence[tuple[str, ...]] = ()) -> list[np.ndarray]:
        """The vectors of texts that come from these document versions. Raises `EgressDenied` if one may not leave."""
        return self.gateway.embed(self.lane, self._screened(texts, sources), sources)

    async def vectors(self, texts: Sequence[str], sources: Sequence[tuple[str, ...]] = ()) -> list[np.ndarray]:
        """The same; only inside `run` of a model of the same gateway."""
        return await self.gateway.vectors(self.lane, self._screened(texts, sources), sources)

    def _screened(self, texts: Sequence[str], sources: Sequence[tuple[str, ...]]) -> list[str]:
        return self.door.screen_texts(self.lane.provider.identity, texts, sources)


@dataclass(frozen=True)
class Models:
    """Every role of one run over one gateway."""

    gateway: Gateway
    roles: Mapping[str, Role]
    door: Door = field(default_factory=Door)
    budget: BudgetOptions = field(default_factory=BudgetOptions)

    def approve(self, estimates: Callable[[], Sequence[StageEstimate]]) -> None:
        """Raises `ApprovalNeeded` if a stage needs approval; estimates are only made where there is a threshold."""
        if self.budget.approve_stage_usd is not None:
            require_approval(self.budget, estimates())

    def chat(self, role: str) -> ChatModel:
        """A generating role. Raises `SettingsError` for a role nobody plays."""
        if role not in CHAT_ROLES:
            raise SettingsError(f"role {role!r} has no chat model; roles are {', '.join(CHAT_ROLES)}")
        settings = self.roles.get(role, Role())
        provider = chat_provider(role, settings, self.door.client_factory(role, settings.endpoint))
        lane = Lane(role, provider, price_of(settings), settings.limits, settings.context_window, settings.deployment)
        if settings.batch and isinstance(provider, HostedChat):
            lane = batch_lane(lane, provider.connection, self.gateway.ledger, settings.batch_wait_seconds)
        self._note_price(role, lane.price)
        if settings.provider == "embedded":
            return ChatModel(lane, self.gateway, door=self.door)
        return ChatModel(lane, self.gateway, settings.parameters.pairs(), self.door, Site(role, settings).dialect)

    def target(
        self,
        provider: ChatProvider,
        parameters: tuple[tuple[str, float | int | str], ...] = (),
        price: Price = FREE,
    ) -> ChatModel:
        """A base or trained student as a chat model in the role `student`, at the price of its tokens."""
        if not price.known:
            self.usage.unpriced.add(f"trainers.{provider.identity.provider}.price")
        return ChatModel(Lane("student", provider, price), self.gateway, parameters, self.door)

    def recorded(
        self, identity: ModelIdentity, parameters: tuple[tuple[str, float | int | str], ...] = ()
    ) -> ChatModel:
        """A student that is not deployed now: the ledger answers for it, nobody else."""
        return self.target(Absent(identity), parameters)

    def embedder(self) -> Embedder:
        settings = self.roles.get("embedder", Role())
        provider = embedding_provider(settings, self.door.client_factory("embedder", settings.endpoint))
        self._note_price("embedder", price_of(settings))
        return Embedder(
            EmbeddingLane(provider, price_of(settings), settings.limits, settings.deployment), self.gateway, self.door
        )

    def _note_price(self, role: str, price: Price) -> None:
        if not price.known:
            self.usage.unpriced.add(f"roles.{role}.price")

    @property
    def usage(self) -> Usage:
        return self.gateway.usage
