"""Sensors and schedule on a real home: what they request, what they repeat, and when they keep quiet."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest

from dbt_like_sql.project import load_models
from orchestration.catalog import asset_specs
from orchestration.definitions import build_defs
from orchestration.jobs import BUILD, INGEST, PHASES, PUBLISH, TRAIN, register_batches
from orchestration.planning import phase_runs
from orchestration.retrying import MOST_KILLS
from orchestration.schedules import build_schedules
from orchestration.sensors import build_sensors, busy, register_recipes, run_request
from orchestration.settings import Settings
from orchestration.state import read_state
from orchestration.wiring import build_resources
from resources.errors import RaftlineError
from resources.lake.lake import WHOLE, Lake
from resources.lake.tables import BATCH_MARKERS, BATCHED, BY_RECIPE, CORPUS, FINE_TUNED_MODEL, TABLES
from resources.search.index import SearchIndex

# With an empty corpus nothing is trained.
CHUNK = {
    field.name: [] if pa.types.is_list(field.type) else 0 if pa.types.is_integer(field.type) else "x"
    for field in CORPUS.schema
}


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as opened:
        yield opened


@pytest.fixture
def home(project: Callable[..., Settings]) -> Settings:
    """Settings of a project with two documents and one recipe."""
    settings = project(documents="pdfs")
    settings.documents_folder.mkdir()
    (settings.documents_folder / "a.pdf").write_bytes(b"one")
    (settings.documents_folder / "b.pdf").write_bytes(b"two")
    settings.recipes_folder.mkdir()
    (settings.recipes_folder / "first.yaml").write_text("name: first\n")
    return settings


@pytest.fixture
def on_disk(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance with files, which Dagster demands for the context of a schedule."""
    with dg.DagsterInstance.local_temp(str(tmp_path)) as opened:
        yield opened


def tick(settings: Settings, name: str, instance: dg.DagsterInstance) -> Any:
    """One evaluation of a sensor, as the daemon makes it."""
    [sensor] = [sensor for sensor in build_sensors(settings) if sensor.name == name]
    return sensor(dg.build_sensor_context(instance=instance))


def evaluate_schedule(settings: Settings, instance: dg.DagsterInstance) -> Any:
    """One evaluation of the retraining schedule."""
    [schedule] = build_schedules(settings)
    return schedule(dg.build_schedule_context(instance=instance))


def lake_of(settings: Settings) -> Lake:
    return build_resources(settings)["lake"].open()


def state_of(settings: Settings) -> Any:
    return read_state(asset_specs(settings), build_resources(settings))


def pretend(settings: Settings, *phases: Any) -> None:
    """Leaves the lake as if these phases had just run: empty tables and today's fingerprints, upstream first."""
    lake = lake_of(settings)
    tables = dict(TABLES) | {model.name: model.table for model in load_models()}
    for phase in phases:
        for asset in phase.assets:
            known = {
                partition: state for (name, partition), state in state_of(settings).assets.items() if name == asset
            }
            for partition, state in known.items():
                lake.write(tables[asset], [CHUNK] if asset == "corpus" else [], partition)
                if asset == "search_index":
                    build_resources(settings)["index"].publish(SearchIndex.build([], [], []))
                lake.put_fingerprint(asset, partition, dict(state.wanted))


def run_in_progress(instance: dg.DagsterInstance, job: str, status: dg.DagsterRunStatus) -> None:
    instance.add_run(dg.DagsterRun(job_name=job, status=status))


def test_a_new_document_becomes_a_partition_and_one_run_per_batch(home, instance) -> None:
    result = tick(home, "document_sensor", instance)
    [key] = instance.get_dynamic_partitions("document_batches")
    [request] = result.run_requests
    assert (request.partition_key, request.run_key) == (key, key)
    assert key.startswith("000001-")


def test_a_second_tick_repeats_the_same_run_key_so_that_no_batch_is_lost_and_none_runs_twice(home, instance) -> None:
    first, second = (tick(home, "document_sensor", instance) for _ in range(2))
    assert [request.run_key for request in first.run_requests] == [request.run_key for request in second.run_requests]
    assert len(instance.get_dynamic_partitions("document_batches")) == 1


def test_a_tick_that_died_after_freezing_a_manifest_is_made_good_by_the_next(home, instance) -> None:
    [manifest] = build_resources(home)["corpus"].scan(500)
    assert instance.get_dynamic_partitions("document_batches") == []
    [request] = tick(home, "document_sensor", instance).run_requests
    assert request.run_key == manifest.key
    assert instance.get_dynamic_partitions("document_batches") == [manifest.key]


