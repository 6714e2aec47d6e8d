"""Jobs that were left at their service: looked after, finished by a run, and neither resubmitted nor forgotten."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from assets.raft.recipe_files import valid_recipes
from assets.training.uploads import upload_rules
from orchestration.catalog import asset_specs
from orchestration.execution import Outcome, Refresher
from orchestration.jobs import TRAIN
from orchestration.planning import AssetState, PlannedRun, RefreshState, phase_runs, plan_refresh
from orchestration.refreshing import bring_up_to_date
from orchestration.settings import Settings
from orchestration.state import read_state
from orchestration.training_jobs import at_their_services, look_after, wanted_runs
from orchestration.training_sensors import build_training_sensors
from orchestration.wiring import build_resources
from resources.folders import FoldersResource
from resources.lake.lake import Lake
from resources.lake.tables import RAFT_DATASET
from resources.training.base import Quote, TrainingData, TrainingSpec
from resources.training.book import Order, open_book
from resources.training.placing import place
from resources.training.watching import JobWatch

DATA = TrainingData(({"row_id": "r1"},), (), {"train.jsonl": b"{}\n"})


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as opened:
        yield opened


class Service:
    """Trainers on the folder cloud, and jobs that were left there by a run that has ended."""

    def __init__(self, trainers: Any, cloud: Any, recipes: Path):
        self.trainers, self.cloud, self.recipes = trainers, cloud, recipes
        recipes.mkdir(exist_ok=True)

    def leave(self, recipe: str = "r", spec: TrainingSpec | None = None, run_id: str = "") -> TrainingSpec:
        content = {"name": recipe, "training": {"backend": "azure_openai", "base_model": "echo-small"}}
        (self.recipes / f"{recipe}.yaml").write_text(yaml.safe_dump(content))
        spec = spec or TrainingSpec("azure_openai", "echo-small", f"version of {recipe}")
        with self.trainers.book() as book:
            watch = JobWatch(self.trainers.get("azure_openai"), book, self.trainers.options.jobs)
            place(watch, spec, DATA, Order(recipe, run_id), {}, lambda: Quote(None, "", 7200.0))
        return spec

    def look(self, instance: dg.DagsterInstance, **more: Any) -> list[str]:
        with self.trainers.book() as book:
            return [visit.words for visit in look_after(book, self.trainers, instance, **more)]

    def wanted(self, instance: dg.DagsterInstance) -> list[dg.RunRequest]:
        with self.trainers.book() as book:
            return wanted_runs(book, valid_recipes(self.recipes), instance)

    def statuses(self) -> dict[str, str]:
        with self.trainers.book() as book:
            return {job.recipe: job.status for job in book.history(10)}


@pytest.fixture
def service(job_trainers: Callable[..., Any], job_cloud: Any, tmp_path: Path) -> Callable[..., Service]:
    """Makes such a service: `service(deadline_hours=1)` sets how jobs are followed."""
    return lambda **jobs: Service(job_trainers(**jobs), job_cloud, tmp_path / "recipes")


def tick(service: Service, settings: Settings, instance: dg.DagsterInstance) -> Any:
    [sensor] = build_training_sensors(settings)
    folders = FoldersResource(questions="", recipes=str(service.recipes), reports="", decisions="")
    context = dg.build_sensor_context(instance=instance, resources={"trainers": service.trainers, "folders": folders})
    return sensor(context)


def test_a_running_job_is_reported_and_one_that_has_ended_gets_its_run_once(service, project, instance) -> None:
    left, settings = service(), project()
    left.leave()
    skipped = [tick(left, settings, instance) for _ in range(2)]
    assert [one.skip_message for one in skipped] == [
        f"r: azure_openai job ft-1: {status}" for status in ("queued", "running")
    ]
    [request] = tick(left, settings, instance).run_requests
    assert (request.partition_key, request.tags["raftline/reason"]) == ("r", "training job ft-1: succeeded")
    [again] = tick(left, settings, instance).run_requests
    assert again.run_key == request.run_key


def test_without_jobs_the_sensor_says_so(service, project, instance) -> None:
    assert tick(service(), project(), instance).skip_message == "no training job is open"


def test_a_service_that_cannot_be_asked_is_words_and_no_crash(service, project, instance, job_cloud) -> None:
    left = service()
    left.leave()
    job_cloud.turn(unreachable=True)
    skipped = tick(left, project(), instance)
    assert skipped.skip_message == (
        "r: azure_openai job ft-1: cannot be asked now: the folder cloud does not answer: credentials expired"
    )
    assert left.statuses() == {"r": "submitted"}


def test_a_backend_that_is_not_set_up_any_more_is_words_and_no_crash(service, project, instance) -> None:
    left = service()
    left.leave()
    left.trainers = left.trainers.model_copy(update={"clouds": {}})
    skipped = tick(left, project(), instance)
    assert isinstance(skipped, dg.SkipReason) and "azure_openai" in skipped.skip_message


def test_one_job_of_which_nonsense_is_told_does_not_keep_the_others_from_ending(service, instance, job_cloud) -> None:
    left = service()
    job_cloud.turn(statuses=["succeeded"], garbled="ft-1")
    left.leave("a")
    left.leave("b")
    assert "a: azure_openai job ft-1: cannot be asked now: KeyError: 'TrainingJobStatus'" in left.look(instance)
    assert left.statuses() == {"a": "submitted", "b": "succeeded"}


@pytest.mark.parametrize(("status", "runs"), [("succeeded", 1), ("failed", 1), ("cancelled", 1)])
def test_every_end_is_told_by_a_run(service, instance, job_cloud, status, runs) -> None:
    left = service()
    job_cloud.turn(statuses=["queued", status])
    left.leave()
    left.look(instance)
    assert left.wanted(instance) == []
    left.look(instance)
    assert len(left.wanted(instance)) == runs


def test_no_run_is_wanted_while_one_of_the_recipe_is_at_work(service, instance, job_cloud) -> None:
    left = service()
    job_cloud.turn(statuses=["succeeded"])
    left.leave()
    left.look(instance)
    tags = {"dagster/partition": "r"}
    run = instance.add_run(dg.DagsterRun(job_name=TRAIN.job, status=dg.DagsterRunStatus.STARTED, tags=tags))
    assert left.wanted(instance) == []
    instance.report_run_failed(run)
    assert len(left.wanted(instance)) == 1


def test_a_job_whose_recipe_is_gone_is_looked_after_and_gets_no_run(service, instance, job_cloud) -> None:
    left = service()
    job_cloud.turn(statuses=["succeeded"])
    left.leave()
    (left.recipes / "r.yaml").unlink()
    left.look(instance)
    assert left.statuses() == {"r": "succeeded"}
    assert left.wanted(instance) == []


def test_an_unattended_job_past_its_deadline_is_cancelled_and_its_run_tells_so(service, instance, job_cloud) -> None:
    left = service(deadline_hours=1e-9)
    job_cloud.turn(statuses=["running"])
    left.leave()
    left.look(instance)
    assert job_cloud.jobs()["ft-1"]["cancelled"]
    left.look(instance)
    assert left.statuses() == {"r": "failed"}
    assert len(left.wanted(instance)) == 1


def test_a_cancel_that_did_not_get_through_is_repeated(service, instance, job_cloud) -> None:
    left = service()
    job_cloud.turn(statuses=["running"])
    left.leave()
    with left.trainers.book() as book:
        [job] = book.open_jobs()
        book.ends(job, "cancelled")
    assert not job_cloud.jobs()["ft-1"]["cancelled"]
    left.look(instance)
    left.look(instance)
    assert left.statuses() == {"r": "cancelled"}


@pytest.mark.parametrize(
    ("status", "cancelled"), [(dg.DagsterRunStatus.CANCELED, True), (dg.DagsterRunStatus.FAILURE, False)]
)
def test_only_a_run_that_a_person_cancelled_takes_its_job_along(
    service, instance, job_cloud, status, cancelled
) -> None:
    left = service()
    job_cloud.turn(statuses=["running"])
    run = instance.add_run(dg.DagsterRun(job_name=TRAIN.job, status=status))
    left.leave(run_id=run.run_id)
    left.look(instance)
    assert job_cloud.jobs()["ft-1"]["cancelled"] is cancelled


def test_what_had_no_room_is_asked_for_again_after_a_while(service, instance, job_cloud) -> None:
    left = service(capacity_minutes=15)
    job_cloud.turn(submit="crowded")
    with pytest.raises(Exception, match="no instance"):
        left.leave()
    left.look(instance)
    assert left.wanted(instance) == []
    with open_book(left.trainers.ledger(), lambda: 4e9) as much_later:
        [request] = wanted_runs(much_later, valid_recipes(left.recipes), instance)
    assert request.partition_key == "r"


def test_a_look_at_many_jobs_ends_in_time_and_the_rest_come_next(service, instance) -> None:
    left = service()
    for name in ("a", "b", "c"):
        left.leave(name)
    clock = iter(range(0, 1000, 10))
    seen = left.look(instance, seconds=15.0, stopwatch=lambda: float(next(clock)))
    more = left.look(instance, seconds=15.0, stopwatch=lambda: float(next(clock)))
    assert [words[0] for words in (*seen, *more)] == ["a", "b"]


def test_what_a_service_trains_just_as_the_recipe_is_now_is_waited_for(service, lake: Lake) -> None:
    left = service()
    lake.write(RAFT_DATASET, [], "r")
    version = lake.version(RAFT_DATASET, "r") or ""
    rules = upload_rules(left.trainers.get("azure_openai"), left.trainers.egress)
    left.leave(spec=TrainingSpec("azure_openai", "echo-small", version, upload=f"{rules}-files"))
    recipes = valid_recipes(left.recipes)
    [told] = at_their_services(left.trainers, lake, recipes).values()
    assert told.startswith("azure_openai job ft-1, since ")
    changed = recipes["r"].training.model_copy(update={"seed": 1})
    assert at_their_services(left.trainers, lake, {"r": recipes["r"].model_copy(update={"training": changed})}) == {}
    stricter = left.trainers.egress.model_copy(update={"identifiers": ["email"]})
    other = left.trainers.model_copy(update={"egress": stricter})
    assert at_their_services(other, lake, recipes) == {}


def waiting(**changes: Any) -> RefreshState:
    """A home in which recipe `r` is at its service and everything else is up to date."""
    fresh = AssetState({"code": "1"}, {"code": "1"})
    assets = {(name, "all"): fresh for name in ("corpus", "eval_report", "evaluation_set")}
    assets |= {("raw_pdfs", "b"): fresh, ("raft_dataset", "r"): fresh, ("fine_tuned_model", "r"): AssetState({}, None)}
    content = {"batches": ["b"], "recipes": ["r"], "assets": assets, "retraining": {}, "training": {"r": "job ft-1"}}
    return RefreshState(**{**content, **changes})


def test_nothing_is_planned_for_a_recipe_that_is_being_trained() -> None:
    assert plan_refresh(waiting()) == []
    assert [run.job for run in plan_refresh(waiting(training={}))] == ["train_recipe", "publish_report"]


def test_a_changed_dataset_or_a_changed_fact_is_planned_all_the_same() -> None:
    assets = {**waiting().assets, ("raft_dataset", "r"): AssetState({"recipe": "2"}, {"recipe": "1"})}
    assert [run.reason for run in phase_runs(TRAIN, waiting(assets=assets))] == ["raft_dataset: recipe has changed"]
    assert [run.reason for run in phase_runs(TRAIN, waiting(retraining={"r": "a fee has changed"}))] == [
        "a fee has changed"
    ]


def test_the_state_of_a_home_knows_what_is_at_its_services(service, project) -> None:
    settings = project()
    left = service()
    left.recipes = settings.recipes_folder
    left.recipes.mkdir()
    resources = {**build_resources(settings), "trainers": left.trainers}
    lake = resources["lake"].open()
    lake.write(RAFT_DATASET, [], "r")
    assert read_state(asset_specs(settings), resources).training == {}
    version = lake.version(RAFT_DATASET, "r") or ""
    rules = upload_rules(left.trainers.get("azure_openai"), left.trainers.egress)
    left.leave(spec=TrainingSpec("azure_openai", "echo-small", version, upload=f"{rules}-files"))
    assert list(read_state(asset_specs(settings), resources).training) == ["r"]


class Rehearsal(Refresher):
    """A refresh whose runs do nothing, over a home with a document and trainers on the folder cloud."""

    def __init__(self, settings: Settings, instance: dg.DagsterInstance, state: RefreshState, trainers: Any):
        super().__init__(settings, instance)
        self._given, self._resources = state, {**self._resources, "trainers": trainers}
        self.runs: list[str] = []

    def has_batches(self) -> bool:
        return True

    def scan(self) -> list[Any]:
        return []

    def _state(self) -> RefreshState:
        return self._given

    def _run(self, run: PlannedRun) -> Outcome:
        self.runs.append(run.job)
        return Outcome(run)


def test_a_refresh_over_a_job_at_its_service_says_so_runs_nothing_and_ends_well(
    service, project, instance, capsys, job_cloud
) -> None:
    left, settings = service(), project(trainers={"jobs": {"owner": "me"}})
    job_cloud.turn(statuses=["running", "succeeded"])
    left.leave()
    refresher = Rehearsal(settings, instance, waiting(), left.trainers)
    assert bring_up_to_date(settings, refresher) == []
    assert refresher.runs == []
    assert "nothing to do before the training jobs end" in capsys.readouterr().out
    refresher = Rehearsal(settings, instance, waiting(training={}), left.trainers)
    bring_up_to_date(settings, refresher)
    told = capsys.readouterr().out
    assert "training r: azure_openai job ft-1: succeeded" in told
    assert refresher.runs == ["train_recipe"]


def test_a_look_that_never_ends_is_not_the_first_one_again_at_the_next_tick(service, instance, job_cloud) -> None:
    left = service()
    for recipe in ("a", "b"):
        left.leave(recipe)

    class TickDies(BaseException):
        """The daemon's, which waits a minute for a tick."""

    def hangs(_event: Any) -> None:
        raise TickDies

    looked = []
    for _ in range(2):
        with pytest.raises(TickDies):
            left.look(instance, tell=hangs)
        looked.append([job["looks"] for job in job_cloud.jobs().values()])
    assert looked == [[1, 0], [1, 1]]


def test_a_job_that_two_recipes_want_gets_a_run_for_each(service, instance, job_cloud) -> None:
    left = service()
    job_cloud.turn(statuses=["succeeded"])
    spec = left.leave("a")
    left.leave("b", spec)
    left.look(instance)
    assert sorted(request.partition_key for request in left.wanted(instance)) == ["a", "b"]
    assert len({request.run_key for request in left.wanted(instance)}) == 2
