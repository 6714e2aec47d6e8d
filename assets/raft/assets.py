"""Questions as assets: generated per batch, brought by people, gathered in one bank, composed into RAFT rows."""

from collections import Counter

import dagster as dg

from assets.chunks.assets import contextualized_chunks
from assets.corpus import versions_of
from assets.documents.assets import markdown_pages, raw_pdfs
from assets.groups import CORPUS as CORPUS_GROUP
from assets.groups import RAFT
from assets.partitions import document_batches, training_recipes
from assets.raft.bank import build_bank, contamination
from assets.raft.completeness import marker_rows
from assets.raft.composition import compose, teachable
from assets.raft.coverage import coverage
from assets.raft.dataset_files import write_dataset
from assets.raft.datasheet import datasheet
from assets.raft.external import files_version, question_files, read_questions
from assets.raft.generation import ask_teacher, sample_chunks, taught_by
from assets.raft.mapping import map_questions
from assets.raft.plots import plot_gates
from assets.raft.recipe_files import options_fault, recipe_named, recipe_rows, recipe_version, recipes_version
from assets.raft.repeats import related_chunks, repeated_chunks, repeated_pages
from assets.raft.similarity import NEAR_DUPLICATE
from assets.raft.splits import Shares
from assets.raft.teachers import teachers_of
from assets.retrieval.assets import chunk_embeddings, search_index
from assets.retrieval.neighbours import rank_chunks
from assets.spending import teaching_estimates
from resources.code_version import code_version
from resources.folders import FoldersResource
from resources.lake.metadata import counts, image
from resources.lake.resource import LakeResource
from resources.lake.stage import SETTINGS, Stage
from resources.lake.tables import (
    BATCH_MARKERS,
    CONTEXTUALIZED_CHUNKS,
    CORPUS,
    EXTERNAL_QUESTIONS,
    NEAR_DUPLICATES,
    QA_PAIRS,
    QUESTION_BANK,
    QUESTION_GROUPS,
    RAFT_DATASET,
    RAW_PDFS,
    RECIPES,
)
from resources.llm.resource import ModelsResource
from resources.options import PipelineOptions
from resources.search.resource import IndexResource
from resources.training.resource import TrainersResource


@dg.asset(
    partitions_def=document_batches,
    deps=[raw_pdfs, contextualized_chunks],
    group_name=RAFT,
    kinds={"llm", "parquet"},
    code_version=code_version(
        *(f"assets.raft.{name}" for name in ("drafts", "generation")),
        *(f"resources.llm.{name}" for name in ("frames", "gates", "prompts", "quotes", "self_contained", "support")),
    ),
    metadata={SETTINGS: "questions"},
)
def qa_pairs(
    context: dg.AssetExecutionContext, lake: LakeResource, models: ModelsResource, options: PipelineOptions
) -> dg.MaterializeResult:
    """Questions with quoted chain-of-thought answers; each accepted, or kept with the gate that refused it."""
    store = lake.open()
    stage = Stage(context, store, options, taught_by(models))
    titles = {row["document_id"]: row["title"] for row in store.rows(RAW_PDFS, context.partition_key)}
    everything = store.rows(CONTEXTUALIZED_CHUNKS, context.partition_key)
    chunks = sample_chunks(everything, options.questions.chunk_sampling_rate)
    with models.open(context.run.run_id) as opened:
        teacher = opened.chat("teacher")
        opened.approve(lambda: teaching_estimates(teacher, chunks, titles, options.questions.per_chunk))
        taught = ask_teacher(teacher, chunks, titles, options.questions.per_chunk)
    rows = taught.rows
    accepted = [row for row in rows if row["accepted"]]
    return stage.finish(
        QA_PAIRS,
        rows,
        {
            "chunks": counts({"all": len(everything), "sampled": len(chunks)}),
            "asked": len(rows),
            "accepted": len(accepted),
            "yield": len(accepted) / len(rows) if rows else 1.0,
            "refused by gate": counts(Counter(row["gate"] for row in rows if row["gate"])),
            "repairs": counts({"asked for": taught.repairs, "accepted": taught.repaired}),
            "chunks with a question": len({row["chunk_id"] for row in accepted}),
            **{f"{kind} asked about": str(share) for kind, share in coverage(chunks, rows).items()},
            "model": teacher.identity.id,
            **opened.usage.metadata(),
            "gates": image(plot_gates(rows), "questions by gate"),
        },
        sample=("question", "final_answer", "kind", "accepted", "gate", "reason", "answer"),
    )


