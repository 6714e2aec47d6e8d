"""The four jobs, in phases, because one job cannot span two partition dimensions; and the scan.

`PHASES` is their order. Put an asset into exactly one phase.
"""

from dataclasses import dataclass
from typing import Any

import dagster as dg

from assets.partitions import document_batches
from resources.corpus.resource import CorpusResource
from resources.options import PipelineOptions

BY_BATCH = "batch"
BY_RECIPE = "recipe"
ONCE = ""


@dataclass(frozen=True)
class Phase:
    """A job and the assets it makes, upstream first. `by` is the dimension its runs are partitioned by."""

    job: str
    by: str
    assets: tuple[str, ...]
    description: str


INGEST = Phase(
    "ingest_batch",
    BY_BATCH,
    (
        "raw_pdfs",
        "markdown_pages",
        "chunks",
        "contextualized_chunks",
        "chunk_embeddings",
        "qa_pairs",
        "batch_markers",
    ),
    "One batch of documents, from PDF to verified questions.",
)
BUILD = Phase(
    "build_dataset",
    ONCE,
    (
        "complete_batches",
        "corpus",
        "near_duplicates",
        "search_index",
        "external_questions",
        "recipes",
        "question_bank",
        "retrieval_report",
        "document_inventory",
        "coverage",
        "dataset_quality",
    ),
    "Current corpus, search index, question bank and their reports, from all complete batches.",
)
TRAIN = Phase(
    "train_recipe",
    BY_RECIPE,
    ("evaluation_set", "raft_dataset", "fine_tuned_model", "model_answers", "answer_scores"),
    "One recipe: RAFT dataset, trained student, its answers on the validation questions and their scores.",
)
PUBLISH = Phase(
    "publish_report",
    ONCE,
    (
        "model_registry",
        "leaderboard",
        "test_answers",
        "judge_scores",
        "eval_report",
        "champion_model",
        "model_endpoint",
        "changed_facts",
        "spend_by_stage",
        "egress",
    ),
    "Register the students, let the selected one and the champion meet the test questions, report, decide, serve.",
)
PHASES = (INGEST, BUILD, TRAIN, PUBLISH)

WORK = "raftline/work"
"""Tag of the runs that take long: of these the home's queue lets two run at once."""

DECIDE = "decide_champion"
"""The job that lets a person's decision take effect at once: the last part of `PUBLISH`."""
DECIDED = ("champion_model", "model_endpoint", "changed_facts")


@dg.op(description="Lists the document folder, freezes a manifest per new batch and registers its partition.")
def plan_new_batches(context: dg.OpExecutionContext, corpus: CorpusResource, options: PipelineOptions) -> None:
    fresh = corpus.scan(options.batches.max_documents)
    register_batches(context.instance, corpus)
    context.log.info(f"{len(fresh)} new batches: {', '.join(manifest.key for manifest in fresh) or 'nothing changed'}")


@dg.job(description="Look for new, changed and withdrawn documents now, without waiting for the sensor.")
def scan_documents() -> None:
    plan_new_batches()


def register_batches(instance: dg.DagsterInstance, corpus: CorpusResource) -> list[str]:
    """Makes every frozen manifest a partition; returns all batch keys in order."""
    keys = [manifest.key for manifest in corpus.manifests().load()]
    known = set(instance.get_dynamic_partitions(document_batches.name or ""))
    missing = [key for key in keys if key not in known]
    if missing:
        instance.add_dynamic_partitions(document_batches.name or "", missing)
    return keys


JOBS: dict[str, Any] = {
    **{
        phase.job: dg.define_asset_job(
            phase.job, selection=list(phase.assets), description=phase.description, tags={WORK: "phase"}
        )
        for phase in PHASES
    },
    DECIDE: dg.define_asset_job(
        DECIDE, selection=list(DECIDED), description="Let a person's decision about the champion take effect."
    ),
}
"""The jobs that make assets, by name."""
