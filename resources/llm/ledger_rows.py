"""The ledger's rows: how a finished call is written, and how answers are read back."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import sqlalchemy as sa

from resources.hashing import well_formed
from resources.llm.ledger_schema import answers, sources
from resources.llm.request import Completion, Request

T = TypeVar("T")

_ROWS = 500
"""Rows and keys in one statement: databases limit its parameters."""


@dataclass(frozen=True)
class Entry:
    """One finished call: the request, its answer, how long the provider took (seconds), and who paid for it.

    `lost` is an answer that was paid for and is of no use: an entry in the account of money that answers nothing.
    """

    request: Request
    completion: Completion
    seconds: float
    run_id: str = ""
    batch_id: str = ""
    lost: bool = False


def answers_of(connection: sa.Connection, keys: Iterable[str]) -> dict[str, Completion]:
    """The recorded answers by key, marked as cached."""
    found: dict[str, Completion] = {}
    for window in windows(sorted(keys)):
        query = sa.select(answers).where(answers.c.key.in_(window))
        for row in connection.execute(query):
            found[row.key] = Completion(
                row.response,
                row.finish_reason,
                row.prompt_tokens,
                row.completion_tokens,
                row.cost,
                True,
                row.cached_tokens,
                row.served_model,
                row.request_id,
                row.real,
            )
    return found


def missing_sources(connection: sa.Connection, requests: Sequence[Request]) -> list[dict[str, str]]:
    wanted = {(request.key, source) for request in requests for source in request.sources}
    for window in windows(sorted({key for key, _ in wanted})):
        query = sa.select(sources.c.key, sources.c.document_version).where(sources.c.key.in_(window))
        wanted -= {(key, source) for key, source in connection.execute(query)}
    return [{"key": key, "document_version": source} for key, source in sorted(wanted)]


def windows(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """A list cut into what one statement takes."""
    for start in range(0, len(items), _ROWS):
        yield items[start : start + _ROWS]


def call_row(entry: Entry, now: datetime) -> dict[str, object]:
    request, completion = entry.request, entry.completion
    return {
        "key": request.key,
        "run_id": entry.run_id,
        "role": request.role,
        "provider": request.model.provider,
        "endpoint": request.model.endpoint,
        "model": request.model.model,
        "served_model": completion.served_model,
        "request_id": completion.request_id,
        "batch_id": entry.batch_id,
        "prompt_version": request.prompt_version,
        "finish_reason": "lost" if entry.lost else completion.finish_reason,
        "prompt_tokens": completion.prompt_tokens,
        "cached_tokens": completion.cached_tokens,
        "completion_tokens": completion.completion_tokens,
        "cost": completion.cost,
        "seconds": entry.seconds,
        "real": completion.real,
        "day": f"{now:%Y-%m-%d}",
        "finished_at": now,
    }


def recordable(text: str) -> str:
    """A model's text as both databases can hold it: neither takes a lone surrogate, and Postgres no NUL."""
    return well_formed(text).replace("\x00", "\ufffd")


def answer_row(entry: Entry) -> dict[str, object]:
    completion = entry.completion
    return {
        "key": entry.request.key,
        "request": entry.request.body_json,
        "response": completion.text,
        "finish_reason": completion.finish_reason,
        "prompt_tokens": completion.prompt_tokens,
        "cached_tokens": completion.cached_tokens,
        "completion_tokens": completion.completion_tokens,
        "cost": completion.cost,
        "served_model": completion.served_model,
        "request_id": completion.request_id,
        "real": completion.real,
    }
