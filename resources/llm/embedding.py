"""Embeddings through a gateway: cut into batches for the service, recorded text by text."""

import asyncio
import base64
import time
from collections.abc import Coroutine, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from resources.llm.calls import Call, Reply
from resources.llm.lanes import EmbeddingLane, RequestRefused
from resources.llm.ledger import Entry
from resources.llm.provider import Refused, Unavailable
from resources.llm.request import Completion, Message, Request
from resources.llm.session import Session
from resources.llm.together import all_of
from resources.tokens import count_tokens

MOST_TEXTS = 256
MOST_TOKENS = 64_000
"""Of one call. Services take 2048 texts and some 300,000 tokens; a smaller batch loses less when it is torn."""

QUOTA_SHARE = 0.1
"""Most of a minute's tokens in one call, so that a small quota is used evenly."""


def requests_of(lane: EmbeddingLane, texts: Sequence[str], sources: Sequence[tuple[str, ...]]) -> list[Request]:
    """A request per text: each text is its own ledger entry, so that batching changes nothing."""
    origins = sources or [()] * len(texts)
    return [
        Request("embedder", lane.provider.identity, (Message("user", text),), sources=tuple(origin))
        for text, origin in zip(texts, origins, strict=True)
    ]


async def embed(session: Session, lane: EmbeddingLane, requests: Sequence[Request]) -> dict[str, Completion]:
    """The packed vectors of distinct requests, by key: from the ledger, or called in batches and recorded."""
    return await session.flights.each(requests, lambda own: _embed(session, lane, own))


async def _embed(session: Session, lane: EmbeddingLane, requests: Sequence[Request]) -> dict[str, Completion]:
    """The same for requests that nobody else in this session asks for."""
    return await _looked_up(session, lane, dict(zip(session.ledger.look_all(requests), requests, strict=True)))


async def _looked_up(
    session: Session, lane: EmbeddingLane, looks: Mapping["asyncio.Future[Completion | None]", Request]
) -> dict[str, Completion]:
    """Calls what nobody has as soon as that is known, while the rest waits for other processes to bring theirs.

    Two processes that hold texts back until they have them all would wait for each other for ever.
    """
    try:
        await asyncio.wait(looks, return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:
        for look, request in looks.items():
            if not look.cancel() and not look.exception() and look.result() is None:
                session.ledger.release(request.key)
        raise
    known = {request.key: answer for look, request in looks.items() if look.done() and (answer := look.result())}
    session.usage.cached += len(known)
    missing = [request for look, request in looks.items() if look.done() and request.key not in known]
    waiting = {look: request for look, request in looks.items() if not look.done()}
    parts = [_embed_batch(session, lane, batch) for batch in _batches(lane, missing)]
    return known | await _all([*parts, *([_looked_up(session, lane, waiting)] if waiting else [])])


async def _all(parts: Iterable[Coroutine[Any, Any, dict[str, Completion]]]) -> dict[str, Completion]:
    """What all parts found."""
    found: dict[str, Completion] = {}
    for part in await all_of(parts):
        found |= part
    return found


async def _embed_batch(
    session: Session, lane: EmbeddingLane, batch: Sequence[tuple[Request, int]]
) -> dict[str, Completion]:
    size = lane.sizes.of_texts(sum(tokens for _, tokens in batch))
    requests = [request for request, _ in batch]

    async def send() -> Reply:
        started = time.perf_counter()
        embedded = await lane.provider.embed([request.user_text for request in requests])
        if len(embedded.vectors) != len(requests):
            raise Unavailable(f"{len(embedded.vectors)} vectors came for {len(requests)} texts")
        seconds = (time.perf_counter() - started) / len(requests)
        entries = []
        shares = _shares([tokens for _, tokens in batch], embedded.prompt_tokens)
        for request, vector, tokens in zip(requests, embedded.vectors, shares, strict=True):
            answer = Completion(
                pack(vector),
                "stop",
                tokens,
                0,
                lane.price.of_tokens(tokens, 0),
                served_model=embedded.served_model,
                request_id=embedded.request_id,
                real=embedded.real,
            )
            entries.append(Entry(request, answer, seconds, session.run_id))
        lane.sizes.learn(size, Completion("", "stop", embedded.prompt_tokens))
        return Reply(entries, embedded.prompt_tokens, embedded.quota)

    try:
        return await session.pursue(lane, Call(requests, size, lane.price.of_tokens(size.most, 0), send))
    except Refused as error:
        if len(requests) == 1:
            raise RequestRefused(str(lane.failure(f"a text of {batch[0][1]} tokens is refused: {error}"))) from error
    # One text spoils its batch: halves find it.
    middle = len(requests) // 2
    return await _all(_embed(session, lane, half) for half in (requests[:middle], requests[middle:]))


def _batches(lane: EmbeddingLane, requests: Sequence[Request]) -> Iterator[list[tuple[Request, int]]]:
    quota = lane.limits.tokens_per_minute
    most = MOST_TOKENS if quota is None else min(MOST_TOKENS, max(1, int(quota * QUOTA_SHARE)))
    batch: list[tuple[Request, int]] = []
    held = 0
    for request in requests:
        tokens = count_tokens(request.user_text)
        if batch and (len(batch) == MOST_TEXTS or held + tokens > most):
            yield batch
            batch, held = [], 0
        batch.append((request, tokens))
        held += tokens
    if batch:
        yield batch


def _shares(weights: Sequence[int], total: int) -> list[int]:
    """Whole numbers in proportion to the weights that add up to the total."""
    whole = sum(weights)
    if not whole:
        weights, whole = [1] * len(weights), len(weights)
    return [
        after - before for before, after in pairwise(total * part // whole for part in accumulate(weights, initial=0))
    ]


def pack(vector: np.ndarray) -> str:
    """A vector as the ledger keeps it."""
    return base64.b64encode(np.asarray(vector, dtype="<f4").tobytes()).decode()


def unpack(text: str) -> np.ndarray:
    """The vector that was packed."""
    return np.frombuffer(base64.b64decode(text), dtype="<f4")
