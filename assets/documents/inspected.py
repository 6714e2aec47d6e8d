"""What was found out about documents before, so that equal bytes are not looked into twice."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath

from assets.documents.arrival import OK
from assets.documents.inspection import DocumentFacts
from resources.lake.lake import Lake
from resources.lake.tables import RAW_PDFS

Inspect = Callable[[bytes, str], DocumentFacts]


def known_facts(lake: Lake, made_from: Mapping[str, str]) -> dict[str, DocumentFacts]:
    """The facts of every document that was found readable before, by version.

    `made_from` is what the fingerprint of a batch must say: what other code found out is not known. Nor is a document whose
    title may be its file's name, since a copy of it may have another.
    """
    facts = {}
    for batch in lake.partitions(RAW_PDFS):
        fingerprint = lake.fingerprint(RAW_PDFS.name, batch)
        if fingerprint is None or any(fingerprint.get(name, "") != value for name, value in made_from.items()):
            continue
        for row in lake.read(RAW_PDFS, batch, ["uri", "version", "title", "page_count", "status"]).to_pylist():
            if row["status"] == OK and row["title"] != PurePosixPath(row["uri"]).stem:
                facts[row["version"]] = DocumentFacts(row["page_count"], row["title"])
    return facts


def remembering(inspect: Inspect, known: Mapping[str, DocumentFacts]) -> Inspect:
    """The inspection, but of what is not known only."""

    def look(data: bytes, name: str) -> DocumentFacts:
        return known.get(hashlib.sha256(data).hexdigest()) or inspect(data, name)

    return look
