"""What later stages look up in rows of `corpus`: a chunk's version, its page, the group of its questions."""

from collections.abc import Iterable, Mapping
from typing import Any

from assets.raft.similarity import normalised
from resources.hashing import short_id
from resources.lake.lake import Lake
from resources.lake.tables import CHUNKS

Row = Mapping[str, Any]


def versions_of(corpus: Iterable[Row]) -> dict[str, str]:
    """The document version of every chunk."""
    return {chunk["chunk_id"]: chunk["version"] for chunk in corpus}


def versions_ever(lake: Lake) -> dict[str, str]:
    """The document version of every chunk that any batch brought, its newest where it came unchanged again.

    What was cut from an earlier corpus may show chunks that the present one no longer has.
    """
    batches = (lake.read(CHUNKS, batch, ["chunk_id", "version"]).to_pylist() for batch in lake.partitions(CHUNKS))
    return {chunk["chunk_id"]: chunk["version"] for chunks in batches for chunk in chunks}


def pages_of(corpus: Iterable[Row]) -> dict[str, tuple[str, int]]:
    """Document and page of every chunk."""
    return {chunk["chunk_id"]: (chunk["document_id"], chunk["page_start"]) for chunk in corpus}


def section_group(chunk: Row) -> str:
    """The group of the questions about a chunk: its document and top-level section, the document's own title aside."""
    title = normalised(chunk["title"])
    section = next((heading for heading in chunk["heading_path"] if normalised(heading) != title), "")
    return short_id("group", chunk["document_id"], section)
