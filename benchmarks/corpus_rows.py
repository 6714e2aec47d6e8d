"""Generated tables of one batch, as ingestion would leave them: nothing is parsed, the rows are written through the lake."""

import random
from typing import Any

import pyarrow as pa

from assets.raft.completeness import marker_rows
from resources.corpus.manifest import Manifest, document_id
from resources.hashing import short_id
from resources.lake.lake import Lake
from resources.lake.tables import (
    BATCH_MARKERS,
    CHUNK_EMBEDDINGS,
    CHUNKS,
    CONTEXTUALIZED_CHUNKS,
    MARKDOWN_PAGES,
    QA_PAIRS,
    RAW_PDFS,
    Table,
)

PAGES, CHUNKS_PER_PAGE, WORDS_PER_CHUNK = 2, 2, 110
DIMENSIONS = 32
_WORDS = tuple("".join(random.Random(n).choices("abcdefghijklmnopqrstuvwxyz", k=3 + n % 9)) for n in range(500))

Columns = dict[str, Any]


def write_batch(lake: Lake, manifest: Manifest) -> None:
    """All tables of a batch and its completion marker."""
    entries = [entry for entry in manifest.entries if not entry.tombstone]
    words = random.Random(manifest.sequence)
    ids = [document_id(entry.uri) for entry in entries]
    versions = [entry.version for entry in entries]
    raw: Columns = {
        "document_id": ids,
        "version": versions,
        "uri": [entry.uri for entry in entries],
        "title": [entry.uri for entry in entries],
        "bytes": [entry.size for entry in entries],
        "page_count": [PAGES] * len(entries),
        "status": ["ok"] * len(entries),
    }
    texts = [" ".join(words.choices(_WORDS, k=WORDS_PER_CHUNK)) for _ in range(len(entries) * PAGES * CHUNKS_PER_PAGE)]
    chunk_page = [n % (PAGES * CHUNKS_PER_PAGE) // CHUNKS_PER_PAGE for n in range(len(texts))]
    owners = [ids[n // (PAGES * CHUNKS_PER_PAGE)] for n in range(len(texts))]
    chunks: Columns = {
        "chunk_id": [short_id(owner, n) for n, owner in enumerate(owners)],
        "document_id": owners,
        "version": [versions[n // (PAGES * CHUNKS_PER_PAGE)] for n in range(len(texts))],
        "page_start": chunk_page,
        "page_end": chunk_page,
        "char_start": [n % CHUNKS_PER_PAGE * 1000 for n in range(len(texts))],
        "char_end": [n % CHUNKS_PER_PAGE * 1000 + len(text) for n, text in enumerate(texts)],
        "text": texts,
        "tokens": [WORDS_PER_CHUNK] * len(texts),
    }
    pages: Columns = {
        "document_id": [owner for owner in ids for _ in range(PAGES)],
        "version": [version for version in versions for _ in range(PAGES)],
        "page": list(range(PAGES)) * len(ids),
        "page_sha": [short_id("page", version, page) for version in versions for page in range(PAGES)],
        "markdown": ["\n\n".join(texts[n : n + CHUNKS_PER_PAGE]) for n in range(0, len(texts), CHUNKS_PER_PAGE)],
        "method": ["layout"] * (len(ids) * PAGES),
    }
    contexts = [f"Title {n % 50} > Heading {n % 7}" for n in range(len(texts))]
    contextual = [f"{context}\n\n{text}" for context, text in zip(contexts, texts, strict=True)]
    vector = [float(n) for n in range(DIMENSIONS)]
    embeddings: Columns = {
        "chunk_id": chunks["chunk_id"],
        "model": ["generated"] * len(texts),
        "vector": [vector] * len(texts),
    }
    questions: Columns = {
        **{name: chunks[name] for name in ("chunk_id", "document_id", "version")},
        "question_id": [short_id("question", chunk) for chunk in chunks["chunk_id"]],
        "question": [f"What is said about {text[:40]}?" for text in texts],
        "accepted": [True] * len(texts),
    }
    for table, columns in (
        (RAW_PDFS, raw),
        (MARKDOWN_PAGES, pages),
        (CHUNKS, chunks),
        (CONTEXTUALIZED_CHUNKS, {**chunks, "context": contexts, "contextual_text": contextual}),
        (CHUNK_EMBEDDINGS, embeddings),
        (QA_PAIRS, questions),
    ):
        lake.write(table, _filled(table, columns), manifest.key)
    lake.write(BATCH_MARKERS, marker_rows(lake, manifest.key), manifest.key)


def _filled(table: Table, columns: Columns) -> pa.Table:
    """The columns as a table; those not given hold what is empty for their type."""
    rows = len(next(iter(columns.values())))
    arrays = [
        pa.array(columns[field.name], field.type) if field.name in columns else _empty(field, rows)
        for field in table.schema
    ]
    return pa.Table.from_arrays(arrays, schema=table.schema)


def _empty(field: pa.Field, rows: int) -> pa.Array:
    if field.nullable:
        return pa.nulls(rows, field.type)
    value: Any = [] if pa.types.is_list(field.type) else "" if pa.types.is_string(field.type) else 0
    return pa.array([False if pa.types.is_boolean(field.type) else value] * rows, field.type)
