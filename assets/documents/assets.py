"""Documents as assets: what arrived, and its pages as Markdown."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import dagster as dg

from assets.documents.arrival import OK, UNREADABLE, fetch, noting, receipts_of, receive_all, unchanged_of
from assets.documents.extraction import Extracted, extract_many
from assets.documents.fidelity import by_method, fidelity, is_flagged, readers_told, recall_overall
from assets.documents.inspected import known_facts, remembering
from assets.documents.inspection import DocumentFacts
from assets.documents.ocr import SCANS, Ocr, ocr_of, recognize, recognized_by, scans_by
from assets.documents.pages import KnownPages, page_rows
from assets.documents.readers import READER, read_by, reader_of
from assets.documents.reasons import reason_of
from assets.documents.transcription import Source, transcribe, transcribed_by
from assets.groups import DOCUMENTS
from assets.partitions import document_batches
from resources.code_version import code_version
from resources.corpus.resource import CorpusResource
from resources.hashing import short_id
from resources.lake.lake import Lake
from resources.lake.metadata import counts, records
from resources.lake.resource import LakeResource
from resources.lake.stage import Stage
from resources.lake.tables import MARKDOWN_PAGES, RAW_PDFS
from resources.llm.models import Models
from resources.llm.resource import ModelsResource
from resources.options import PipelineOptions, TranscriptionOptions

EXTRACTOR = short_id(
    code_version(
        "assets.documents.extraction",
        "assets.documents.inspection",
        "assets.documents.links",
        "assets.documents.markdown",
        "assets.documents.page_objects",
        "assets.documents.page_text",
        "assets.documents.parsing",
        "assets.documents.symbols",
        "assets.documents.tables",
        "assets.documents.witness",
    ),
)
INSPECTOR = code_version("assets.documents.arrival", "assets.documents.inspection", "assets.documents.inspected")


@dg.asset(
    partitions_def=document_batches,
    group_name=DOCUMENTS,
    kinds={"pdf", "parquet"},
    code_version=INSPECTOR,
)
def raw_pdfs(
    context: dg.AssetExecutionContext,
    lake: LakeResource,
    corpus: CorpusResource,
    models: ModelsResource,
    options: PipelineOptions,
) -> dg.MaterializeResult:
    """The documents of a batch: new versions, withdrawals, and the unreadable ones with the reason."""
    store = lake.open()
    reader, read = reader_of(options.extraction), read_by(options.extraction)
    scans = scans_by(models, options.extraction)
    stage = Stage(context, store, observed={**scans, **read})
    withheld: dict[str, str] = {}
    read_noting = noting(corpus.source().read, withheld)
    manifest = corpus.manifests().get(context.partition_key)
    before, receipts = corpus.before(manifest), corpus.receipts()
    earlier = receipts.of(manifest.sequence)
    entries = fetch(manifest, before, earlier, read_noting, store, corpus.erased().versions())
    found = receipts_of(manifest, entries)
    if found != earlier:
        receipts.write(manifest.sequence, found)
    known = known_facts(store, {"code": INSPECTOR, SCANS: scans.get(SCANS, ""), READER: read[READER]})
    inspect = remembering(reader.inspect(scans=bool(scans)), known)
    unchanged = unchanged_of(entries, before, store, manifest.key)
    rows = receive_all(entries, read_noting, store, inspect, unchanged)
    complete = receipts_of(manifest, entries, withheld)
    if complete != found:
        receipts.write(manifest.sequence, complete)
    refused = [row for row in rows if row["status"] == UNREADABLE]
    return stage.finish(
        RAW_PDFS,
        rows,
        {
            "listed": len(manifest.entries),
            "by status": counts(Counter(row["status"] for row in rows)),
            "rejected": counts(Counter(reason_of(row["error"]) for row in refused)),
            "rejected documents": records([{"document": row["uri"], "reason": row["error"]} for row in refused]),
            "bytes": sum(row["bytes"] for row in rows),
        },
    )


@dg.asset(
    partitions_def=document_batches,
    deps=[raw_pdfs],
    group_name=DOCUMENTS,
    kinds={"pdf", "markdown"},
    code_version=EXTRACTOR,
    pool="markdown_pages",  # two batches at once would both parse a page that they share, and share the cores
)
def markdown_pages(
    context: dg.AssetExecutionContext, lake: LakeResource, models: ModelsResource, options: PipelineOptions
) -> dg.MaterializeResult:
    """The pages of a batch's documents as Markdown, each checked against a second reading of its text."""
    store = lake.open()
    reader, ocr = reader_of(options.extraction), ocr_of(options.extraction)
    transcriber = transcribed_by(models, options.transcription)
    readers = {**read_by(options.extraction), **recognized_by(options.extraction), **transcriber}
    stage = Stage(context, store, observed=readers)
    documents = [row for row in store.rows(RAW_PDFS, context.partition_key) if row["status"] == OK]
    sources = ((row["uri"], store.get_blob(row["version"])) for row in documents)
    known = KnownPages(store, {"code": EXTRACTOR, **readers})
    facts = {row["version"]: DocumentFacts(row["page_count"], row["title"]) for row in documents}
    inspect = remembering(reader.inspect(scans=bool(transcriber or ocr)), facts)
    extracted = list(
        extract_many(sources, known, inspect=inspect, versions=known.versions, objects=known.objects, reader=reader)
    )
    read: dict[str, Any] = {}
    if transcriber:
        with models.open(context.run.run_id) as opened:
            extracted, read = _transcribed(opened, documents, extracted, store, options.transcription)
    if ocr:
        extracted, recognized = _recognized(ocr, documents, extracted, store)
        read |= recognized
    pages = [page_rows(row, result) for row, result in zip(documents, extracted, strict=True)]
    rows = [page for of_document in pages for page in of_document]
    return stage.finish(
        MARKDOWN_PAGES,
        rows,
        {
            "documents": len(documents),
            "pages parsed": sum(result.parsed for result in extracted),
            "pages reused": sum(result.reused for result in extracted),
            "failed": counts(Counter(reason_of(result.error.reason) for result in extracted if result.error)),
            "failed documents": records(
                [{"document": one.name, "reason": one.error.advice} for one in extracted if one.error]
            ),
            "by method": counts(by_method(rows)),
            "read by": records([{"reader": name, "pages": said} for name, said in readers_told(rows).items()]),
            "word recall": recall_overall(rows),
            "number recall": recall_overall(rows, "number_recall"),
            "lowest word recall": min((row["word_recall"] for row in rows), default=1.0),
            "fidelity": records(fidelity(zip((row["uri"] for row in documents), pages, strict=True))),
            "flagged pages": sum(map(is_flagged, rows)),
            "links": sum(len(row["links"]) for row in rows),
            **read,
        },
        sample=("document_id", "page", "method", "word_recall", "number_recall", "markdown"),
    )


