"""Receiving a batch: each entry of its manifest becomes one row, readable or with the reason why not."""

import hashlib
import os
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from assets.documents.inspection import DocumentFacts
from assets.documents.isolation import stop_with
from resources.corpus.batches import originals
from resources.corpus.manifest import Entry, Listed, Manifest, document_id, sequence_of
from resources.corpus.received import Received
from resources.corpus.source import AccessDenied, SourceUnavailable, Withheld
from resources.errors import UnreadableDocument
from resources.lake.lake import Lake
from resources.lake.tables import RAW_PDFS

OK = "ok"
UNREADABLE = "unreadable"
DUPLICATE = "duplicate"
UNCHANGED = "unchanged"
WITHDRAWN = "withdrawn"

Inspect = Callable[[bytes, str], DocumentFacts]
Read = Callable[[Listed], bytes]


def fetch(
    manifest: Manifest,
    before: Mapping[str, Entry],
    received: Mapping[str, Received],
    read: Read,
    lake: Lake,
    erased: Collection[str] = (),
) -> list[Entry]:
    """The entries of a batch, each with its version, or with the reason why its bytes could not be had.

    What was listed without a version is read into the lake now; copies among it become duplicates. `before` is what was
    known of every document earlier, `received` what an earlier attempt at this batch found out. Raises
    `SourceUnavailable` if the source does not answer, or lets none of several documents be read, which are all that the
    batch brings: the batch is done when it does.
    """
    entries: dict[str, Entry] = {}
    found: set[str] = set()
    denied: list[AccessDenied] = []
    for entry in manifest.entries:
        entries[entry.uri] = entry
        one = received.get(entry.uri)
        if one and (entry.version or (one.version and lake.has_blob(one.version))):
            entries[entry.uri] = replace(entry, version=one.version, duplicate_of=one.duplicate_of)
            continue
        if entry.version or entry.tombstone or entry.refusal:
            continue
        try:
            entries[entry.uri] = replace(entry, version=_stored(entry, read, lake, erased))
            found.add(entry.uri)
        except UnreadableDocument as problem:
            entries[entry.uri] = replace(entry, refusal=problem.advice)
            denied += [problem] if isinstance(problem, AccessDenied) else []
    if len(denied) > 1 and not any(entry.version or entry.tombstone for entry in entries.values()):
        raise SourceUnavailable(f"no document of this batch may be read: {denied[0]}")
    return _without_copies(entries, before, found)


def noting(read: Read, withheld: dict[str, str]) -> Read:
    """The reading, but what the source withholds is also written into `withheld`: the reason by path."""

    def noted(document: Listed) -> bytes:
        try:
            return read(document)
        except Withheld as problem:
            withheld[document.uri] = problem.advice
            raise

    return noted


def receipts_of(
    manifest: Manifest, entries: Iterable[Entry], withheld: Mapping[str, str] | None = None
) -> dict[str, Received]:
    """What reading found out: the entries whose version, or whose original, the listing did not tell; the withheld."""
    why = withheld or {}
    listed = {entry.uri: Received(entry.version, entry.duplicate_of) for entry in manifest.entries}
    found = {entry.uri: Received(entry.version, entry.duplicate_of, why.get(entry.uri, "")) for entry in entries}
    return {uri: one for uri, one in found.items() if one != listed[uri]}


def receive(entry: Entry, read: Read, lake: Lake, inspect: Inspect) -> dict[str, Any]:
    """The row of one entry. The bytes are stored before anything looks into them."""
    row = plain_row(entry)
    if entry.tombstone:
        return row
    if entry.duplicate_of:
        return row | {"status": DUPLICATE, "error": f"same bytes as {entry.duplicate_of}, which is used instead"}
    if entry.refusal:
        return row | {"status": UNREADABLE, "error": entry.refusal}
    try:
        data = _bytes_of(entry, read, lake)
        facts = inspect(data, entry.uri)
    except UnreadableDocument as problem:
        return row | {"status": UNREADABLE, "error": problem.advice}
    return row | {"status": OK, "title": facts.title or row["title"], "page_count": facts.page_count}


def plain_row(entry: Entry, status: str = WITHDRAWN) -> dict[str, Any]:
    """The row of an entry that is not looked into."""
    return {
        "document_id": document_id(entry.uri),
        "version": entry.version,
        "uri": entry.uri,
        "title": PurePosixPath(entry.uri).stem,
        "bytes": entry.size,
        "page_count": 0,
        "status": status,
        "error": None,
        "tombstone": entry.tombstone,
    }


def receive_all(
    entries: Sequence[Entry], read: Read, lake: Lake, inspect: Inspect, unchanged: Collection[str] = ()
) -> list[dict[str, Any]]:
    """The rows of a batch's entries in their order. As many documents are looked into at once as there are cores.

    What is `unchanged`, by uri, is not looked into. Whoever gives up stops the child processes too.
    """

    def row(entry: Entry) -> dict[str, Any]:
        return plain_row(entry, UNCHANGED) if entry.uri in unchanged else receive(entry, read, lake, inspect)

    stop = threading.Event()
    # The pool's threads only wait for the source and for child processes.
    pool = ThreadPoolExecutor(os.cpu_count() or 1, initializer=stop_with, initargs=(stop,))
    try:
        return list(pool.map(row, entries))
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


def unchanged_of(entries: Iterable[Entry], before: Mapping[str, Entry], lake: Lake, batch: str) -> set[str]:
    """The documents, by uri, that came again, under another stamp, with the bytes that an earlier batch could use."""
    asked = {entry.uri: entry.version for entry in entries if _came_again(entry, before.get(entry.uri))}
    found: set[str] = set()
    earlier = (one for one in lake.partitions(RAW_PDFS) if sequence_of(one) < sequence_of(batch))
    for one in sorted(earlier, reverse=True):
        if not asked:
            break
        for row in lake.read(RAW_PDFS, one, ["uri", "version", "status"]).to_pylist():
            if asked.pop(row["uri"], "") == row["version"] and row["status"] in (OK, UNCHANGED):
                found.add(row["uri"])
    return found


def _came_again(entry: Entry, known: Entry | None) -> bool:
    if entry.tombstone or entry.duplicate_of or known is None or known.tombstone or known.duplicate_of:
        return False
    return bool(entry.version) and known.version == entry.version


def _without_copies(entries: Mapping[str, Entry], before: Mapping[str, Entry], found: Collection[str]) -> list[Entry]:
    """The entries; those just found to have another document's bytes, or to be had by one just found, are copies."""
    living = [one for one in {**before, **entries}.values() if not one.tombstone and not one.duplicate_of]
    original = dict(zip((one.uri for one in living), originals(living, before), strict=True))
    return [
        replace(entry, duplicate_of=copy_of) if copy_of and (uri in found or copy_of in found) else entry
        for uri, entry in entries.items()
        for copy_of in [original.get(uri, "")]
    ]


def _stored(entry: Entry, read: Read, lake: Lake, erased: Collection[str]) -> str:
    """The version of an entry, whose bytes are in the lake from then on."""
    data = read(entry)
    version = hashlib.sha256(data).hexdigest()
    if version in erased:
        raise UnreadableDocument(entry.uri, "these bytes were erased from this home", "remove it from the source")
    return lake.put_blob(data)


def _bytes_of(entry: Entry, read: Read, lake: Lake) -> bytes:
    """The version the manifest names: from the lake if it was ever stored there, else from the source."""
    if lake.has_blob(entry.version):
        return lake.get_blob(entry.version)
    data = read(entry)
    lake.put_blob(data)
    return data
