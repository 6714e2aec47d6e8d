"""A deployment that has just come up: not every gateway of the service knows it yet."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from resources.llm.provider import ChatProvider, NoDeployment, Unavailable
from resources.llm.request import Completion, ModelIdentity, Request

SETTLED_SECONDS = 300.0
"""After so long a deployment that is not known does not exist; the service's own word."""


@dataclass
class FreshChat:
    """A chat model whose deployment may be missing at first: that passes, so the call is made again."""

    chat: ChatProvider
    clock: Callable[[], float] = time.monotonic
    first: float | None = field(default=None, init=False)

    @property
    def identity(self) -> ModelIdentity:
        return self.chat.identity

    async def complete(self, request: Request) -> Completion:
        self.first = self.clock() if self.first is None else self.first
        missing = ""
        try:
            return await self.chat.complete(request)
        except NoDeployment as error:
            if self.clock() - self.first >= SETTLED_SECONDS:
                raise
            missing = str(error)
        raise Unavailable(missing)

    async def close(self) -> None:
        await self.chat.close()
