"""Receiving a batch: each entry of its manifest becomes one row, readable or with the reason why not."""

import hashlib
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

from assets.documents.inspection import DocumentFacts
from resources.corpus.manifest import Entry, document_id
from resources.errors import UnreadableDocument
from resources.lake.lake import Lake

OK = "ok"
UNREADABLE = "unreadable"
DUPLICATE = "duplicate"
WITHDRAWN = "withdrawn"

Inspect = Callable[[bytes, str], DocumentFacts]


def receive(entry: Entry, read: Callable[[str], bytes], lake: Lake, inspect: Inspect) -> dict[str, Any]:
    """The row of one entry. The bytes are stored before anything looks into them."""
    row = {
        "document_id": document_id(entry.uri),
        "version": entry.etag,
        "uri": entry.uri,
        "title": PurePosixPath(entry.uri).stem,
        "bytes": entry.size,
        "page_count": 0,
        "status": WITHDRAWN,
        "error": None,
        "tombstone": entry.tombstone,
    }
    if entry.tombstone:
        return row
    if entry.duplicate_of:
        return row | {"status": DUPLICATE, "error": f"same bytes as {entry.duplicate_of}, which is used instead"}
    try:
        data = _bytes_of(entry, read, lake)
        facts = inspect(data, entry.uri)
    except UnreadableDocument as problem:
        return row | {"status": UNREADABLE, "error": problem.advice}
    return row | {"status": OK, "title": facts.title or row["title"], "page_count": facts.page_count}


def _bytes_of(entry: Entry, read: Callable[[str], bytes], lake: Lake) -> bytes:
    """The version the manifest names: from the lake if it was ever stored there, else from the source."""
    if lake.has_blob(entry.etag):
        return lake.get_blob(entry.etag)
    try:
        data = read(entry.uri)
    except FileNotFoundError as error:
        raise UnreadableDocument(entry.uri, "gone from the source since it was listed", "add it again") from error
    except OSError as error:
        raise UnreadableDocument(entry.uri, f"cannot be read: {error.strerror}", "check its permissions") from error
    if hashlib.sha256(data).hexdigest() != entry.etag:
        raise UnreadableDocument(entry.uri, "changed since it was listed", "the next scan brings the new version")
    lake.put_blob(data)
    return data
