"""What a provider is to the gateway: two protocols, and the four ways in which a call can fail.

The kind of a failure decides what the gateway does: wait and repeat, give up one request, or give up the deployment.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from resources.errors import RaftlineError
from resources.llm.request import Completion, ModelIdentity, Quota, Request


class CallError(RaftlineError):
    """A call that brought no answer. The message is for the user and holds no secret."""


class RateLimited(CallError):
    """The service asks to slow down (429). `retry_after` is in seconds, None if it did not say."""

    def __init__(self, message: str, retry_after: float | None = None):
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(CallError):
    """A fault that passes: 5xx, a reset, a timeout, a torn body. The same call may work in a moment.

    `paid` is what the service counted all the same, for an answer that is of no use.
    """

    def __init__(self, message: str, retry_after: float | None = None, paid: Completion | None = None):
        super().__init__(message)
        self.retry_after = retry_after
        self.paid = paid


class Refused(CallError):
    """The service will never answer this request (too long, filtered, not valid); others may work."""


class Misconfigured(CallError):
    """Nothing sent to this deployment can work: wrong key, no such deployment, no permission, no quota at all."""


class NoDeployment(Misconfigured):
    """The service knows no deployment of this name; one that was made just now it knows in some minutes."""


class ChatProvider(Protocol):
    """A service that answers chat requests, or a trained student that stands in for one."""

    @property
    def identity(self) -> ModelIdentity: ...

    async def complete(self, request: Request) -> Completion:
        """One answer to one call, without retries. Raises a `CallError` of the kind that fits."""
        ...

    async def close(self) -> None:
        """Lets go of connections; the next call opens new ones, on whatever event loop it runs."""
        ...


@dataclass(frozen=True)
class Absent:
    """A model that nobody serves now; what it answered before may be in the ledger."""

    identity: ModelIdentity

    async def complete(self, request: Request) -> Completion:
        raise Misconfigured("it is not deployed")

    async def close(self) -> None:
        """Holds nothing."""


@dataclass(frozen=True)
class Embedded:
    """What one embedding call brought: a float32 vector per text, in their order, and what the service counted for all.

    `real` is False for an emulator's vectors; `quota` is what the headers said, for the limiter.
    """

    vectors: tuple[np.ndarray, ...]
    prompt_tokens: int = 0
    served_model: str = ""
    request_id: str = ""
    real: bool = True
    quota: Quota | None = field(default=None, compare=False, repr=False)


class EmbeddingProvider(Protocol):
    """A service that turns texts into vectors; a pure function of each text."""

    @property
    def identity(self) -> ModelIdentity: ...

    async def embed(self, texts: Sequence[str]) -> Embedded:
        """The vectors of a batch of texts, in one call without retries. Raises a `CallError` of the kind that fits.

        The gateway cuts the batches (by count and by tokens), limits and repeats.
        """
        ...

    async def close(self) -> None: ...
