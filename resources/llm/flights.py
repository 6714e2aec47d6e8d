"""Flights: requests of a session that are being answered. Who asks for one of them meanwhile shares its answer."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from resources.llm.request import Completion, Request

Answers = Callable[[Sequence[Request]], Awaitable[dict[str, Completion]]]
"""Answers distinct requests, by key."""


class Flights:
    """Equal requests at one time are answered once. `served` hears of each request that another one's answer served.

    Whoever waits for others' flights holds none: nobody waits in a circle.
    """

    def __init__(self, served: Callable[[Request], None]):
        self._served = served
        self._flights: dict[str, asyncio.Future[Completion]] = {}

    async def one(self, request: Request, answer: Callable[[], Awaitable[Completion]]) -> Completion:
        """The answer to a request: somebody else's, or the one that `answer` brings."""
        while flight := self._flights.get(request.key):
            with suppress(_Abandoned):
                shared = await asyncio.shield(flight)
                self._served(request)
                return shared if shared.failure else replace(shared, cached=True)

        async def alone(_: Sequence[Request]) -> dict[str, Completion]:
            return {request.key: await answer()}

        return (await self._own([request], alone))[request.key]

    async def each(self, requests: Sequence[Request], answer: Answers) -> dict[str, Completion]:
        """The answers to distinct requests: what nobody asks for goes to `answer` in one go, the rest is waited for."""
        free = [request for request in requests if request.key not in self._flights]
        taken = [request for request in requests if request.key in self._flights]
        found = await self._own(free, answer) if free else {}

        async def alone(request: Request) -> Completion:
            return (await answer([request]))[request.key]

        shared = await asyncio.gather(*(self.one(request, partial(alone, request)) for request in taken))
        return found | {request.key: one for request, one in zip(taken, shared, strict=True)}

    async def _own(self, requests: Sequence[Request], answer: Answers) -> dict[str, Completion]:
        """Answers requests that are in no flight."""
        flights = {request.key: asyncio.get_running_loop().create_future() for request in requests}
        self._flights |= flights
        try:
            found = await answer(requests)
        except BaseException as error:
            for flight in flights.values():
                flight.set_exception(error if isinstance(error, Exception) else _Abandoned())
                flight.exception()
            raise
        else:
            for key, flight in flights.items():
                flight.set_result(found[key])
            return found
        finally:
            for key in flights:
                del self._flights[key]


class _Abandoned(Exception):
    """Whoever was to bring an answer was cancelled."""
