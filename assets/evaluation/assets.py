"""Evaluation as assets: the snapshot, the answers, their scores, the report, and who is champion."""

from collections import Counter
from contextlib import closing

import dagster as dg

from assets.corpus import pages_of, versions_ever, versions_of
from assets.evaluation.arms import FAILED
from assets.evaluation.contenders import champion_row, select
from assets.evaluation.judge_metrics import take_scores
from assets.evaluation.judging import judged_by, plan_judging
from assets.evaluation.metrics import score_answers
from assets.evaluation.participants import answer_all, answer_test, base_of, tuned
from assets.evaluation.promotion import fold_champion, promotion_inputs, told
from assets.evaluation.publishing import report_inputs, report_row, write_report
from assets.evaluation.report import build_report
from assets.evaluation.snapshot import DEPTH_PER_DOCUMENT, cut_snapshot, evaluated_questions
from assets.groups import EVALUATION
from assets.partitions import training_recipes
from assets.raft.assets import question_bank
from assets.raft.recipe_files import recipe_named, valid_recipes
from assets.retrieval.assets import search_index
from assets.retrieval.neighbours import rank_chunks
from assets.training.assets import fine_tuned_model, model_registry
from assets.training.learned import contamination, held_out
from assets.training.students import unusable
from resources.code_version import code_version
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
    JUDGE_SCORES,
    MODEL_ANSWERS,
    QUESTION_BANK,
    TEST_ANSWERS,
)
from resources.llm.resource import ModelsResource
from resources.options import PipelineOptions
from resources.search.resource import IndexResource
from resources.training.resource import TrainersResource
from resources.training.serve import Endpoints

