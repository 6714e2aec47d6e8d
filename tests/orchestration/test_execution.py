"""Running a plan: a bad batch or recipe does not hold up the rest, and errors are told in their own words."""

from collections.abc import Callable
from typing import Any

import dagster as dg
import pytest

from orchestration.execution import Outcome, Refresher, RunFailed
from orchestration.failures import explain, why_failed
from orchestration.planning import AssetState, PlannedRun, RefreshState
from orchestration.refreshing import admit
from orchestration.settings import Settings
from resources.errors import LakeError, SettingsError
from resources.training.base import TrainingRejected


class Rehearsal(Refresher):
    """A refresh over a given state, in which the named runs fail and no run does anything."""

    def __init__(self, settings: Settings, state: RefreshState, failing: set[tuple[str, str]]):
        with dg.DagsterInstance.ephemeral() as instance:
            super().__init__(settings, instance)
        self._given, self._failing = state, failing

    def _state(self) -> RefreshState:
        return self._given

    def _run(self, run: PlannedRun) -> Outcome:
        return Outcome(run, "broken" if (run.job, run.partition) in self._failing else "")


@pytest.fixture
def rehearse(project: Callable[..., Settings]) -> Callable[..., list[Outcome]]:
    """The outcomes of a refresh over two batches and two recipes, all out of date, one of the recipes trained."""

    def run(*failing: tuple[str, str], into: list[Outcome] | None = None) -> list[Outcome]:
        stale = AssetState({"code": "2"}, {"code": "1"})
        assets = {("raw_pdfs", batch): stale for batch in ("b1", "b2")} | {("corpus", "all"): stale}
        assets |= {("fine_tuned_model", "r1"): AssetState({}, None), ("fine_tuned_model", "r2"): stale}
        assets |= {("eval_report", "all"): stale}
        outcomes = [] if into is None else into
        state = RefreshState(["b1", "b2"], ["r1", "r2"], assets, {})
        for event in Rehearsal(project(), state, set(failing)).execute():
            if isinstance(event, Outcome):
                outcomes.append(event)
        return outcomes

    return run


def jobs(outcomes: list[Outcome]) -> list[tuple[str, str]]:
    return [(outcome.run.job, outcome.run.partition) for outcome in outcomes]


ALL = [
    ("ingest_batch", "b1"), ("ingest_batch", "b2"), ("build_dataset", "all"), ("train_recipe", "r1"),
    ("train_recipe", "r2"), ("publish_report", "all"),
]  # fmt: skip


@pytest.mark.parametrize("failing", [("ingest_batch", "b1"), ("train_recipe", "r1"), ("train_recipe", "r2")])
def test_a_batch_or_recipe_that_fails_holds_up_nothing_else(rehearse, failing) -> None:
    outcomes = rehearse(failing)
    assert jobs(outcomes) == ALL
    assert jobs([outcome for outcome in outcomes if outcome.error]) == [failing]


@pytest.mark.parametrize("failing", [("build_dataset", "all"), ("publish_report", "all")])
def test_what_would_rest_on_old_data_does_not_run(rehearse, failing) -> None:
    outcomes: list[Outcome] = []
    with pytest.raises(RunFailed, match=f"{failing[0]} failed: broken"):
        rehearse(failing, into=outcomes)
    assert jobs(outcomes) == ALL[: ALL.index(failing) + 1]


def test_the_runs_that_failed_are_named_at_the_end(rehearse) -> None:
    failed = [outcome for outcome in rehearse(("ingest_batch", "b1"), ("train_recipe", "r2")) if outcome.error]
    with pytest.raises(RunFailed, match=r"2 runs failed \(ingest_batch b1, train_recipe r2\)"):
        admit(failed)
    admit([])


def failure_of(raising: Callable[[], Any]) -> str:
    @dg.op
    def step() -> None:
        raising()

    @dg.job
    def job() -> None:
        step()

    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(raise_on_error=False, instance=instance)
        [event] = [event for event in result.all_events if event.is_step_failure]
        assert why_failed(instance, result.run_id) == explain(event.step_failure_data.error)
    return explain(event.step_failure_data.error)


def chained() -> None:
    try:
        raise FileNotFoundError("tables/corpus/all.parquet")
    except FileNotFoundError as error:
        raise LakeError("table corpus was never written") from error


def raises(error: Exception) -> Callable[[], None]:
    def step() -> None:
        raise error

    return step


@pytest.mark.parametrize(
    ("raising", "shown"),
    [
        (raises(TrainingRejected("3 training rows")), "3 training rows"),
        (raises(SettingsError("settings:\n  port: wrong")), "settings:\n  port: wrong"),
        (raises(dg.Failure("job 7 failed: quota", allow_retries=False)), "job 7 failed: quota"),
        (chained, "table corpus was never written"),
        (raises(ValueError("no such thing\nand more")), "ValueError: no such thing"),
    ],
)
def test_our_errors_are_told_without_their_class_and_others_with_it(raising, shown) -> None:
    assert failure_of(raising) == shown
