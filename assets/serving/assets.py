"""The champion in service: its one deployment, renewed at every refresh and never swept; and the facts it may have wrong."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from assets.evaluation.incumbent import incumbent_of
from assets.groups import SERVING
from assets.raft.assets import question_bank
from assets.raft.recipe_files import valid_recipes
from assets.retrieval.assets import search_index
from assets.serving.endpoint import endpoint_row, keep_up, serving_inputs
from assets.serving.facts import FAILED, NOT_ASKED, changes_since, fact_rows, put_to
from assets.serving.smoke import put_smoke_question
from assets.training.drift import OLD
from resources.code_version import code_version
from resources.folders import FoldersResource
from resources.lake.metadata import counts, records
from resources.lake.resource import LakeResource
from resources.lake.stage import SETTINGS, Stage
from resources.lake.tables import CHANGED_FACTS, CORPUS, MODEL_ENDPOINT, QUESTION_BANK
from resources.llm.resource import ModelsResource
from resources.options import PipelineOptions
from resources.search.resource import IndexResource
from resources.training.resource import TrainersResource
from resources.training.serve import Endpoints
from resources.training.serving import ChatTarget, DeploymentFailed


@dg.asset(
    deps=["champion_model", "eval_report"],
    group_name=SERVING,
    kinds={"endpoint"},
    pool="model_endpoint",
    code_version=code_version("assets.serving"),
)
def model_endpoint(
    context: dg.AssetExecutionContext,
    lake: LakeResource,
    folders: FoldersResource,
    models: ModelsResource,
    trainers: TrainersResource,
) -> dg.MaterializeResult:
    """Where the champion answers: in process at no cost, or one deployment; a new one answers before it replaces the old."""
    store = lake.open()
    stage = Stage(context, store, observed=serving_inputs(trainers))
    incumbent = incumbent_of(store, trainers, valid_recipes(folders.recipes_path))
    previous = store.rows_or_empty(MODEL_ENDPOINT)

    def smoke(target: ChatTarget, name: str) -> None:
        with models.open(context.run.run_id) as opened:
            student = opened.target(target.provider, incumbent.participant.parameters, target.price)
            put_smoke_question(student, store, name)

    endpoints = Endpoints(trainers, context.run.run_id, context.log.warning, tell=context.log.info)
    champion = incumbent.participant
    kept = keep_up(champion.student, champion.data, endpoints, smoke, previous[0] if previous else None)
    endpoint, target = kept.endpoint, kept.target
    return stage.finish(
        MODEL_ENDPOINT,
        [endpoint_row(kept, incumbent.recipe)],
        {
            "champion": incumbent.label,
            "state": kept.state,
            **({"endpoint": endpoint.name} if endpoint else {}),
            **({"usd per hour": endpoint.usd_per_hour} if endpoint and endpoint.usd_per_hour is not None else {}),
            **({"address": target.address, "model": target.model} if target and target.address else {}),
            **({"done": records([{"what": line} for line in kept.done])} if kept.done else {}),
        },
    )


@dg.asset(
    deps=[model_endpoint, "champion_model", question_bank, "corpus", search_index],
    group_name=SERVING,
    kinds={"llm", "parquet"},
    code_version=code_version(
        "assets.serving.facts",
        "assets.training.learned",
        *(f"assets.evaluation.{name}" for name in ("asking", "matching", "number_tokens")),
        "resources.llm.raft_text",
    ),
    metadata={SETTINGS: "evaluation,retraining"},
)
def changed_facts(
    context: dg.AssetExecutionContext,
    lake: LakeResource,
    folders: FoldersResource,
    index: IndexResource,
    models: ModelsResource,
    trainers: TrainersResource,
    options: PipelineOptions,
) -> dg.MaterializeResult:
    """Questions whose answer is another than the champion learned, put to it as users do. Free while nothing changed.

    Nothing is deployed for it: a hosted champion that no endpoint serves is not asked.
    """
    store = lake.open()
    stage = Stage(context, store, options)
    incumbent = incumbent_of(store, trainers, valid_recipes(folders.recipes_path))
    everything = changes_since(store, incumbent.participant.student.model_id, store.rows(QUESTION_BANK))
    facts = everything[: options.retraining.changed_facts_limit]
    rows, told = [], {}
    if facts:
        chunks = {chunk["chunk_id"]: chunk for chunk in store.rows(CORPUS)}
        with models.open(context.run.run_id) as opened:
            try:
                student = incumbent.asked_by(opened, trainers)
            except DeploymentFailed as error:
                answers, told = [("", NOT_ASKED)] * len(facts), {"not asked": str(error)}
            else:
                answers = put_to(facts, student, opened, chunks, index.load(), options.evaluation.documents)
        rows = fact_rows(facts, answers, incumbent, chunks)
        told |= opened.usage.metadata()
    return stage.finish(
        CHANGED_FACTS,
        rows,
        {
            "champion": incumbent.label,
            "changed facts": counts({"all": len(everything), "put to the champion": len(facts)}),
            "answers": counts(Counter(row["verdict"] for row in rows)),
            "old answers": _rate_of_old(rows),
            **told,
        },
        sample=("verdict", "question", "old_answer", "new_answer", "answer", "document"),
    )


def _rate_of_old(rows: Sequence[Mapping[str, Any]]) -> float:
    """The share of old answers among those that came."""
    came = [row["verdict"] for row in rows if row["verdict"] not in (FAILED, NOT_ASKED)]
    return came.count(OLD) / len(came) if came else 0.0
