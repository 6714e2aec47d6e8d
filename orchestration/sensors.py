"""Sensors: new documents become batches, new recipes become partitions, finished work leads to the next phase.

Each is a shell: the decisions are `plan_batches`, `Past` and `plan_refresh`. A tick only lists and plans; work happens
in runs. Batches without a run are requested again by run key, because a tick may die between adding a partition and
recording its request.
"""

import time
from collections.abc import Callable

import dagster as dg

from assets.partitions import training_recipes
from assets.raft.recipe_files import valid_recipes
from orchestration.catalog import asset_specs
from orchestration.jobs import BUILD, DECIDE, INGEST, JOBS, PHASES, PUBLISH, register_batches
from orchestration.planning import PlannedRun, RefreshState, phase_runs
from orchestration.retrying import MOST_KILLS, UNFINISHED, due, was_killed
from orchestration.settings import Settings
from orchestration.state import read_state
from orchestration.wiring import build_resources
from resources.hashing import short_id
from resources.lake.lake import WHOLE
from resources.lake.tables import BATCH_MARKERS, FINE_TUNED_MODEL


def build_sensors(settings: Settings, clock: Callable[[], float] = time.time) -> list[dg.SensorDefinition]:
    """The three sensors; all run unless someone stops them in the UI."""

    @dg.sensor(
        job_name=INGEST.job,
        minimum_interval_seconds=settings.scan_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Looks at the document folder; every arrival becomes a batch and its ingestion run, which is repeated "
        "if it failed through what passes.",
    )
    def document_sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        resources = build_resources(settings)
        fresh = resources["corpus"].scan(settings.batches.max_documents)
        batches = register_batches(context.instance, resources["corpus"])
        complete = set(resources["lake"].open().partitions(BATCH_MARKERS))
        waiting = [batch for batch in batches if batch not in complete]
        if not waiting:
            return dg.SkipReason(f"nothing new in {settings.documents_place}; {len(batches)} batches are complete")
        requests, words = due(context.instance, waiting, clock())
        context.log.info(f"{len(fresh)} new batches, {len(waiting)} not complete, {len(requests)} to run now")
        if not requests:
            return dg.SkipReason("; ".join(words) or f"{len(waiting)} batches are at work")
        return dg.SensorResult(run_requests=requests)

    @dg.sensor(
        minimum_interval_seconds=settings.scan_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Keeps the partitions `training_recipes` in step with the valid files in recipes/.",
        target=dg.AssetSelection.assets("raft_dataset"),
    )
    def recipe_sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        added = register_recipes(context.instance, settings)
        return dg.SkipReason(f"new recipes: {', '.join(added)}" if added else "no new recipe")

    @dg.sensor(
        jobs=[JOBS[BUILD.job], JOBS[PUBLISH.job]],
        minimum_interval_seconds=settings.scan_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Rebuilds corpus, index and bank after ingestion, and the report after training.",
    )
    def refresh_sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        if busy(context.instance):
            return dg.SkipReason("runs are in progress")
        resources = build_resources(settings)
        if not resources["lake"].open().partitions(BATCH_MARKERS):
            return dg.SkipReason("no batch is complete yet")
        state = read_state(asset_specs(settings), resources)
        runs = phase_runs(BUILD, state) or phase_runs(PUBLISH, state)
        if not runs:
            return dg.SkipReason("everything is up to date")
        requests = [run_request(run, state) for run in runs]
        return dg.SensorResult(run_requests=[renewed(context.instance, request) for request in requests])

    return [document_sensor, recipe_sensor, refresh_sensor]


def register_recipes(instance: dg.DagsterInstance, settings: Settings) -> list[str]:
    """Makes every valid recipe a partition; returns the new ones. Partitions of removed files stay with their models.

    Those that never had a model go: the UI would show their last failure for ever.
    """
    name = training_recipes.name or ""
    known, valid = set(instance.get_dynamic_partitions(name)), set(valid_recipes(settings.recipes_folder))
    added = sorted(valid - known)
    if added:
        instance.add_dynamic_partitions(name, added)
    if known - valid and not busy(instance):
        models = build_resources(settings)["lake"].open().partitions(FINE_TUNED_MODEL)
        for recipe in known - valid - set(models):
            instance.delete_dynamic_partition(name, recipe)
    return added


def busy(instance: dg.DagsterInstance) -> bool:
    """Whether a run of any of our jobs has not ended."""
    names = {phase.job for phase in PHASES} | {DECIDE}
    return any(run.job_name in names for run in instance.get_runs(dg.RunsFilter(statuses=UNFINISHED)))


def run_request(run: PlannedRun, state: RefreshState) -> dg.RunRequest:
    """A request that is made once per state of its inputs: a run that failed is not started over and over.

    What was made before counts too: whoever takes a change back wants a run whose inputs have all been seen.
    """
    known = {
        asset: [dict(one.wanted), dict(one.made or {})]
        for (asset, partition), one in state.assets.items()
        if partition == run.partition
    }
    return dg.RunRequest(
        run_key=short_id(run.job, run.partition, known),
        job_name=run.job,
        partition_key=None if run.partition == WHOLE else run.partition,
        tags={"raftline/reason": run.reason[:200]},
    )


def renewed(instance: dg.DagsterInstance, request: dg.RunRequest) -> dg.RunRequest:
    """The request under a new key if its runs so far were killed, but not for ever: it may be what kills."""
    key = request.run_key
    for number in range(MOST_KILLS):
        made = instance.get_runs(dg.RunsFilter(tags={"dagster/run_key": key or ""}), limit=1)
        if not made or not was_killed(made[0]):
            break
        key = f"{request.run_key}~{number + 1}"
    return request.with_replaced_attrs(run_key=key)
