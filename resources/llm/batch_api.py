"""The Batch API as the batch lane sees it: a batch's state, its result files, and what a service must be able to do."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from resources.llm.provider import CallError
from resources.llm.request import Completion, Request

MAX_LINES = 50_000
MAX_BYTES = 190_000_000
"""What one file may hold: the services' limits are 50,000 lines and 200 MB."""

FINAL = frozenset({"completed", "failed", "expired", "cancelled"})
"""Statuses after which a batch answers nothing more. One that is not known means: go on waiting."""


@dataclass(frozen=True)
class BatchState:
    """A batch as the service tells it. `reason` is the service's own words about what failed."""

    batch_id: str
    status: str
    files: tuple[str, ...] = ()
    finished: int = 0
    total: int = 0
    reason: str = ""


@dataclass(frozen=True)
class ResultFile:
    """The lines of a result file, and the headers it came with."""

    lines: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


class BatchService(Protocol):
    """Files and batches of one deployment. Every method raises a `CallError` of the kind that fits."""

    def line(self, request: Request) -> dict[str, Any]:
        """A request as a line of a batch; its `custom_id` is the request's key."""
        ...

    def answer(self, request: Request, response: Mapping[str, Any], headers: Mapping[str, str]) -> Completion:
        """The completion in the response of an answered line."""
        ...

    def fault(self, status: int, body: Any) -> CallError:
        """The failure that a line stands for."""
        ...

    async def submit(self, key_hash: str, content: bytes) -> BatchState:
        """Uploads lines and makes a batch of them that carries the hash."""
        ...

    async def find(self, key_hash: str) -> BatchState | None:
        """The batch that carries a hash, if the service has one."""
        ...

    async def state(self, batch_id: str) -> BatchState: ...

    async def results(self, file_id: str) -> ResultFile: ...


def files_of(service: BatchService, requests: Sequence[Request]) -> list[tuple[list[Request], bytes]]:
    """The requests as files within the services' limits."""
    parts: list[tuple[list[Request], list[bytes]]] = []
    size = 0
    for request in requests:
        line = json.dumps(service.line(request)).encode() + b"\n"
        if not parts or len(parts[-1][0]) >= MAX_LINES or size + len(line) > MAX_BYTES:
            parts.append(([], []))
            size = 0
        size += len(line)
        parts[-1][0].append(request)
        parts[-1][1].append(line)
    return [(part, b"".join(lines)) for part, lines in parts]