def test_a_batch_that_is_complete_is_not_requested_again(home, instance) -> None:
    tick(home, "document_sensor", instance)
    [batch] = instance.get_dynamic_partitions("document_batches")
    lake_of(home).write(BATCH_MARKERS, [], batch)
    result = tick(home, "document_sensor", instance)
    assert isinstance(result, dg.SkipReason)
    (home.documents_folder / "c.pdf").write_bytes(b"three")
    [request] = tick(home, "document_sensor", instance).run_requests
    assert request.run_key.startswith("000002-")


def test_an_empty_folder_is_skipped_with_its_name(home, instance) -> None:
    for path in home.documents_folder.iterdir():
        path.unlink()
    result = tick(home, "document_sensor", instance)
    assert isinstance(result, dg.SkipReason)
    assert str(home.documents_folder) in (result.skip_message or "")


def test_a_folder_that_is_gone_fails_the_tick_by_name_and_withdraws_nothing(home, instance) -> None:
    tick(home, "document_sensor", instance)
    home.documents_folder.rename(home.documents_folder.with_name("unmounted"))
    with pytest.raises(RaftlineError, match=f"{home.documents_folder} cannot be listed"):
        tick(home, "document_sensor", instance)
    assert len(build_resources(home)["corpus"].manifests().load()) == 1


def test_a_large_arrival_is_requested_batch_by_batch(project, instance) -> None:
    settings = project(documents="pdfs", batches={"max_documents": 2})
    settings.documents_folder.mkdir()
    for number in range(5):
        (settings.documents_folder / f"{number}.pdf").write_bytes(str(number).encode())
    result = tick(settings, "document_sensor", instance)
    assert [request.partition_key[:6] for request in result.run_requests] == ["000001", "000002", "000003"]


def test_valid_recipes_become_partitions_and_broken_ones_do_not(home, instance) -> None:
    (home.recipes_folder / "broken.yaml").write_text("name: [")
    result = tick(home, "recipe_sensor", instance)
    assert "first" in (result.skip_message or "")
    assert instance.get_dynamic_partitions("training_recipes") == ["first"]
    assert "no new recipe" in (tick(home, "recipe_sensor", instance).skip_message or "")


def test_the_partition_of_a_removed_recipe_stays_with_its_model_and_goes_if_there_is_none(home, instance) -> None:
    (home.recipes_folder / "second.yaml").write_text("name: second\n")
    register_recipes(instance, home)
    Lake(home.home_folder / "lake").write(FINE_TUNED_MODEL, [], "first")
    for recipe in ("first", "second"):
        (home.recipes_folder / f"{recipe}.yaml").unlink()
    assert register_recipes(instance, home) == []
    assert instance.get_dynamic_partitions("training_recipes") == ["first"]


