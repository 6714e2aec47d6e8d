"""What a listing means: pure functions from what is known and what is listed to the batches between them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from resources.corpus.manifest import Entry, Listed, Manifest
from resources.corpus.received import Received


def current_entries(
    manifests: Iterable[Manifest], received: Mapping[int, Mapping[str, Received]] | None = None
) -> dict[str, Entry]:
    """The latest entry of every document ever seen, tombstones included.

    `received` tells by sequence number and path what entries turned out to be whose bytes were unknown when listed.
    """
    latest: dict[str, Entry] = {}
    for manifest in sorted(manifests, key=lambda m: m.sequence):
        found = (received or {}).get(manifest.sequence, {})
        for entry in manifest.entries:
            latest[entry.uri] = _completed(entry, found.get(entry.uri))
    return latest


def plan_batches(
    inventory: Sequence[Listed] | None,
    known: Mapping[str, Entry],
    next_sequence: int,
    max_documents: int,
    source: str = "",
    class_of: Callable[[str], str] = lambda uri: "",
) -> list[Manifest]:
    """The batches that turn what is known into what is listed.

    A failed listing is None and plans nothing; an empty one withdraws everything. Of several documents with the same
    bytes one counts and the others are its duplicates; documents whose bytes are not known yet are none.
    """
    if inventory is None:
        return []
    listed = {one.uri: _with_version(one, known.get(one.uri)) for one in inventory}
    wanted = [
        Entry(one.uri, one.etag, one.size, one.version, one.refusal, duplicate_of=copy_of)
        for one, copy_of in zip(listed.values(), originals(list(listed.values()), known), strict=True)
    ]
    changed = [entry for entry in wanted if not _same(known.get(entry.uri), entry)]
    withdrawn = [
        Entry(uri, entry.etag, 0, entry.version, tombstone=True)
        for uri, entry in known.items()
        if uri not in listed and not entry.tombstone
    ]
    entries = [
        replace(entry, document_class=class_of(entry.uri))
        for entry in sorted([*changed, *withdrawn], key=lambda entry: entry.uri)
    ]
    return [
        Manifest(next_sequence + number, tuple(entries[start : start + max_documents]), source=source)
        for number, start in enumerate(range(0, len(entries), max_documents))
    ]


def originals(documents: Sequence[Listed], known: Mapping[str, Entry]) -> list[str]:
    """For each document the path of the one with the same bytes that counts instead; empty if it counts itself.

    The one that counted already goes on counting, else the first by path. One that cannot be had does not count.
    """
    first: dict[str, str] = {}
    for one in sorted(documents, key=lambda item: (not _counts(known.get(item.uri), item.version), item.uri)):
        if one.version and not one.refusal:
            first.setdefault(one.version, one.uri)
    return ["" if first.get(one.version, one.uri) == one.uri else first[one.version] for one in documents]


def _with_version(listed: Listed, known: Entry | None) -> Listed:
    """The document with the version under which its unchanged stamp was received before."""
    if listed.version or listed.refusal or known is None or known.tombstone or known.etag != listed.etag:
        return listed
    return replace(listed, version=known.version)


def _completed(entry: Entry, found: Received | None) -> Entry:
    """The entry with what reading its document found out."""
    if found is None:
        return entry
    refusal = found.withheld or entry.refusal
    return replace(entry, version=found.version, duplicate_of=found.duplicate_of, refusal=refusal)


def _same(known: Entry | None, wanted: Entry) -> bool:
    if known is None or known.tombstone or known.duplicate_of != wanted.duplicate_of:
        return False
    if bool(known.refusal) != bool(wanted.refusal):
        return False
    if known.version and wanted.version:
        return known.version == wanted.version
    return known.etag == wanted.etag


def _counts(entry: Entry | None, version: str) -> bool:
    if entry is None or entry.tombstone or entry.refusal or entry.duplicate_of:
        return False
    return entry.version == version
