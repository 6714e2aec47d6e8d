"""Evaluation as assets: the snapshot, the answers, their scores, the report, and who is champion."""

from collections import Counter

import dagster as dg

from assets.evaluation.answering import answer_items
from assets.evaluation.arms import BASE_RAG, TUNED_RAG, applicable
from assets.evaluation.champion import decide_champion
from assets.evaluation.contenders import BASE, base_provider, champion_row, provider_of, select, unusable
from assets.evaluation.metrics import score_answers
from assets.evaluation.publishing import pages_of, report_inputs
from assets.evaluation.report import build_report
from assets.evaluation.snapshot import cut_snapshot
from assets.groups import EVALUATION
from assets.partitions import training_recipes
from assets.raft.assets import question_bank
from assets.raft.recipe_files import valid_recipes
from assets.retrieval.assets import search_index
from assets.retrieval.neighbours import rank_chunks
from assets.training.assets import fine_tuned_model, model_registry
from resources.code_version import code_version
from resources.errors import LakeError, SettingsError
from resources.folders import FoldersResource
from resources.lake.metadata import counts, image
from resources.lake.resource import LakeResource
from resources.lake.stage import SETTINGS, Stage
from resources.lake.tables import (
    ANSWER_SCORES,
    CHAMPION_MODEL,
    CORPUS,
    EVAL_REPORT,
    EVALUATION_SET,
    FINE_TUNED_MODEL,
    MODEL_ANSWERS,
    QUESTION_BANK,
    TEST_ANSWERS,
)
from resources.llm.resource import ModelsResource
from resources.options import PipelineOptions
from resources.search.resource import IndexResource
from resources.training.resource import TrainersResource

_ANSWERING = code_version("assets.evaluation.answering", "assets.evaluation.contenders", "resources.llm.raft_text")


@dg.asset(
    deps=[question_bank, "corpus", search_index],
    group_name=EVALUATION,
    kinds={"parquet"},
    code_version=code_version(
        *(
            f"assets.evaluation.{name}"
            for name in ("conditions", "distractors", "matching", "number_tokens", "snapshot")
        ),
        "resources.search.tokenizer",
    ),
    metadata={SETTINGS: "evaluation"},
)
def evaluation_set(
    context: dg.AssetExecutionContext,
    lake: LakeResource,
    models: ModelsResource,
    index: IndexResource,
    options: PipelineOptions,
) -> dg.MaterializeResult:
    """A snapshot of the validation and test questions with their contexts: oracle present, absent, as retrieved."""
    store = lake.open()
    stage = Stage(context, store, options)
    held_out = [row for row in store.rows(QUESTION_BANK) if row["split"] != "train" and row["status"] == "kept"]
    corpus = store.rows(CORPUS)
    versions = {row["chunk_id"]: row["version"] for row in corpus}
    with models.open() as opened:
        retrieved = rank_chunks(index.load(), held_out, opened.embedder(), versions)
    settings = options.evaluation
    rows = cut_snapshot(held_out, corpus, retrieved, settings.documents, settings.seed, settings.generated_limit)
    return stage.finish(
        EVALUATION_SET,
        rows,
        {
            "snapshot": rows[0]["snapshot"] if rows else "",
            "questions": len({row["question_id"] for row in rows}),
            "by split": counts(Counter(row["split"] for row in rows)),
            "by origin": counts(Counter(row["origin"] for row in rows)),
            "by condition": counts(Counter(row["condition"] for row in rows)),
        },
        sample=("split", "origin", "condition", "question", "expected_answer"),
    )


@dg.asset(
    partitions_def=training_recipes,
    deps=[fine_tuned_model, evaluation_set],
    group_name=EVALUATION,
    kinds={"llm", "parquet"},
    code_version=_ANSWERING,
)
def model_answers(
    context: dg.AssetExecutionContext,
    lake: LakeResource,
    folders: FoldersResource,
    models: ModelsResource,
    trainers: TrainersResource,
) -> dg.MaterializeResult:
    """What base and tuned student answer to the validation questions. The test questions are not shown here."""
    store = lake.open()
    stage = Stage(context, store)
    recipe = valid_recipes(folders.recipes_path).get(context.partition_key)
    if recipe is None:
        raise SettingsError(f"recipe {context.partition_key!r} has no valid file in {folders.recipes}")
    items = [row for row in store.rows(EVALUATION_SET) if row["split"] == "validation"]
    versions = {row["chunk_id"]: row["version"] for row in store.rows(CORPUS)}
    [model] = store.rows(FINE_TUNED_MODEL, recipe.name)
    trainer = trainers.get(recipe.training.backend)
    with models.open() as opened:
        base = opened.target(base_provider(store, recipe, [recipe.name], trainers))
        tuned = opened.target(provider_of(model, trainers))
        rows = [
            row
            for arm, chat, model_id in ((BASE_RAG, base, BASE), (TUNED_RAG, tuned, model["model_id"]))
            if applicable(arm, trainer.capabilities)
            for row in answer_items(chat, model_id, arm, items, versions)
        ]
        usage = opened.usage
    return stage.finish(
        MODEL_ANSWERS,
        rows,
        {
            "by arm": counts(Counter(row["arm"] for row in rows)),
            "by status": counts(Counter(row["status"] for row in rows)),
            "calls": counts({"made": usage.calls, "from the ledger": usage.cached}),
        },
        sample=("arm", "final_answer", "abstained", "status", "answer"),
    )


