"""Training files at the service: named by the hash of their bytes, so that equal rows are uploaded once.

The service holds few of them, and they are people's documents: ours are deleted when no job needs them any more.
"""

import asyncio
import hashlib
import re
import time
from codecs import BOM_UTF8
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from resources.llm.providers.words import scrubbed
from resources.training.azure_openai.jobs import recent
from resources.training.azure_openai.service import Service
from resources.training.base import TERMINAL, TrainingRejected, TrainingUnreachable

if TYPE_CHECKING:
    import openai
    from openai.types import FileObject

PURPOSE = "fine-tune"
_LOST = frozenset({"error", "deleted", "deleting"})
_OURS = re.compile(r"(train|validation)-[0-9a-f]{12}\.jsonl")
_LEAST_AGE = 86_400.0
"""Seconds for which a file may belong to a job that somebody is about to make."""


def ensure_file(service: Service, stem: str, rows: bytes) -> str:
    """The id of the file with these rows, read and accepted by the service; uploaded if it is not there.

    Raises `TrainingRejected` with the service's words for a file that it does not accept.
    """
    content = content_of(rows, service.options.byte_order_mark)
    name = file_name(stem, content)
    found = _find(service, name, len(content))
    if found is None:
        _make_room(service)
        try:
            found = _upload(service, name, content)
        except TrainingUnreachable:
            found = _find(service, name, len(content))
            if found is None:
                raise
    return _wait(service, name, found)


def find_files(service: Service, rows_of: Mapping[str, bytes]) -> list[str]:
    """The ids of the files that hold rows, given by their stems."""
    contents = [(stem, content_of(rows, service.options.byte_order_mark)) for stem, rows in rows_of.items()]
    found = [_find(service, file_name(stem, content), len(content)) for stem, content in contents]
    return [file_id for file_id in found if file_id]


def delete_files(service: Service, names: Sequence[str]) -> list[str]:
    """Deletes files of the service; those that are gone or still in use are passed over. Returns what was deleted."""

    async def delete(client: "openai.AsyncOpenAI") -> list[str]:
        import openai

        done = []
        for file_id in names:
            try:
                await client.files.delete(file_id)
            except (openai.NotFoundError, openai.ConflictError):
                continue
            done.append(file_id)
        return done

    return service.order(delete) if names else []


def content_of(rows: bytes, byte_order_mark: bool) -> bytes:
    """The bytes that leave."""
    return BOM_UTF8 + rows if byte_order_mark else rows


def file_name(stem: str, content: bytes) -> str:
    return f"{stem}-{hashlib.sha256(content).hexdigest()[:12]}.jsonl"


def _find(service: Service, name: str, size: int) -> str | None:
    async def look(client: "openai.AsyncOpenAI") -> str | None:
        async for file in client.files.list(purpose=PURPOSE):
            whole = file.bytes in (size, None)
            if file.filename == name and whole and file.status not in _LOST:
                return file.id
        return None

    return service.read(look)


def _make_room(service: Service) -> None:
    """Deletes files of ours beyond those that are kept, the oldest first; none that an open job reads, and no fresh one."""

    async def superfluous(client: "openai.AsyncOpenAI") -> list[str]:
        files = [file async for file in client.files.list(purpose=PURPOSE)]
        ours = [file for file in files if _OURS.fullmatch(file.filename) and file.status != "deleting"]
        ours.sort(key=lambda file: file.created_at)
        jobs = [job for job in await recent(client) if job.phase not in TERMINAL]
        needed = {name for job in jobs for name in (job.training_file, job.validation_file)}
        old = ours[: max(0, len(ours) - service.options.keep_files)]
        return [file.id for file in old if file.id not in needed and time.time() - file.created_at > _LEAST_AGE]

    delete_files(service, service.read(superfluous))


def _upload(service: Service, name: str, content: bytes) -> str:
    seconds = 60 * service.options.file_minutes

    async def upload(client: "openai.AsyncOpenAI") -> str:
        return (await client.files.create(file=(name, content), purpose=PURPOSE, timeout=seconds)).id

    return service.order(upload, seconds)


def _wait(service: Service, name: str, file_id: str) -> str:
    """Looks until the service has read a file. A status that is not known means: go on waiting."""
    pause = service.options.polling_seconds

    async def ready(client: "openai.AsyncOpenAI") -> "FileObject":
        while True:
            file = await client.files.retrieve(file_id)
            if str(file.status) == "processed" or str(file.status) in _LOST:
                return file
            await asyncio.sleep(pause)

    file = service.read(ready, 60 * service.options.file_minutes)
    if str(file.status) == "processed":
        return file_id
    words = scrubbed(str(file.status_details or "no reason is given"), service.connection.credential.secrets)
    raise TrainingRejected(f"{service.site.host} does not accept the file {name} ({file.status}): {words}")
