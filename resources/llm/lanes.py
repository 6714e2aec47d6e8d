"""Lanes: the way to one model in one role. Lanes of one deployment share its limiter, each learns its own sizes."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from resources.errors import RaftlineError
from resources.llm.limiter import Limiter, limiter_of
from resources.llm.prices import Price
from resources.llm.provider import ChatProvider, EmbeddingProvider
from resources.llm.request import ModelIdentity
from resources.llm.roles import Limits
from resources.llm.sizes import Sizes

if TYPE_CHECKING:
    from resources.llm.batch import BatchLane


class ModelCallFailed(RaftlineError):
    """A call that no retry can mend; names role and model. What was answered before it is recorded."""


class RequestRefused(ModelCallFailed):
    """A request that a stage cannot go on without, and that its model will never answer."""


@dataclass(frozen=True)
class Lane:
    """The way to one model in one role: who answers, at what price, within which quota.

    `deployment` names what the quota belongs to, where that is more than endpoint and model. With `batch`, first attempts
    go through the Batch API.
    """

    role: str
    provider: ChatProvider
    price: Price = field(default_factory=Price)
    limits: Limits = field(default_factory=Limits)
    context_window: int = 128_000
    deployment: str = ""
    sizes: Sizes = field(default_factory=Sizes, compare=False, repr=False)
    batch: "BatchLane | None" = None

    @property
    def limiter(self) -> Limiter:
        return limiter_of(_quota_owner(self.provider.identity, self.deployment), self.limits)

    def failure(self, reason: object) -> ModelCallFailed:
        """What callers get when this lane's model cannot be called."""
        return ModelCallFailed(f"role {self.role}, model {self.provider.identity.id}: {reason}")


@dataclass(frozen=True)
class EmbeddingLane:
    """The way to the embedder."""

    provider: EmbeddingProvider
    price: Price = field(default_factory=Price)
    limits: Limits = field(default_factory=Limits)
    deployment: str = ""
    sizes: Sizes = field(default_factory=Sizes, compare=False, repr=False)

    @property
    def role(self) -> str:
        return "embedder"

    @property
    def limiter(self) -> Limiter:
        return limiter_of(_quota_owner(self.provider.identity, self.deployment), self.limits)

    def failure(self, reason: object) -> ModelCallFailed:
        """What callers get when the embedder cannot be called."""
        return ModelCallFailed(f"role {self.role}, model {self.provider.identity.id}: {reason}")


def _quota_owner(model: ModelIdentity, deployment: str) -> str:
    return f"{model.provider} {model.endpoint} {deployment or model.model}"