@dg.asset(
    partitions_def=training_recipes,
    deps=[model_answers, evaluation_set],
    group_name=EVALUATION,
    kinds={"parquet"},
    code_version=code_version(
        *(f"assets.evaluation.{name}" for name in ("arms", "conditions", "matching", "metrics", "number_tokens")),
        "resources.llm.embedded.embedder",
        "resources.search.tokenizer",
    ),
)
def answer_scores(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult:
    """Deterministic scores of every validation answer: one row per answer and metric."""
    store = lake.open()
    stage = Stage(context, store)
    answers = store.rows(MODEL_ANSWERS, context.partition_key)
    rows = score_answers(store.rows(EVALUATION_SET), answers, pages_of(store.rows(CORPUS)))
    correct = {
        arm: [row["value"] for row in rows if row["arm"] == arm and row["metric"] == "correct"]
        for arm in sorted({row["arm"] for row in rows})
    }
    return stage.finish(
        ANSWER_SCORES,
        rows,
        {f"right on validation: {arm}": sum(values) / len(values) for arm, values in correct.items() if values},
        sample=("arm", "origin", "condition", "metric", "value"),
    )


@dg.asset(
    deps=[model_registry, answer_scores, evaluation_set],
    group_name=EVALUATION,
    kinds={"llm", "parquet"},
    code_version=_ANSWERING,
    metadata={SETTINGS: "evaluation"},
)
def test_answers(
    context: dg.AssetExecutionContext,
    lake: LakeResource,
    folders: FoldersResource,
    models: ModelsResource,
    trainers: TrainersResource,
    options: PipelineOptions,
) -> dg.MaterializeResult:
    """The test questions answered by the base, the champion and the one candidate selected on validation."""
    store = lake.open()
    stage = Stage(context, store, options)
    recipes = valid_recipes(folders.recipes_path)
    items = store.rows(EVALUATION_SET)
    settings = options.evaluation
    selection = select(store, items, recipes, settings.seed, settings.bootstrap_draws)
    recipe = recipes.get(selection.model["recipe"]) if selection.model else None
    if selection.model is None or recipe is None:
        raise LakeError("no recipe has a trained and scored model: run the job train_recipe first")
    test = [row for row in items if row["split"] == "test"]
    versions = {row["chunk_id"]: row["version"] for row in store.rows(CORPUS)}
    champion = champion_row(store)
    if champion and (problem := unusable(champion, trainers)):
        context.log.warning(f"the champion does not take part: {problem}")
        champion = None
    students = {row["model_id"]: row for row in (champion, selection.model) if row}
    with models.open() as opened:
        base = opened.target(base_provider(store, recipe, [recipe.name], trainers))
        rows = answer_items(base, BASE, BASE_RAG, test, versions)
        for model_id, student in sorted(students.items()):
            target = opened.target(provider_of(student, trainers))
            rows += answer_items(target, model_id, TUNED_RAG, test, versions)
    return stage.finish(
        TEST_ANSWERS,
        rows,
        {
            "selected on validation": dg.MetadataValue.json([dict(row) for row in selection.table]),
            "by model": counts(Counter(row["model_id"] for row in rows)),
        },
        sample=("model_id", "arm", "final_answer", "abstained", "status"),
    )


@dg.asset(
    deps=[test_answers, evaluation_set, question_bank, "corpus"],
    group_name=EVALUATION,
    kinds={"html", "report"},
    code_version=code_version("assets.evaluation"),
    metadata={SETTINGS: "evaluation"},
)
def eval_report(
    context: dg.AssetExecutionContext,
    lake: LakeResource,
    folders: FoldersResource,
    trainers: TrainersResource,
    options: PipelineOptions,
) -> dg.MaterializeResult:
    """The report: candidate, champion and base on the same test questions, with intervals, slices and a verdict."""
    store = lake.open()
    stage = Stage(context, store, options)
    recipes = valid_recipes(folders.recipes_path)
    items = store.rows(EVALUATION_SET)
    settings = options.evaluation
    selection = select(store, items, recipes, settings.seed, settings.bootstrap_draws)
    if selection.model is None:
        raise LakeError("no recipe has a trained and scored model: run the job train_recipe first")
    recipe = recipes[selection.model["recipe"]]
    report = build_report(report_inputs(store, items, selection, recipe, trainers, options))
    folder = folders.reports_path
    folder.mkdir(parents=True, exist_ok=True)
    html, figures = folder / "eval_report.html", folder / "eval_report.json"
    html.write_text(report.html, encoding="utf-8")
    figures.write_text(report.json, encoding="utf-8")
    row = {
        "model_id": selection.model["model_id"],
        "recipe": recipe.name,
        "snapshot": items[0]["snapshot"] if items else "",
        "promote": report.decision.promote,
        "recommended": report.decision.recommended,
        "verdict": report.verdict,
        "html": html.name,
        "json": figures.name,
    }
    return stage.finish(
        EVAL_REPORT,
        [row],
        {
            "report": dg.MetadataValue.path(str(html)),
            "verdict": report.verdict,
            "recommended": report.decision.recommended,
            "promote": report.decision.promote,
            **{name: image(png, name) for name, png in list(report.plots.items())[:1]},
        },
    )


@dg.asset(
    deps=[eval_report, model_registry],
    group_name=EVALUATION,
    kinds={"parquet"},
    pool="champion_model",
    code_version=code_version("assets.evaluation.champion"),
)
def champion_model(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult:
    """Who answers: a list of decisions that starts at base + documents; the last one counts."""
    store = lake.open()
    stage = Stage(context, store)
    decisions = decide_champion(store.rows_or_empty(CHAMPION_MODEL), store.rows(EVAL_REPORT))
    current = decisions[-1]
    return stage.finish(
        CHAMPION_MODEL,
        decisions,
        {"champion": current["model_id"] or BASE, "decision": current["action"], "reason": current["reason"]},
    )