def _transcribed(
    models: Models,
    documents: Sequence[Mapping[str, Any]],
    extracted: Sequence[Extracted],
    store: Lake,
    options: TranscriptionOptions,
) -> tuple[list[Extracted], dict[str, Any]]:
    """The documents with the pages that a vision model read, and what is shown of that."""
    transcriber = models.chat("transcriber")
    done = transcribe(transcriber, _sources(documents, extracted, store), options)
    shown = {
        "transcriber": transcriber.identity.id,
        "pages transcribed": counts(done.outcome),
        "left as they were, because": counts(done.problems),
        "transcriptions": records(done.recalls),
        **models.usage.metadata(),
    }
    return [replace(one, pages=pages) for one, pages in zip(extracted, done.pages, strict=True)], shown


def _recognized(
    ocr: Ocr, documents: Sequence[Mapping[str, Any]], extracted: Sequence[Extracted], store: Lake
) -> tuple[list[Extracted], dict[str, Any]]:
    """The documents with the scans among their pages read by OCR, and what is shown of that."""
    done = recognize(ocr, _sources(documents, extracted, store))
    shown: dict[str, Any] = {"pages read by OCR, unconfirmed": done.read}
    if done.problems:
        shown["not read by OCR, because"] = counts(Counter(done.problems))
    return [replace(one, pages=pages) for one, pages in zip(extracted, done.pages, strict=True)], shown


def _sources(documents: Sequence[Mapping[str, Any]], extracted: Sequence[Extracted], store: Lake) -> list[Source]:
    read = lru_cache(maxsize=8)(store.get_blob)
    return [
        Source(row["uri"], row["version"], result.pages, partial(read, row["version"]))
        for row, result in zip(documents, extracted, strict=True)
    ]
