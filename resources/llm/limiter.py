"""The limiter: the queue before a deployment. Roles and runs of this process that use one deployment share it.

Calls start in the order in which they were asked for; a repeated call keeps its place. When something stops a run, its
calls in the queue fail at once.
"""

import asyncio
import heapq
import itertools
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from resources.llm.request import Quota
from resources.llm.roles import Limits
from resources.llm.sizes import Size
from resources.llm.throttle import Charge, Throttle

SCOUTING_SECONDS = 0.02
"""How far the first calls of a run go ahead of the others, unless they are answered sooner."""

KNOWN_GOOD_SECONDS = 300.0
"""How long a deployment that answered needs no scouts."""

_order = itertools.count()


@dataclass(order=True, slots=True)
class Ticket:
    """A call's place in the queue, kept when it is repeated. `group` is the run that it belongs to."""

    number: int
    size: Size = field(compare=False)
    group: object = field(compare=False)
    loop: asyncio.AbstractEventLoop = field(compare=False)
    future: "asyncio.Future[Charge] | None" = field(compare=False, default=None)


class Limiter:
    """Lets calls through as the throttle allows. For any number of event loops in any threads."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic):
        self.clock = clock
        self._throttle = Throttle(limits)
        self._limits = limits
        self._queue: list[Ticket] = []
        self._lock = threading.RLock()
        self._timer: asyncio.TimerHandle | None = None
        self._groups: set[object] = set()
        self._scouting = False
        self.answered_at = -math.inf

    @property
    def in_flight(self) -> int:
        """Calls that were let through and have not landed."""
        return self._throttle.in_flight

    def enter(self, group: object) -> None:
        """A run begins to use this deployment. What earlier runs learned of its moods, not of its use, is forgotten."""
        with self._lock:
            if not self._groups:
                self._throttle.calm()
                self._throttle.scouting = self.clock() - self.answered_at > KNOWN_GOOD_SECONDS
                self._scouting = False
            self._groups.add(group)

    def leave(self, group: object, error: Exception) -> None:
        """A run ends; what it still has in the queue fails."""
        self.reject(group, error)
        with self._lock:
            self._groups.discard(group)

    def ticket(self, size: Size, group: object) -> Ticket:
        """A place at the end of the queue."""
        return Ticket(next(_order), size, group, asyncio.get_running_loop())

    async def admit(self, ticket: Ticket) -> Charge:
        """Waits for the ticket's turn. The charge must be given back in the end, landed or returned."""
        ticket.future = ticket.loop.create_future()
        with self._lock:
            heapq.heappush(self._queue, ticket)
            self._pump()
        try:
            return await ticket.future
        except asyncio.CancelledError:
            self._abandon(ticket.future)
            raise

    def answered(self, charge: Charge, tokens: int, quota: Quota | None) -> None:
        """An answer came. Its call still counts as in flight, until it has landed."""
        with self._lock:
            self.answered_at = self.clock()
            self._throttle.answered(self.clock(), charge, tokens, quota)
            self._pump()

    def refused(self, charge: Charge, retry_after: float | None) -> None:
        """The service asked to slow down."""
        with self._lock:
            self._throttle.refused(self.clock(), charge, retry_after)

    def landed(self, charge: Charge) -> None:
        """A call is over: its answer is recorded, or there is none."""
        with self._lock:
            self._throttle.landed(charge)
            self._pump()

    def returned(self, charge: Charge) -> None:
        """A call was not sent after all."""
        with self._lock:
            self._throttle.returned(self.clock(), charge)
            self._pump()

    def reject(self, group: object, error: Exception) -> None:
        """Fails everything that a run has in the queue."""
        with self._lock:
            leaving = [ticket for ticket in self._queue if ticket.group is group]
            self._queue = [ticket for ticket in self._queue if ticket.group is not group]
            heapq.heapify(self._queue)
            for ticket in leaving:
                _on(ticket, _fail, ticket.future, error)
            self._pump()

    def _pump(self) -> None:
        """Starts what may start, and sets the clock for what may start later."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        while self._queue:
            head = self._queue[0]
            if head.future is None or head.future.done() or head.loop.is_closed():
                heapq.heappop(self._queue)
                continue
            wait = self._throttle.wait(self.clock(), head.size)
            if wait > 0:
                if math.isfinite(wait):
                    _on(head, self._wake, head.loop, wait)
                return
            heapq.heappop(self._queue)
            charge = self._throttle.start(self.clock(), head.size)
            if self._throttle.scouting and not self._scouting:
                self._scouting = True
                _on(head, self._scout, head.loop)
            _on(head, self._grant, head.future, charge)

    def _scout(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.call_later(SCOUTING_SECONDS, self._end_scouting, loop, loop.time() + SCOUTING_SECONDS)

    def _end_scouting(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        # A loop that was too busy to be on time was too busy to hear what the scouts were told.
        if self._throttle.scouting and loop.time() > due + SCOUTING_SECONDS / 4:
            self._scout(loop)
            return
        with self._lock:
            self._throttle.scouting = self._scouting = False
            self._pump()

    def _wake(self, loop: asyncio.AbstractEventLoop, wait: float) -> None:
        with self._lock:
            if self._timer:
                self._timer.cancel()
            self._timer = loop.call_later(wait, self._tick)

    def _tick(self) -> None:
        with self._lock:
            self._timer = None
            self._pump()

    def _grant(self, future: "asyncio.Future[Charge]", charge: Charge) -> None:
        if future.done():
            self.returned(charge)
        else:
            future.set_result(charge)

    def _abandon(self, future: "asyncio.Future[Charge]") -> None:
        """Gives back a charge that was granted while its call was cancelled."""
        if future.done() and not future.cancelled() and future.exception() is None:
            self.returned(future.result())


def _fail(future: "asyncio.Future[Charge] | None", error: Exception) -> None:
    if future and not future.done():
        future.set_exception(error)


def _on(ticket: Ticket, action: Callable[..., None], *arguments: object) -> None:
    """Does something on a ticket's own event loop: at once if this is it."""
    try:
        here = asyncio.get_running_loop()
    except RuntimeError:
        here = None
    if here is ticket.loop:
        action(*arguments)
    elif not ticket.loop.is_closed():
        ticket.loop.call_soon_threadsafe(action, *arguments)


_limiters: dict[tuple[str, str], Limiter] = {}
_limiters_lock = threading.Lock()


def limiter_of(deployment: str, limits: Limits) -> Limiter:
    """The one limiter of a deployment in this process, under these limits."""
    with _limiters_lock:
        key = (deployment, limits.model_dump_json())
        if key not in _limiters:
            _limiters[key] = Limiter(limits)
            # Other limits, the same deployment: it needs no scouts if it is known to be good.
            siblings = [limiter.answered_at for (name, _), limiter in _limiters.items() if name == deployment]
            _limiters[key].answered_at = max(siblings)
        return _limiters[key]
