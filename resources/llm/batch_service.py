"""The Batch API of Azure OpenAI and OpenAI-compatible servers: files of lines up, batches of them, files of lines down."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from resources.llm.batch import BatchLane
from resources.llm.batch_api import MAX_LINES, BatchState, ResultFile
from resources.llm.batch_store import BatchStore
from resources.llm.lanes import Lane
from resources.llm.ledger import Ledger
from resources.llm.provider import CallError
from resources.llm.providers.connection import Connection, Reply
from resources.llm.providers.faults import fault_of, said
from resources.llm.providers.wire import chat_body, completion_of
from resources.llm.providers.words import scrubbed
from resources.llm.request import Completion, Request
from resources.llm.roles import Limits

if TYPE_CHECKING:
    import openai
    from openai.types import Batch

KEY_HASH = "raftline_key_hash"
"""Metadata by which a batch of ours is found again."""

KEPT_SECONDS = 1_209_600
"""How long the service keeps files (14 days); a batch takes one at most."""

TRANSFER_SECONDS = 900.0
"""Longest upload or download of a file."""

_UNREADY = frozenset({"pending", "running"})
"""Azure's words for a file that it still checks."""

_LOOK_BACK = 2_000
"""Batches looked through for one of ours."""


@dataclass(frozen=True)
class OpenAIBatches:
    """The batches of one deployment, over the connection that its other calls go through."""

    connection: Connection

    @property
    def url(self) -> str:
        """What lines and batch name as their endpoint: Azure's legacy API has no version in it."""
        return "/chat/completions" if self.connection.site.settings.api_version else "/v1/chat/completions"

    def line(self, request: Request) -> dict[str, Any]:
        site = self.connection.site
        body = chat_body(request, site) | {"model": site.settings.batch_deployment or site.name}
        return {"custom_id": request.key, "method": "POST", "url": self.url, "body": body}

    def answer(self, request: Request, response: Mapping[str, Any], headers: Mapping[str, str]) -> Completion:
        told = {**headers, "x-request-id": str(response.get("request_id") or "")}
        return completion_of(Reply(response["body"], told), request, self.connection.site)

    def fault(self, status: int, body: Any) -> CallError:
        return fault_of(said(status, body, {}, self.connection.credential.secrets), self.connection.site)

    async def submit(self, key_hash: str, content: bytes) -> BatchState:
        expiry: Any = {"anchor": "created_at", "seconds": KEPT_SECONDS}

        async def upload(client: "openai.AsyncOpenAI") -> str:
            name = f"raftline-{key_hash[:24]}.jsonl"
            file = await client.files.create(
                file=(name, content), purpose="batch", expires_after=expiry, timeout=TRANSFER_SECONDS
            )
            return file.id

        async def ready(client: "openai.AsyncOpenAI") -> None:
            pause = 0.1
            while (await client.files.retrieve(file_id)).status in _UNREADY:
                await asyncio.sleep(pause)
                pause = min(2 * pause, 10.0)

        file_id = await self.connection.call(upload, TRANSFER_SECONDS)
        await self.connection.call(ready, TRANSFER_SECONDS)

        async def create(client: "openai.AsyncOpenAI") -> "Batch":
            endpoint: Any = self.url
            return await client.batches.create(
                input_file_id=file_id, endpoint=endpoint, completion_window="24h", metadata={KEY_HASH: key_hash}
            )

        return self._state(await self.connection.call(create))

    async def find(self, key_hash: str) -> BatchState | None:
        async def look(client: "openai.AsyncOpenAI") -> "Batch | None":
            seen = 0
            async for batch in client.batches.list(limit=100):
                seen += 1
                if (batch.metadata or {}).get(KEY_HASH) == key_hash:
                    return batch
                if seen >= _LOOK_BACK:
                    break
            return None

        found = await self.connection.call(look)
        return self._state(found) if found else None

    async def state(self, batch_id: str) -> BatchState:
        """As the service tells it; one that it does not know any more counts as expired."""
        import openai

        async def look(client: "openai.AsyncOpenAI") -> "Batch | None":
            try:
                return await client.batches.retrieve(batch_id)
            except openai.NotFoundError:
                return None

        found = await self.connection.call(look)
        return self._state(found) if found else BatchState(batch_id, "expired")

    async def results(self, file_id: str) -> ResultFile:
        """A result file; without lines if the service does not keep it any longer."""
        import openai

        async def download(client: "openai.AsyncOpenAI") -> ResultFile:
            try:
                content = await client.files.content(file_id, timeout=TRANSFER_SECONDS)
            except openai.NotFoundError:
                return ResultFile()
            return ResultFile(tuple(content.text.split("\n")), dict(content.response.headers))

        return await self.connection.call(download, TRANSFER_SECONDS)

    def _state(self, batch: "Batch") -> BatchState:
        errors = (batch.errors.data if batch.errors else None) or []
        counts = batch.request_counts
        return BatchState(
            batch.id,
            batch.status,
            tuple(file for file in (batch.output_file_id, batch.error_file_id) if file),
            (counts.completed + counts.failed) if counts else 0,
            counts.total if counts else 0,
            scrubbed("; ".join(str(error.message) for error in errors), self.connection.credential.secrets),
        )


def batch_lane(direct: Lane, connection: Connection, ledger: Ledger, wait_seconds: float) -> Lane:
    """A lane whose first attempts go through batches. No limit of the deployment holds for those."""
    identity = connection.site.identity
    store = BatchStore(ledger, identity.endpoint, identity.model)
    batch = BatchLane(direct, OpenAIBatches(connection), store, wait_seconds)
    return replace(direct, limits=Limits(concurrency=MAX_LINES), batch=batch)
