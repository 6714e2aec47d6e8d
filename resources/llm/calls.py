"""A call as the gateway's session sees it: what it answers, how large it is, how it is made, and who admits it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from resources.llm.ledger import Entry
from resources.llm.request import Quota, Request
from resources.llm.sizes import Size


class Budget(Protocol):
    """What decides whether a call may still be paid for."""

    async def admit(self, usd: float) -> None:
        """Reserves what a call costs at most. Raises to stop the run: no call starts any more."""
        ...

    def settle(self, reserved: float, paid: float) -> None:
        """Ends a reservation with what the call did cost."""
        ...


@dataclass(frozen=True)
class Reply:
    """What one call brought: an entry for each request that it answers, and what the service counted."""

    entries: Sequence[Entry]
    tokens: int
    quota: Quota | None = None


@dataclass(frozen=True)
class Call:
    """Requests that one call answers, and how to make it. `usd` is what it costs at most."""

    requests: Sequence[Request]
    size: Size
    usd: float
    send: Callable[[], Awaitable[Reply]]

    @property
    def keys(self) -> list[str]:
        return [request.key for request in self.requests]
