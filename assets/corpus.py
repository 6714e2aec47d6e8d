"""What later stages look up in rows of `corpus`: a chunk's version, its page, the group of its questions."""

from collections.abc import Iterable, Mapping
from typing import Any

from assets.raft.similarity import normalised
from resources.hashing import short_id

Row = Mapping[str, Any]


def versions_of(corpus: Iterable[Row]) -> dict[str, str]:
    """The document version of every chunk."""
    return {chunk["chunk_id"]: chunk["version"] for chunk in corpus}


def pages_of(corpus: Iterable[Row]) -> dict[str, tuple[str, int]]:
    """Document and page of every chunk."""
    return {chunk["chunk_id"]: (chunk["document_id"], chunk["page_start"]) for chunk in corpus}


def section_group(chunk: Row) -> str:
    """The group of the questions about a chunk: its document and top-level section, the document's own title aside."""
    title = normalised(chunk["title"])
    section = next((heading for heading in chunk["heading_path"] if normalised(heading) != title), "")
    return short_id("group", chunk["document_id"], section)
