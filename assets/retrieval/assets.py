"""Retrieval as assets: vectors, the index over the current corpus, and how well it finds."""

import dagster as dg

from assets.chunks.assets import contextualized_chunks
from assets.groups import RETRIEVAL
from assets.partitions import document_batches
from assets.retrieval.measures import evaluate_configurations, rows_as_dicts
from assets.retrieval.plots import plot_retrieval
from assets.retrieval.questions import embedded_chunks, retrieval_questions
from resources.code_version import code_version
from resources.lake.metadata import image
from resources.lake.resource import LakeResource
from resources.lake.stage import SETTINGS, Stage
from resources.lake.tables import (
    CHUNK_EMBEDDINGS,
    CONTEXTUALIZED_CHUNKS,
    CORPUS,
    EXTERNAL_QUESTIONS,
    RETRIEVAL_REPORT,
    SEARCH_INDEX,
)
from resources.llm.resource import ModelsResource
from resources.options import PipelineOptions
from resources.search.index import SearchIndex
from resources.search.resource import IndexResource


@dg.asset(
    partitions_def=document_batches,
    deps=[contextualized_chunks],
    group_name=RETRIEVAL,
    kinds={"embedding", "parquet"},
    code_version=code_version("resources.llm.embedded.embedder"),
)
def chunk_embeddings(
    context: dg.AssetExecutionContext, lake: LakeResource, models: ModelsResource
) -> dg.MaterializeResult:
    """One vector per chunk, a pure function of its contextual text."""
    store = lake.open()
    stage = Stage(context, store, observed=models.dependencies("embedder"))
    chunks = store.rows(CONTEXTUALIZED_CHUNKS, context.partition_key)
    with models.open(context.run.run_id) as opened:
        embedder = opened.embedder()
        vectors = embedder.embed(
            [chunk["contextual_text"] for chunk in chunks], [(chunk["version"],) for chunk in chunks]
        )
    rows = [
        {"chunk_id": chunk["chunk_id"], "model": embedder.model, "vector": vector.tolist()}
        for chunk, vector in zip(chunks, vectors, strict=True)
    ]
    return stage.finish(
        CHUNK_EMBEDDINGS,
        rows,
        {"model": embedder.model, **opened.usage.metadata()},
    )


@dg.asset(
    deps=["corpus", chunk_embeddings],
    group_name=RETRIEVAL,
    kinds={"bm25", "numpy"},
    code_version=code_version("resources.search"),
)
def search_index(
    context: dg.AssetExecutionContext, lake: LakeResource, index: IndexResource, models: ModelsResource
) -> dg.MaterializeResult:
    """Hybrid index over the current corpus: BM25 over our tokens, exact vectors, reciprocal rank fusion."""
    store = lake.open()
    stage = Stage(context, store)
    with models.open(context.run.run_id) as opened:
        chunks, vectors = embedded_chunks(store, opened.embedder().model)
    built = SearchIndex.build(
        [chunk["chunk_id"] for chunk in chunks], [chunk["contextual_text"] for chunk in chunks], vectors
    )
    rows = index.publish(built)
    return stage.finish(
        SEARCH_INDEX,
        rows,
        {"chunks": len(chunks), "bytes on disk": sum(row["bytes"] for row in rows), "folder": index.folder},
    )


@dg.asset(
    deps=["corpus", search_index, "external_questions", "qa_pairs", chunk_embeddings],
    group_name=RETRIEVAL,
    kinds={"report"},
    code_version=code_version(
        "assets.corpus",
        "assets.raft.similarity",
        "assets.retrieval.measures",
        "assets.retrieval.questions",
        "resources.statistics",
    ),
    metadata={SETTINGS: "evaluation"},
)
def retrieval_report(
    context: dg.AssetExecutionContext,
    lake: LakeResource,
    index: IndexResource,
    models: ModelsResource,
    options: PipelineOptions,
) -> dg.MaterializeResult:
    """How well BM25, vectors and their fusion find the right chunk, on generated and human questions apart."""
    store = lake.open()
    stage = Stage(context, store, options)
    corpus = store.rows(CORPUS)
    with models.open(context.run.run_id) as opened:
        questions = retrieval_questions(
            store, corpus, store.rows(EXTERNAL_QUESTIONS), opened.embedder(), options.evaluation
        )
    rows = evaluate_configurations(index.load(), questions, seed=options.evaluation.seed)
    return stage.finish(
        RETRIEVAL_REPORT,
        rows_as_dicts(rows),
        {
            "questions": len(questions),
            **opened.usage.metadata(),
            "recall": image(plot_retrieval(rows), "recall by configuration"),
        },
    )