_ANSWERING = code_version(
    "assets.evaluation.answering",
    "assets.evaluation.arms",
    "assets.evaluation.contenders",
    "assets.evaluation.participants",
    "assets.training.learned",
    "resources.llm.raft_text",
)


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
        "resources.text",
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
    settings, corpus = options.evaluation, store.rows(CORPUS)
    questions = evaluated_questions(store.rows(QUESTION_BANK), corpus, settings.seed, settings.generated_limit)
    depth = DEPTH_PER_DOCUMENT * settings.documents
    with models.open(context.run.run_id) as opened:
        retrieved = rank_chunks(index.load(), questions, opened.embedder(), versions_of(corpus), depth)
    rows = cut_snapshot(questions, corpus, retrieved, settings.documents, settings.seed)
    return stage.finish(
        EVALUATION_SET,
        rows,
        {
            "snapshot": rows[0]["snapshot"] if rows else "",
            "questions": len({row["question_id"] for row in rows}),
            "by split": counts(Counter(row["split"] for row in rows)),
            "by origin": counts(Counter(row["origin"] for row in rows)),
            "by condition": counts(Counter(row["condition"] for row in rows)),
            **opened.usage.metadata(),
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
    recipe = recipe_named(folders.recipes_path, context.partition_key)
    items = [row for row in store.rows(EVALUATION_SET) if row["split"] == "validation"]
    students = [tuned(row, trainers) for row in store.rows(FINE_TUNED_MODEL, recipe.name)]
    with models.open(context.run.run_id) as opened, closing(_endpoints(context, trainers)) as endpoints:
        rows = answer_all([base_of(recipe, store, trainers), *students], items, store, opened, endpoints)
        deployed = endpoints.metadata()
    return stage.finish(
        MODEL_ANSWERS,
        rows,
        {
            "by arm": counts(Counter(row["arm"] for row in rows)),
            "by status": counts(Counter(row["status"] for row in rows)),
            **opened.usage.metadata(),
            **deployed,
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
        "resources.text",
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
    selection = select(store, items, recipes, options.evaluation, models.not_real_models())
    champion = champion_row(store)
    absent = ""
    if champion:
        absent = unusable(champion, trainers) or contamination(store, champion["model_id"], held_out(items))
    if absent:
        context.log.warning(f"the champion does not take part: {absent}")
        champion = None
    test = [row for row in items if row["split"] == "test"]
    with models.open(context.run.run_id) as opened, closing(_endpoints(context, trainers)) as endpoints:
        rows = answer_test(selection, champion, recipes, test, store, opened, endpoints)
        deployed = endpoints.metadata()
    return stage.finish(
        TEST_ANSWERS,
        rows,
        {
            "selected on validation": dg.MetadataValue.json([dict(row) for row in selection.table]),
            **({"the champion does not take part": absent} if absent else {}),
            "by model": counts(Counter(row["model_id"] for row in rows)),
            **opened.usage.metadata(),
            **deployed,
        },
        sample=("model_id", "arm", "final_answer", "abstained", "status"),
    )


@dg.asset(
    deps=[test_answers, evaluation_set],
    group_name=EVALUATION,
    kinds={"llm", "parquet"},
    code_version=code_version("assets.evaluation.judge_metrics", "assets.evaluation.judging", "resources.llm.judge"),
    metadata={SETTINGS: "judge"},
)
def judge_scores(
    context: dg.AssetExecutionContext, lake: LakeResource, models: ModelsResource, options: PipelineOptions
) -> dg.MaterializeResult:
    """What a judge says of the test answers: RAGAS scores, one row each. Empty, and free, while nobody is the judge."""
    store = lake.open()
    stage = Stage(context, store, options, judged_by(models))
    if not models.plays("judge"):
        return stage.finish(JUDGE_SCORES, [], {"judge": "none is configured (roles.judge); nothing was asked"})
    tasks = plan_judging(store.rows(EVALUATION_SET), store.rows(TEST_ANSWERS), options.judge)
    with models.open(context.run.run_id) as opened:
        judge = opened.chat("judge")
        rows = take_scores(tasks, judge, opened.embedder(), versions_ever(store))
    return stage.finish(
        JUDGE_SCORES,
        rows,
        {
            "judge": judge.identity.id,
            "calls needed, repairs aside": sum(task.calls for task in tasks),
            "scores by status": counts(Counter(row["status"] for row in rows)),
            "failed because": counts(Counter(row["reason"] for row in rows if row["status"] == FAILED)),
            **opened.usage.metadata(),
        },
        sample=("arm", "metric", "value", "status", "reason"),
    )


@dg.asset(
    deps=[test_answers, judge_scores, evaluation_set, question_bank, "corpus"],
    group_name=EVALUATION,
    kinds={"html", "report"},
    code_version=code_version("assets.evaluation", "assets.figures", "resources.statistics", "resources.text"),
    metadata={SETTINGS: "evaluation"},
)
def eval_report(
    context: dg.AssetExecutionContext,
    lake: LakeResource,
    folders: FoldersResource,
    models: ModelsResource,
    trainers: TrainersResource,
    options: PipelineOptions,
) -> dg.MaterializeResult:
    """The report: candidate, champion and base on the same test questions, with intervals, slices and a verdict."""
    store = lake.open()
    stage = Stage(context, store, options)
    recipes = valid_recipes(folders.recipes_path)
    items = store.rows(EVALUATION_SET)
    asked = {row["model_id"] for row in store.rows(TEST_ANSWERS)}
    selection = select(store, items, recipes, options.evaluation, models.not_real_models(), among=asked)
    recipe = recipes[selection.model["recipe"]]
    inputs = report_inputs(store, items, selection, recipe, trainers, models, options)
    report = build_report(inputs)
    html = write_report(report, folders.reports_path)
    return stage.finish(
        EVAL_REPORT,
        [report_row(report, selection.model, items)],
        {
            "report": dg.MetadataValue.path(str(html)),
            "verdict": report.verdict,
            "recommended": report.decision.recommended,
            "promote": report.decision.promote,
            **({"not a real model": ", ".join(inputs.not_real)} if inputs.not_real else {}),
            **{name: image(png, name) for name, png in list(report.plots.items())[:1]},
        },
    )


@dg.asset(
    deps=[eval_report, model_registry],
    group_name=EVALUATION,
    kinds={"parquet"},
    pool="champion_model",
    code_version=code_version(
        "assets.evaluation.champion", "assets.evaluation.decisions", "assets.evaluation.promotion"
    ),
)
def champion_model(
    context: dg.AssetExecutionContext, lake: LakeResource, folders: FoldersResource, trainers: TrainersResource
) -> dg.MaterializeResult:
    """Who answers: proposals, promotions, rollbacks, by whom and why; it starts at base + documents, the last row counts."""
    store = lake.open()
    stage = Stage(context, store, observed=promotion_inputs(folders, trainers))
    history = fold_champion(store, folders, trainers)
    return stage.finish(
        CHAMPION_MODEL,
        history,
        told(history),
        sample=("decision", "action", "model_id", "champion", "by", "at", "reason"),
    )


def _endpoints(context: dg.AssetExecutionContext, trainers: TrainersResource) -> Endpoints:
    return Endpoints(trainers, context.run.run_id, context.log.warning, tell=context.log.info)
