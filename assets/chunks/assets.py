"""Chunks as assets: pages cut into pieces, and the pieces placed in their document by a context line."""

from collections import defaultdict

import dagster as dg

from assets.chunks.contexts import contextualize, made_by
from assets.chunks.packing import chunk_document
from assets.documents.assets import markdown_pages, raw_pdfs
from assets.groups import CHUNKS as GROUP
from assets.partitions import document_batches
from assets.spending import contexts_estimate
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
    code_version=code_version(
        "assets.chunks.blocks",
        "assets.chunks.context_lines",
        "assets.chunks.contexts",
        "assets.chunks.windows",
        "resources.llm.context_prompts",
        "resources.llm.embedded.contextualizer",
    ),
    metadata={SETTINGS: "chunks,contextualization"},
)
def contextualized_chunks(
    context: dg.AssetExecutionContext, lake: LakeResource, models: ModelsResource, options: PipelineOptions
) -> dg.MaterializeResult:
    """Chunks with a context line in front, which says where in the document they stand."""
    store = lake.open()
    stage = Stage(context, store, options, made_by(models))
    titles = {row["document_id"]: row["title"] for row in store.rows(RAW_PDFS, context.partition_key)}
    with models.open(context.run.run_id) as opened:
        contextualizer = opened.chat("contextualizer")
        chosen = options.contextualization.within(options.chunks.max_tokens)
        rows = store.rows(CHUNKS, context.partition_key)
        opened.approve(lambda: [contexts_estimate(contextualizer, rows, titles, chosen)])
        contexts = contextualize(contextualizer, rows, titles, chosen)
        usage = opened.usage.metadata()
    return stage.finish(
        CONTEXTUALIZED_CHUNKS,
        contexts.rows,
        {
            "model": contextualizer.identity.id,
            "lines written": counts(contexts.outcome),
            "headings instead, because": counts(contexts.problems),
            **contexts.cost_of_edits(chosen.mode),
            **usage,
        },
        sample=("chunk_id", "context", "text"),
    )
