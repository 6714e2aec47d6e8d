"""Documents as assets: what arrived, and its pages as Markdown."""

from collections import Counter

import dagster as dg

from assets.documents.arrival import OK, receive
from assets.documents.extraction import extract_many
from assets.documents.inspection import inspect_pdf
from assets.documents.pages import KnownPages, page_rows
from assets.groups import DOCUMENTS
from assets.partitions import document_batches
from resources.code_version import code_version
from resources.corpus.source import CorpusResource
from resources.lake.metadata import counts
from resources.lake.resource import LakeResource
from resources.lake.stage import Stage
from resources.lake.tables import MARKDOWN_PAGES, RAW_PDFS

EXTRACTOR = code_version(
    "assets.documents.extraction",
    "assets.documents.inspection",
    "assets.documents.markdown",
    "assets.documents.parsing",
    "assets.documents.symbols",
    "assets.documents.tables",
    "assets.documents.witness",
)


@dg.asset(
    partitions_def=document_batches,
    group_name=DOCUMENTS,
    kinds={"pdf", "parquet"},
    code_version=code_version("assets.documents.arrival", "assets.documents.inspection"),
)
def raw_pdfs(context: dg.AssetExecutionContext, lake: LakeResource, corpus: CorpusResource) -> dg.MaterializeResult:
    """The documents of a batch: new versions, withdrawals, and the unreadable ones with the reason."""
    store = lake.open()
    stage = Stage(context, store)
    source = corpus.source()
    manifest = corpus.manifests().get(context.partition_key)
    rows = [receive(entry, source.read, store, inspect_pdf) for entry in manifest.entries]
    return stage.finish(
        RAW_PDFS,
        rows,
        {
            "listed": len(manifest.entries),
            "by status": counts(Counter(row["status"] for row in rows)),
            "rejected": counts(Counter(row["error"] for row in rows if row["error"])),
            "bytes": sum(row["bytes"] for row in rows),
        },
    )


@dg.asset(
    partitions_def=document_batches,
    deps=[raw_pdfs],
    group_name=DOCUMENTS,
    kinds={"pymupdf", "markdown"},
    code_version=EXTRACTOR,
)
def markdown_pages(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult:
    """The pages of a batch's documents as Markdown, each checked against an independent reader of its text."""
    store = lake.open()
    stage = Stage(context, store)
    documents = [row for row in store.rows(RAW_PDFS, context.partition_key) if row["status"] == OK]
    sources = ((row["uri"], store.get_blob(row["version"])) for row in documents)
    extracted = list(extract_many(sources, KnownPages(store, EXTRACTOR)))
    rows = [page for row, result in zip(documents, extracted, strict=True) for page in page_rows(row, result)]
    return stage.finish(
        MARKDOWN_PAGES,
        rows,
        {
            "documents": len(documents),
            "pages parsed": sum(result.parsed for result in extracted),
            "pages reused": sum(result.reused for result in extracted),
            "failed": counts(Counter(str(result.error) for result in extracted if result.error)),
            "by method": counts(Counter(row["method"] for row in rows)),
            "lowest word recall": min((row["word_recall"] for row in rows), default=1.0),
        },
        sample=("document_id", "page", "method", "word_recall", "number_recall", "markdown"),
    )
