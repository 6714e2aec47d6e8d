"""Chunks as assets: pages cut into pieces, and the pieces placed in their document by a context line."""

from collections import defaultdict

import dagster as dg

from assets.chunks.contexts import contextualize
from assets.chunks.packing import chunk_document
from assets.documents.assets import markdown_pages, raw_pdfs
from assets.groups import CHUNKS as GROUP
from assets.partitions import document_batches
from resources.code_version import code_version
from resources.lake.metadata import counts
from resources.lake.resource import LakeResource
from resources.lake.stage import SETTINGS, Stage
from resources.lake.tables import CHUNKS, CONTEXTUALIZED_CHUNKS, MARKDOWN_PAGES, RAW_PDFS
from resources.llm.resource import ModelsResource
from resources.options import PipelineOptions


@dg.asset(
    partitions_def=document_batches,
    deps=[raw_pdfs, markdown_pages],
    group_name=GROUP,
    kinds={"markdown", "parquet"},
    code_version=code_version(
        "assets.chunks.atoms",
        "assets.chunks.blocks",
        "assets.chunks.packing",
        "assets.documents.tables",
        "resources.tokens",
    ),
    metadata={SETTINGS: "chunks"},
)
def chunks(context: dg.AssetExecutionContext, lake: LakeResource, options: PipelineOptions) -> dg.MaterializeResult:
    """Pieces of pages: headings stay with their text, tables stay whole or carry their header along."""
    store = lake.open()
    stage = Stage(context, store, options)
    titles = {row["document_id"]: row["title"] for row in store.rows(RAW_PDFS, context.partition_key)}
    documents = defaultdict(list)
    for page in store.rows(MARKDOWN_PAGES, context.partition_key):
        documents[page["document_id"], page["version"]].append(page)
    rows = [
        chunk
        for (document_id, version), pages in documents.items()
        for chunk in chunk_document(document_id, version, pages, options.chunks.max_tokens, titles[document_id])
    ]
    return stage.finish(
        CHUNKS,
        rows,
        {
            "pages": sum(len(pages) for pages in documents.values()),
            "tokens": sum(row["tokens"] for row in rows),
            "longest (tokens)": max((row["tokens"] for row in rows), default=0),
        },
        sample=("chunk_id", "page_start", "heading_path", "tokens", "text"),
    )


@dg.asset(
    partitions_def=document_batches,
    deps=[raw_pdfs, chunks],
    group_name=GROUP,
    kinds={"llm", "parquet"},
    code_version=code_version("assets.chunks.contexts", "resources.llm.prompts"),
)
def contextualized_chunks(
    context: dg.AssetExecutionContext, lake: LakeResource, models: ModelsResource
) -> dg.MaterializeResult:
    """Chunks with a context line in front, which says where in the document they stand."""
    store = lake.open()
    stage = Stage(context, store, observed={"model": models.identity("contextualizer")})
    titles = {row["document_id"]: row["title"] for row in store.rows(RAW_PDFS, context.partition_key)}
    with models.open() as opened:
        contextualizer = opened.chat("contextualizer")
        rows = contextualize(contextualizer, store.rows(CHUNKS, context.partition_key), titles)
    return stage.finish(
        CONTEXTUALIZED_CHUNKS,
        rows,
        {
            "model": contextualizer.provider.identity.id,
            "calls": counts(opened.usage.by_source),
            "cost (USD)": opened.usage.cost,
        },
        sample=("chunk_id", "context", "text"),
    )
