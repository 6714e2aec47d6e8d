"""The gateway: the one way to a model. It looks in the ledger first, calls what is missing, records, then answers."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np

from resources.llm import embedding
from resources.llm.batch_answers import answer_in_batch
from resources.llm.calls import Budget, Call, Reply
from resources.llm.lanes import EmbeddingLane, Lane, ModelCallFailed
from resources.llm.ledger import Entry, Ledger
from resources.llm.ledger_rows import recordable
from resources.llm.provider import Refused
from resources.llm.request import Completion, Request
from resources.llm.session import Session
from resources.llm.sizes import too_long
from resources.llm.together import all_of
from resources.llm.usage import Usage

__all__ = ["Budget", "EmbeddingLane", "Gateway", "Lane", "ModelCallFailed"]

T = TypeVar("T")


@dataclass
class Gateway:
    """Answers requests, each paid for once. `run` opens the event loop in which `ask` may be awaited."""

    ledger: Ledger
    run_id: str = ""
    usage: Usage = field(default_factory=Usage)
    budget: Budget | None = None
    _sessions: dict[asyncio.AbstractEventLoop, Session] = field(default_factory=dict, init=False, repr=False)

    def run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Runs a stage's coroutine to its end, then closes the providers it used. Not to be nested.

        However it ends, calls in flight are waited for and recorded (for some seconds only after an interrupt).
        """
        return asyncio.run(self._run(work))

    async def ask(self, lane: Lane, request: Request) -> Completion:
        """The answer to one request: from the ledger, or called, recorded, then returned. Only inside `run`.

        A request that can never be answered comes back as `Completion.failed`. Raises `ModelCallFailed` if the
        deployment cannot be used or retries ran out of time; what others were answered is recorded by then.
        """
        if request.refusal:
            return Completion.failed(request.refusal)
        session = self._session()
        return await session.flights.one(request, lambda: _answer(session, lane, request))

    def complete(self, lane: Lane, requests: Sequence[Request]) -> list[Completion]:
        """One completion per request, in order. Equal requests are called once."""
        return self.run(lambda: all_of(self.ask(lane, request) for request in requests)) if requests else []

    def embed(
        self, lane: EmbeddingLane, texts: Sequence[str], sources: Sequence[tuple[str, ...]] = ()
    ) -> list[np.ndarray]:
        """One float32 vector per text. Each text is its own ledger entry, so batching changes nothing."""
        return self.run(lambda: self.vectors(lane, texts, sources)) if texts else []

    async def vectors(
        self, lane: EmbeddingLane, texts: Sequence[str], sources: Sequence[tuple[str, ...]] = ()
    ) -> list[np.ndarray]:
        """The same inside `run`."""
        requests = embedding.requests_of(lane, texts, sources)
        session = self._session()
        distinct = list({request.key: request for request in requests}.values())
        session.usage.cached += len(requests) - len(distinct)
        found = await embedding.embed(session, lane, distinct)
        for request in requests:
            if request.sources:
                session.ledger.attribute(request)
        return [embedding.unpack(found[request.key].text) for request in requests]

    async def _run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        loop = asyncio.get_running_loop()
        session = self._sessions[loop] = Session(self.ledger, self.usage, self.run_id, self.budget)
        interrupted = False
        try:
            return await work()
        except asyncio.CancelledError:
            interrupted = True
            raise
        finally:
            try:
                await session.close(interrupted)
            finally:
                del self._sessions[loop]

    def _session(self) -> Session:
        session = self._sessions.get(asyncio.get_running_loop())
        if session is None:
            raise RuntimeError("a model is asked outside of its gateway's run")
        return session


async def _answer(session: Session, lane: Lane, request: Request) -> Completion:
    """The answer from the ledger, or from the model."""
    found = await session.ledger.look(request)
    if found is not None:
        session.usage.cached += 1
        return found
    reason = too_long(request, lane.context_window)
    if reason:
        session.ledger.release(request.key)
        return Completion.failed(reason)
    if lane.batch:
        if not request.attempt:
            return await answer_in_batch(session, lane.batch, request)
        lane = lane.batch.direct
    size = lane.sizes.of(request)

    async def send() -> Reply:
        started = time.perf_counter()
        answer = await lane.provider.complete(request)
        lane.sizes.learn(size, answer)
        answer = replace(answer, text=recordable(answer.text), cost=lane.price.cost(answer))
        entry = Entry(request, answer, time.perf_counter() - started, session.run_id)
        return Reply([entry], answer.prompt_tokens + answer.completion_tokens, answer.quota)

    usd = lane.price.of_tokens(size.prompt, size.most - size.prompt)
    try:
        return (await session.pursue(lane, Call([request], size, usd, send)))[request.key]
    except Refused as error:
        return Completion.failed(str(error))