@dg.asset(
    partitions_def=document_batches,
    deps=[raw_pdfs, markdown_pages, "chunks", contextualized_chunks, chunk_embeddings, qa_pairs],
    group_name=CORPUS_GROUP,
    kinds={"parquet"},
    code_version=code_version("assets.raft.completeness"),
)
def batch_markers(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult:
    """The mark that a batch is complete: its blocking checks passed for these data versions. SQL reads no other."""
    store = lake.open()
    stage = Stage(context, store)
    return stage.finish(BATCH_MARKERS, marker_rows(store, context.partition_key))


@dg.asset(
    deps=["corpus", markdown_pages],
    group_name=CORPUS_GROUP,
    kinds={"parquet"},
    code_version=code_version("assets.raft.repeats", "assets.raft.similarity"),
)
def near_duplicates(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult:
    """What the corpus says more than once, chunks and pages: splits and datasets keep such passages from each other."""
    store = lake.open()
    stage = Stage(context, store)
    corpus = store.rows(CORPUS)
    chunks, pages = repeated_chunks(corpus), repeated_pages(store, corpus)
    rows = [*chunks, *pages]
    across = [row for row in rows if row["one_document"] != row["other_document"]]
    return stage.finish(
        NEAR_DUPLICATES,
        rows,
        {
            "pairs of chunks": counts(
                {
                    "overlapping": len(chunks),
                    "nearly equal": sum(row["share"] >= NEAR_DUPLICATE for row in chunks),
                    "of different documents": len(across) - len(pages),
                }
            ),
            "pairs of pages of different documents": len(pages),
        },
        sample=("kind", "one", "other", "one_document", "other_document", "share"),
    )


@dg.asset(
    deps=["corpus"],
    group_name=RAFT,
    kinds={"jsonl"},
    code_version=code_version(
        "assets.raft.external", "assets.raft.mapping", "resources.search.tokenizer", "resources.text"
    ),
)
def external_questions(
    context: dg.AssetExecutionContext, lake: LakeResource, folders: FoldersResource
) -> dg.MaterializeResult:
    """Questions that people bring, each mapped to the chunk that answers it or kept with the reason why not."""
    store = lake.open()
    files = question_files(folders.questions_path)
    stage = Stage(context, store, observed={"question files": files_version(files)})
    rows = map_questions(read_questions(files), store.rows(CORPUS))
    return stage.finish(
        EXTERNAL_QUESTIONS,
        rows,
        {
            "files": counts(Counter(row["source"].rsplit(":", 1)[0] for row in rows)),
            "by status": counts(Counter(row["status"] for row in rows)),
            "not usable": counts(Counter(row["reason"] for row in rows if row["reason"])),
        },
        sample=("question", "answer", "use", "status", "reason", "source"),
    )


@dg.asset(group_name=RAFT, kinds={"yaml"}, code_version=code_version("assets.raft.recipes"))
def recipes(
    context: dg.AssetExecutionContext, lake: LakeResource, folders: FoldersResource, trainers: TrainersResource
) -> dg.MaterializeResult:
    """The training recipes: valid ones with their content, the others with the reason."""
    store = lake.open()
    stage = Stage(context, store, observed={"recipe files": recipes_version(folders.recipes_path)})
    rows = recipe_rows(folders.recipes_path, lambda recipe: options_fault(recipe, trainers))
    return stage.finish(RECIPES, rows, {"by status": counts(Counter(row["status"] for row in rows))})


@dg.asset(
    deps=["corpus", qa_pairs, external_questions, near_duplicates],
    group_name=RAFT,
    kinds={"parquet"},
    pool="question_bank",
    code_version=code_version(
        "assets.corpus", "assets.raft.bank", "assets.raft.brought", "assets.raft.similarity", "assets.raft.splits"
    ),
    metadata={SETTINGS: "splits"},
)
def question_bank(
    context: dg.AssetExecutionContext, lake: LakeResource, options: PipelineOptions
) -> dg.MaterializeResult:
    """Every usable question of every origin with its group and split; a group never moves, no split leaks."""
    store = lake.open()
    stage = Stage(context, store, options)
    corpus = store.rows(CORPUS)
    generated = {row["question_id"]: row for batch in store.partitions(QA_PAIRS) for row in store.rows(QA_PAIRS, batch)}
    stored = {row["group"]: row["split"] for row in store.rows_or_empty(QUESTION_GROUPS)}
    shares = Shares(options.splits.validation, options.splits.test)
    related = related_chunks(store.rows(NEAR_DUPLICATES))
    brought = store.rows(EXTERNAL_QUESTIONS)
    bank = build_bank(generated.values(), brought, corpus, stored, options.splits.seed, shares, related)
    store.write(QUESTION_GROUPS, bank.groups)
    kept = [row for row in bank.rows if row["status"] == "kept"]
    return stage.finish(
        QUESTION_BANK,
        bank.rows,
        {
            "kept by split": counts(Counter(row["split"] for row in kept)),
            "kept by origin": counts(Counter(row["origin"] for row in kept)),
            "dropped or withheld": counts(bank.counts),
            "contamination": len(contamination(bank.rows, corpus, related)),
        },
        sample=("question", "final_answer", "split", "origin", "kind", "status", "reason"),
    )


@dg.asset(
    partitions_def=training_recipes,
    deps=[question_bank, "corpus", near_duplicates, search_index, recipes],
    group_name=RAFT,
    kinds={"jsonl", "parquet"},
    code_version=code_version(
        *(f"assets.raft.{name}" for name in ("brought", "composition", "dataset_files", "datasheet", "distractors")),
        *(f"assets.raft.{name}" for name in ("formats", "recipes", "similarity")),
        "resources.text",
    ),
)
def raft_dataset(
    context: dg.AssetExecutionContext,
    lake: LakeResource,
    folders: FoldersResource,
    models: ModelsResource,
    index: IndexResource,
) -> dg.MaterializeResult:
    """RAFT rows of one recipe, composed without any model call, with the trainer's JSONL, the full rows and a datasheet beside."""
    store = lake.open()
    recipe = recipe_named(folders.recipes_path, context.partition_key)
    stage = Stage(context, store, observed={"recipe": recipe_version(recipe)})
    bank, corpus = store.rows(QUESTION_BANK), store.rows(CORPUS)
    asked = teachable(bank)
    with models.open(context.run.run_id) as opened:
        neighbours = rank_chunks(index.load(), asked, opened.embedder(), versions_of(corpus))
    composed = compose(asked, corpus, recipe, neighbours, related_chunks(store.rows(NEAR_DUPLICATES)))
    rows = composed.rows
    sheet = datasheet(rows, recipe, asked, teachers_of(store))
    files = write_dataset(store, recipe.name, rows, sheet)
    return stage.finish(
        RAFT_DATASET,
        rows,
        {
            "by split": counts(Counter(row["split"] for row in rows)),
            "by policy": counts(Counter(row["policy"] for row in rows)),
            "left out": counts(Counter(reason for _, reason in composed.left_out)),
            "tokens in rows": sum(row["tokens"] for row in rows),
            **opened.usage.metadata(),
            "files": dg.MetadataValue.json(files),
            "datasheet": dg.MetadataValue.md(sheet),
        },
        sample=("split", "question", "final_answer", "policy", "oracle_index", "target"),
    )