@pytest.mark.parametrize(
    "status", [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
)
@pytest.mark.parametrize("phase", PHASES, ids=lambda phase: phase.job)
def test_nothing_is_rebuilt_while_a_run_is_in_progress(home, instance, phase, status) -> None:
    register_batches(instance, build_resources(home)["corpus"])
    run_in_progress(instance, phase.job, status)
    result = tick(home, "refresh_sensor", instance)
    assert isinstance(result, dg.SkipReason)
    assert "in progress" in (result.skip_message or "")


@pytest.mark.parametrize(
    "status", [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
)
def test_a_run_that_ended_or_is_not_ours_holds_up_nothing(instance, status) -> None:
    run_in_progress(instance, INGEST.job, status)
    run_in_progress(instance, "somebody_else_s_job", dg.DagsterRunStatus.STARTED)
    assert not busy(instance)


def test_a_home_without_documents_is_up_to_date(home, instance) -> None:
    assert isinstance(tick(home, "refresh_sensor", instance), dg.SkipReason)


def test_after_ingestion_the_corpus_is_rebuilt_and_asked_for_once(home, instance) -> None:
    tick(home, "document_sensor", instance)
    pretend(home, INGEST)
    [request] = tick(home, "refresh_sensor", instance).run_requests
    assert (request.job_name, request.partition_key) == (BUILD.job, None)
    assert request.tags["raftline/reason"]
    [again] = tick(home, "refresh_sensor", instance).run_requests
    assert again.run_key == request.run_key


def test_a_run_is_asked_for_anew_when_its_inputs_have_moved_on(home, instance) -> None:
    tick(home, "document_sensor", instance)
    assert "no batch is complete" in (tick(home, "refresh_sensor", instance).skip_message or "")
    pretend(home, INGEST)
    [before] = tick(home, "refresh_sensor", instance).run_requests
    (home.documents_folder / "c.pdf").write_bytes(b"three")
    tick(home, "document_sensor", instance)
    pretend(home, INGEST)
    [after] = tick(home, "refresh_sensor", instance).run_requests
    assert after.run_key != before.run_key


def test_a_build_that_was_stopped_is_asked_for_again_but_not_for_ever(home, instance) -> None:
    tick(home, "document_sensor", instance)
    pretend(home, INGEST)
    keys = []
    for _ in range(MOST_KILLS + 2):
        [request] = tick(home, "refresh_sensor", instance).run_requests
        keys.append(request.run_key)
        tags = {"dagster/run_key": request.run_key, "dagster/failure_reason": "UNEXPECTED_TERMINATION"}
        instance.add_run(dg.DagsterRun(job_name=BUILD.job, status=dg.DagsterRunStatus.FAILURE, tags=tags))
    assert keys == [keys[0], *[f"{keys[0]}~{number + 1}" for number in range(MOST_KILLS)], f"{keys[0]}~{MOST_KILLS}"]


def test_a_change_that_is_taken_back_is_asked_for_although_its_inputs_were_seen_before(home, instance, project) -> None:
    tick(home, "document_sensor", instance)
    pretend(home, INGEST, BUILD)
    other = project(documents="pdfs", splits={"seed": 8})
    [changed] = tick(other, "refresh_sensor", instance).run_requests
    pretend(other, BUILD)
    [back] = tick(home, "refresh_sensor", instance).run_requests
    pretend(home, BUILD)
    [again] = tick(other, "refresh_sensor", instance).run_requests
    assert back.run_key != changed.run_key
    assert again.run_key == changed.run_key, "the same step from the same state is the same request"


def test_the_schedule_trains_a_recipe_that_was_never_trained_and_keeps_quiet_before_and_after(home, on_disk) -> None:
    assert isinstance(evaluate_schedule(home, on_disk), dg.SkipReason)
    tick(home, "document_sensor", on_disk)
    pretend(home, INGEST, BUILD)
    [request] = evaluate_schedule(home, on_disk)
    assert (request.job_name, request.partition_key) == (TRAIN.job, "first")
    assert on_disk.get_dynamic_partitions("training_recipes") == ["first"]
    pretend(home, TRAIN)
    assert isinstance(evaluate_schedule(home, on_disk), dg.SkipReason)


def test_what_was_trained_is_published_and_then_there_is_nothing_left_to_do(home, instance) -> None:
    tick(home, "document_sensor", instance)
    pretend(home, INGEST, BUILD, TRAIN)
    [request] = tick(home, "refresh_sensor", instance).run_requests
    assert request.job_name == PUBLISH.job
    pretend(home, PUBLISH)
    assert isinstance(tick(home, "refresh_sensor", instance), dg.SkipReason)


def test_the_state_of_a_home_has_every_asset_for_every_partition_it_belongs_to(home, instance) -> None:
    tick(home, "document_sensor", instance)
    state = state_of(home)
    expected = {
        (asset, partition)
        for phase in PHASES
        for asset in phase.assets
        for partition in (state.batches if asset in BATCHED else ["first"] if asset in BY_RECIPE else [WHOLE])
    }
    assert set(state.assets) == expected
    assert all(known.made is None for known in state.assets.values())


@pytest.mark.parametrize(
    ("change", "asset"), [("questions", "external_questions"), ("recipes", "recipes"), ("options", "chunks")]
)
def test_what_people_edit_is_noticed(home, instance, project, change, asset) -> None:
    tick(home, "document_sensor", instance)
    pretend(home, INGEST, BUILD)
    settings = home
    if change == "questions":
        home.questions_folder.mkdir(parents=True)
        (home.questions_folder / "q.jsonl").write_text('{"question": "Why?"}')
    elif change == "recipes":
        (home.recipes_folder / "second.yaml").write_text("name: second\n")
    else:
        settings = project(documents="pdfs", chunks={"max_tokens": 99})
    state = state_of(settings)
    phase = INGEST if change == "options" else BUILD
    [run] = phase_runs(phase, state)
    assert run.reason.startswith(f"{asset}: ")


def test_a_request_depends_on_the_state_of_its_own_partition_only(home, instance) -> None:
    tick(home, "document_sensor", instance)
    (home.documents_folder / "c.pdf").write_bytes(b"three")
    state = state_of(home)
    [run] = phase_runs(INGEST, state)
    before = run_request(run, state).run_key
    tick(home, "document_sensor", instance)
    assert run_request(run, state_of(home)).run_key == before


def test_the_scan_job_registers_what_a_tick_would(home, instance) -> None:
    done = build_defs(home).resolve_job_def("scan_documents").execute_in_process(instance=instance)
    assert done.success
    [batch] = instance.get_dynamic_partitions("document_batches")
    assert [request.run_key for request in tick(home, "document_sensor", instance).run_requests] == [batch]


def test_the_scan_job_names_a_missing_folder(home, instance) -> None:
    home.documents_folder.rename(Path(f"{home.documents_folder}-gone"))
    with pytest.raises(RaftlineError, match="cannot be listed"):
        build_defs(home).resolve_job_def("scan_documents").execute_in_process(instance=instance)
