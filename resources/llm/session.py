"""A session: what a gateway holds while it runs. Takes each request from the ledger, or through the limiter to the model.

A call in flight is a task of its own. Whoever waits for it may be cancelled; the answer is recorded all the same.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from resources.errors import RaftlineError
from resources.llm.calls import Budget, Call, Reply
from resources.llm.flights import Flights
from resources.llm.lanes import EmbeddingLane, Lane
from resources.llm.ledger import Entry, Ledger, LedgerError
from resources.llm.limiter import Limiter
from resources.llm.provider import RateLimited, Refused, Unavailable
from resources.llm.request import Completion, Request
from resources.llm.retries import Trouble
from resources.llm.throttle import Charge
from resources.llm.usage import Usage
from resources.llm.writer import LedgerThread

if TYPE_CHECKING:
    from resources.llm.batch import BatchLane

GRACE_SECONDS = 20.0
"""How long calls in flight may still take after an interrupt."""

_log = logging.getLogger("raftline.models")


class Session:
    """One run of a gateway on its event loop."""

    def __init__(self, ledger: Ledger, usage: Usage, run_id: str, budget: Budget | None):
        self.usage = usage
        self.run_id = run_id
        self.ledger = LedgerThread(ledger)
        self._budget = budget
        self._loop = asyncio.get_running_loop()
        self.flights = Flights(self._serve)
        self._tasks: set[asyncio.Task[dict[str, Completion] | Exception]] = set()
        self._limiters: dict[Limiter, Exception | None] = {}
        self._providers: dict[int, Callable[[], Awaitable[None]]] = {}
        self._stopped: Exception | None = None

    async def pursue(self, lane: Lane | EmbeddingLane, call: Call) -> dict[str, Completion]:
        """Makes a call until it is answered, and returns what stands in the ledger then, by key.

        The claims of the call's requests are held by this session; they are given up if nothing comes of it. Raises
        `Refused` if these requests can never be answered, `ModelCallFailed` if none of this lane can.
        """
        limiter = self._enter(lane)
        trouble = Trouble(call.requests[0].key, lane.limits.patience_seconds)
        ticket = limiter.ticket(call.size, self)
        in_flight = None
        try:
            while True:
                charge = await limiter.admit(ticket)
                try:
                    self._enter(lane)
                    reserved = await self._afford(lane, call)
                except BaseException:
                    limiter.returned(charge)
                    raise
                in_flight = self._loop.create_task(self._attempt(lane, limiter, charge, call, reserved))
                self._tasks.add(in_flight)
                in_flight.add_done_callback(self._tasks.discard)
                outcome = await asyncio.shield(in_flight)
                in_flight = None
                if isinstance(outcome, dict):
                    return outcome
                await self._weather(lane, limiter, trouble, outcome)
        except BaseException:
            if in_flight and not in_flight.done():
                in_flight.add_done_callback(partial(self._give_up, call))
            else:
                self._give_up(call, in_flight)
            raise

    async def collect(self, batch: "BatchLane", call: Call) -> dict[str, Completion]:
        """Waits for what a batch brings, which no limiter counts; the rest is as with `pursue`."""
        lane = batch.direct
        self._providers.setdefault(id(batch), batch.close)
        self._enter(lane)
        paid = 0.0
        try:
            reserved = await self._afford(lane, call)
            try:
                reply = await call.send()
                standing = await self.ledger.record(reply.entries)
                for entry in reply.entries:
                    self.usage.add(entry)
                    paid += entry.completion.cost
                return standing
            finally:
                if self._budget is not None and not lane.price.free:
                    self._budget.settle(reserved, paid)
        except BaseException:
            for key in call.keys:
                self.ledger.release(key)
            raise

    def _serve(self, request: Request) -> None:
        """Counts a request that another one's answer served."""
        self.usage.cached += 1
        if request.sources:
            self.ledger.attribute(request)

    async def close(self, interrupted: bool) -> None:
        """Starts nothing more, waits for what is in flight, and lets go of providers, limiters and claims."""
        self._stopped = self._stopped or RaftlineError("the run of this gateway has ended")
        try:
            for limiter in self._limiters:
                limiter.leave(self, self._stopped)
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=GRACE_SECONDS if interrupted else None)
            for close in self._providers.values():
                try:
                    await close()
                except Exception as error:
                    _log.debug("a provider did not close: %s", type(error).__name__)
        finally:
            self.ledger.close()

    def _enter(self, lane: Lane | EmbeddingLane) -> Limiter:
        """The lane's limiter, if calls may start there."""
        limiter = lane.limiter
        if limiter not in self._limiters:
            self._limiters[limiter] = None
            limiter.enter(self)
        self._providers.setdefault(id(lane.provider), lane.provider.close)
        stop = self._stopped or self._limiters[limiter]
        if stop:
            raise stop
        return limiter

    async def _afford(self, lane: Lane | EmbeddingLane, call: Call) -> float:
        """Reserves what the call may cost."""
        if self._budget is None or lane.price.free:
            return 0.0
        try:
            await self._budget.admit(call.usd)
        except Exception as error:
            self._stop(error)
            raise
        return call.usd

    async def _attempt(
        self, lane: Lane | EmbeddingLane, limiter: Limiter, charge: Charge, call: Call, reserved: float
    ) -> dict[str, Completion] | Exception:
        """One call, and its record. A failure is returned: nobody may be waiting any more."""
        started, paid = time.perf_counter(), 0.0
        try:
            reply = await self._send(lane, limiter, charge, call)
            standing = await self.ledger.record(reply.entries)
            for entry in reply.entries:
                self.usage.add(entry)
                paid += entry.completion.cost
            return standing
        except Exception as error:
            if isinstance(error, LedgerError):
                self._stop(error)
            if isinstance(error, Unavailable) and error.paid:
                paid += await self._lose(lane, call, error.paid, time.perf_counter() - started)
            return error
        finally:
            limiter.landed(charge)
            if self._budget is not None and not lane.price.free:
                self._budget.settle(reserved, paid)

    async def _lose(self, lane: Lane | EmbeddingLane, call: Call, answer: Completion, seconds: float) -> float:
        """Enters what was paid for an answer that is of no use; returns its cost."""
        priced = replace(answer, cost=lane.price.cost(answer))
        entry = Entry(call.requests[0], priced, seconds, self.run_id, lost=True)
        try:
            await self.ledger.record([entry])
        except LedgerError as error:
            self._stop(error)
            return 0.0
        self.usage.add(entry)
        return entry.completion.cost

    async def _send(self, lane: Lane | EmbeddingLane, limiter: Limiter, charge: Charge, call: Call) -> Reply:
        """The call itself. The limiter learns at once how it ended, before anything is recorded."""
        started = time.perf_counter()
        try:
            reply = await call.send()
        except RateLimited as error:
            limiter.refused(charge, error.retry_after)
            _tell(lane, started, error)
            raise
        except BaseException as error:
            if isinstance(error, Exception) and not isinstance(error, Refused | Unavailable):
                # Before anything else may start.
                self._open_circuit(lane, limiter, error)
            _tell(lane, started, error)
            raise
        limiter.answered(charge, reply.tokens, reply.quota)
        seconds, count = time.perf_counter() - started, len(reply.entries)
        told = "%s %s: %d answered in %.2f s, %d tokens"
        _log.debug(told, lane.role, lane.provider.identity.id, count, seconds, reply.tokens)
        return reply

    async def _weather(self, lane: Lane | EmbeddingLane, limiter: Limiter, trouble: Trouble, error: Exception) -> None:
        """Waits until a failed call may be made again. Raises if it may not."""
        match error:
            case Refused() | LedgerError():
                raise error
            case RateLimited() | Unavailable():
                self.usage.retried += 1
                now = limiter.clock()
                trouble.note(now, error)
                if trouble.is_its_own(limiter.answered_at):
                    raise Refused(f"given up after {trouble.faults} failures of this request alone; at last: {error}")
                if trouble.is_hopeless(now, limiter.answered_at, error):
                    reason = f"no answer for {lane.limits.patience_seconds:g} s or more to come; at last: {error}"
                    raise self._open_circuit(lane, limiter, reason) from error
                await asyncio.sleep(trouble.pause(error))
            case _:
                raise self._open_circuit(lane, limiter, error) from error

    def _open_circuit(self, lane: Lane | EmbeddingLane, limiter: Limiter, reason: object) -> Exception:
        """Fails everything that waits for this deployment, now and from now on."""
        failure = self._limiters[limiter] = self._limiters[limiter] or lane.failure(reason)
        limiter.reject(self, failure)
        return failure

    def _stop(self, error: Exception) -> None:
        """Fails everything that waits for any deployment."""
        self._stopped = self._stopped or error
        for limiter in self._limiters:
            limiter.reject(self, self._stopped)

    def _give_up(self, call: Call, attempt: "asyncio.Task[dict[str, Completion] | Exception] | None") -> None:
        """Gives up the claims of a call of which nothing was recorded."""
        if attempt is None or attempt.cancelled() or not isinstance(attempt.result(), dict):
            for key in call.keys:
                self.ledger.release(key)


def _tell(lane: Lane | EmbeddingLane, started: float, error: BaseException) -> None:
    kind = type(error).__name__
    _log.debug("%s %s: %s after %.2f s", lane.role, lane.provider.identity.id, kind, time.perf_counter() - started)
