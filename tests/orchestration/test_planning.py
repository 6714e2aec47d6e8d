"""What a refresh runs and why: a table of states and the runs they call for."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.jobs import BUILD, BY_BATCH, BY_RECIPE, INGEST, PHASES, PUBLISH, TRAIN
from orchestration.planning import AssetState, PlannedRun, RefreshState, phase_runs, plan_refresh
from resources.lake.lake import WHOLE

FRESH = {"code": "1", "input": "a"}
BATCHES, RECIPES = ("000001-a", "000002-b"), ("one", "two")
EVALUATION_INPUTS = {"code": "1", "corpus": "c", "question_bank": "q", "search_index": "s"}


def partitions_of(asset: str, batches: Any, recipes: Any) -> Any:
    [phase] = [phase for phase in PHASES if asset in phase.assets]
    if asset == "evaluation_set":
        return (WHOLE,)
    return {BY_BATCH: batches, BY_RECIPE: recipes}.get(phase.by, (WHOLE,))


def state(batches: Any = BATCHES, recipes: Any = RECIPES, made: bool = True, retraining: Any = None) -> RefreshState:
    """A home in which everything is up to date, or nothing was made yet."""
    assets = {}
    for phase in PHASES:
        for asset in phase.assets:
            wanted = EVALUATION_INPUTS if asset in ("evaluation_set", "raft_dataset") else FRESH
            for partition in partitions_of(asset, batches, recipes):
                assets[asset, partition] = AssetState(wanted, wanted if made else None)
    return RefreshState(batches, recipes, assets, dict.fromkeys(recipes, "") | (retraining or {}))


def changed(before: RefreshState, asset: str, partition: str = WHOLE, **inputs: str | None) -> RefreshState:
    """The state after these inputs of an asset have changed."""
    known = before.assets[asset, partition]
    return replace(
        before, assets={**before.assets, (asset, partition): replace(known, wanted={**known.wanted, **inputs})}
    )


def forgotten(before: RefreshState, *keys: tuple[str, str]) -> RefreshState:
    return replace(
        before,
        assets={key: replace(known, made=None) if key in keys else known for key, known in before.assets.items()},
    )


def certain_runs(plan: list[PlannedRun]) -> list[PlannedRun]:
    return [run for run in plan if not run.expected]


def jobs(runs: list[PlannedRun]) -> list[tuple[str, str]]:
    return [(run.job, run.partition) for run in runs]


def test_an_empty_home_has_nothing_to_do() -> None:
    assert plan_refresh(state(batches=(), made=False)) == []


def test_a_home_that_is_up_to_date_has_nothing_to_do() -> None:
    assert plan_refresh(state()) == []
    assert all(phase_runs(phase, state()) == [] for phase in PHASES)


def test_the_first_documents_run_everything_in_order_and_only_ingestion_is_certain() -> None:
    plan = plan_refresh(state(made=False))
    assert jobs(plan) == [
        ("ingest_batch", "000001-a"), ("ingest_batch", "000002-b"), ("build_dataset", WHOLE), ("train_recipe", "one"),
        ("train_recipe", "two"), ("publish_report", WHOLE),
    ]  # fmt: skip
    assert [run.expected for run in plan] == [False, False, True, True, True, True]
    assert certain_runs(plan) == plan[:2]
    assert plan[0].reason == "raw_pdfs: not made yet"


def test_a_new_batch_is_ingested_alone_and_all_that_rests_on_it_is_expected() -> None:
    new = "000003-c"
    made = state(batches=(*BATCHES, new))
    plan = plan_refresh(forgotten(made, *((asset, new) for asset in INGEST.assets)))
    assert jobs(certain_runs(plan)) == [("ingest_batch", new)]
    assert jobs(plan)[1:] == [
        ("build_dataset", WHOLE), ("train_recipe", "one"), ("train_recipe", "two"), ("publish_report", WHOLE),
    ]  # fmt: skip
    assert plan[1].reason == "if ingest_batch changes its input"


@pytest.mark.parametrize("asset", INGEST.assets)
def test_a_code_change_of_an_ingestion_stage_runs_every_batch_that_it_made(asset) -> None:
    altered = state()
    for batch in BATCHES:
        altered = changed(altered, asset, batch, code="2")
    assets = () if asset == "raw_pdfs" else INGEST.assets[INGEST.assets.index(asset) :]
    assert phase_runs(INGEST, altered) == [
        PlannedRun("ingest_batch", batch, f"{asset}: code has changed", assets=assets) for batch in BATCHES
    ]


@pytest.mark.parametrize("made", [True, False], ids=["complete", "never complete"])
def test_what_a_blocking_check_has_not_passed_is_made_and_checked_again_although_it_is_up_to_date(made) -> None:
    marker = dict.fromkeys(INGEST.assets[:-1], "v1")
    home = state()
    home.assets["batch_markers", BATCHES[0]] = AssetState(marker | {"chunks": "v2"}, marker if made else None)
    [run] = phase_runs(INGEST, changed(home, "qa_pairs", BATCHES[0], code="2"))
    assert run.assets == (INGEST.assets[INGEST.assets.index("chunks") :] if made else ())


@pytest.mark.parametrize("asset", BUILD.assets)
def test_a_code_change_after_ingestion_ingests_nothing(asset) -> None:
    plan = plan_refresh(changed(state(), asset, code="2"))
    assert jobs(certain_runs(plan)) == [("build_dataset", WHOLE)]
    assert plan[0].reason == f"{asset}: code has changed"


@pytest.mark.parametrize("asset", [asset for asset in TRAIN.assets if asset != "evaluation_set"])
def test_a_code_change_of_training_trains_the_recipes_concerned_and_publishes_after(asset) -> None:
    plan = plan_refresh(changed(state(), asset, "two", code="2"))
    assert jobs(certain_runs(plan)) == [("train_recipe", "two")]
    assert jobs(plan)[-1] == ("publish_report", WHOLE)
    assert plan[-1].expected


def test_another_way_of_cutting_the_evaluation_set_scores_every_recipe_again() -> None:
    assert jobs(phase_runs(TRAIN, changed(state(), "evaluation_set", code="2"))) == [
        ("train_recipe", "one"),
        ("train_recipe", "two"),
    ]


@pytest.mark.parametrize("asset", PUBLISH.assets)
def test_a_code_change_of_the_report_trains_nothing(asset) -> None:
    assert jobs(plan_refresh(changed(state(), asset, code="2"))) == [("publish_report", WHOLE)]


def test_several_changes_of_one_asset_are_named_together() -> None:
    [run] = phase_runs(BUILD, changed(state(), "corpus", code="2", input="b"))
    assert run.reason == "corpus: code, input have changed"


def test_an_input_that_came_or_went_is_a_change() -> None:
    assert AssetState({"a": "1"}, {"a": "1", "b": "2"}).changes() == ["b"]
    assert AssetState({"a": "1", "b": "2"}, {"a": "1"}).changes() == ["b"]
    assert AssetState({"a": "1"}, {"a": "1"}).changes() == []
    assert AssetState({}, None).changes() == ["never made"]


@pytest.mark.parametrize("asset", ["raft_dataset", "evaluation_set"])
@pytest.mark.parametrize("name", ["question_bank", "corpus", "search_index"])
def test_a_moved_bank_alone_does_not_retrain(asset, name) -> None:
    moved = changed(state(), asset, WHOLE if asset == "evaluation_set" else "one", **{name: "moved"})
    assert phase_runs(TRAIN, moved) == []


def test_drift_beyond_the_threshold_retrains_that_recipe_and_says_why() -> None:
    drifted = state(retraining={"two": "3.0% of the learned questions were added, removed or changed"})
    assert phase_runs(TRAIN, drifted) == [PlannedRun("train_recipe", "two", drifted.retraining["two"])]


def test_a_changed_fact_retrains_and_then_publishes() -> None:
    plan = plan_refresh(state(retraining={"one": "1 learned amounts or dates have changed: What is the fee?"}))
    assert jobs(plan) == [("train_recipe", "one"), ("publish_report", WHOLE)]
    assert "What is the fee?" in plan[0].reason


def test_another_recipe_is_trained_beside_those_there_are() -> None:
    more = forgotten(state(recipes=(*RECIPES, "zoo")), *((a, "zoo") for a in TRAIN.assets if a != "evaluation_set"))
    assert jobs(certain_runs(plan_refresh(more))) == [("train_recipe", "zoo")]


def test_a_bad_batch_does_not_hold_up_what_follows() -> None:
    bad = forgotten(state(), *((asset, BATCHES[1]) for asset in INGEST.assets))
    waiting = changed(bad, "corpus", input="b")
    assert jobs(phase_runs(INGEST, waiting)) == [("ingest_batch", BATCHES[1])]
    assert jobs(phase_runs(BUILD, waiting)) == [("build_dataset", WHOLE)]


def test_nothing_is_published_before_something_is_trained() -> None:
    untrained = forgotten(
        state(),
        *((asset, recipe) for asset in TRAIN.assets for recipe in RECIPES),
        *((asset, WHOLE) for asset in PUBLISH.assets),
    )
    assert phase_runs(PUBLISH, untrained) == []
    trained = forgotten(state(), *((asset, WHOLE) for asset in PUBLISH.assets))
    assert jobs(phase_runs(PUBLISH, trained)) == [("publish_report", WHOLE)]


def test_without_recipes_the_corpus_is_built_and_nothing_trained() -> None:
    assert jobs(phase_runs(BUILD, state(recipes=(), made=False))) == [("build_dataset", WHOLE)]
    assert phase_runs(TRAIN, state(recipes=(), made=False)) == []
    assert phase_runs(PUBLISH, state(recipes=(), made=False)) == []
    assert {run.job for run in plan_refresh(state(recipes=(), made=False))} == {"ingest_batch", "build_dataset"}


@given(st.sets(st.sampled_from(sorted(state().assets))), st.sets(st.sampled_from(sorted(state().assets))))
def test_a_plan_follows_the_phases_names_each_run_once_and_starts_with_what_is_certain(lost, altered) -> None:
    some = forgotten(state(), *lost)
    for asset, partition in altered:
        some = changed(some, asset, partition, code="2")
    plan = plan_refresh(some)
    places = [[phase.job for phase in PHASES].index(run.job) for run in plan]
    assert places == sorted(places)
    assert len(set(jobs(plan))) == len(plan)
    certain = certain_runs(plan)
    assert plan[: len(certain)] == certain
    assert len({run.job for run in certain}) <= 1
    assert all(run.reason for run in plan)
    due = {run for phase in PHASES for run in jobs(phase_runs(phase, some))}
    assert due <= set(jobs(plan))


def test_the_state_is_not_changed_by_planning() -> None:
    before: Mapping[Any, Any] = dict(state(made=False).assets)
    some = state(made=False)
    plan_refresh(some)
    assert some.assets == before
