"""Students as assets: one trained per recipe, and the registry of all that ever were."""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg

from assets.groups import TRAINING
from assets.partitions import training_recipes
from assets.raft.assets import raft_dataset
from assets.raft.recipe_files import recipe_named
from assets.training.learned import remember
from assets.training.models import model_row, training_inputs
from assets.training.reporting import left_metadata, measurements, tuned_metadata
from assets.training.tuning import row_facts, tune, wish_of
from resources.code_version import code_version
from resources.errors import SettingsError
from resources.folders import FoldersResource
from resources.lake.resource import LakeResource
from resources.lake.stage import Stage
from resources.lake.tables import FINE_TUNED_MODEL, MODEL_REGISTRY, RAFT_DATASET
from resources.llm.resource import ModelsResource
from resources.training.base import (
    CapacityLacking,
    JobEvent,
    TrainingFailed,
    TrainingRejected,
    TrainingUnreachable,
)
from resources.training.leases import LeaseTaken
from resources.training.resource import TrainersResource
from resources.training.watching import JobWatch

_CANCELLED = (dg.DagsterRunStatus.CANCELING, dg.DagsterRunStatus.CANCELED)


@dg.asset(
    partitions_def=training_recipes,
    deps=[raft_dataset],
    group_name=TRAINING,
    kinds={"model"},
    pool="training",
    output_required=False,
    code_version=code_version(
        "assets.training.learned", "assets.training.models", "resources.training.base", "resources.training.embedded"
    ),
)
def fine_tuned_model(
    context: dg.AssetExecutionContext,
    lake: LakeResource,
    folders: FoldersResource,
    models: ModelsResource,
    trainers: TrainersResource,
) -> Iterator[dg.MaterializeResult]:
    """The student of one recipe. A job of the same specification is adopted and costs nothing.

    A job that takes long is left at its service: the run ends without a model, and a later one makes it of the finished job.
    """
    store = lake.open()
    with _told_as_failures(), trainers.book() as book:
        recipe = recipe_named(folders.recipes_path, context.partition_key)
        trainer = trainers.get(recipe.training.backend)
        stage = Stage(context, store, observed=training_inputs(recipe, trainer, trainers.egress))
        wish = wish_of(store, recipe, trainer, trainers, book)
        watch = JobWatch(trainer, book, trainers.options.jobs, _log_lines(context))
        with _cancelling(context, watch, wish.spec.idem()):
            try:
                tuned = tune(wish, store, models, watch, context.run.run_id, lambda: _is_cancelled(context))
            except LeaseTaken:
                context.log.info("another run is submitting this very specification; this one leaves it to that run")
                return
        if tuned.artifact is None:
            _observe(context, left_metadata(tuned))
            return
        provenance, stamp = row_facts(wish, tuned, store, models, trainer)
        row = model_row(recipe.name, wish.spec, tuned.artifact, wish.upload.data, provenance, stamp)
        done = tuned_metadata(wish, tuned, stamp)
        remember(store, row["model_id"], store.rows(RAFT_DATASET, recipe.name), wish.upload.data)
        result = stage.finish(FINE_TUNED_MODEL, [row], done, measured=measurements(tuned.job))
        book.tell(tuned.job)
    yield result


@dg.asset(
    deps=[fine_tuned_model],
    group_name=TRAINING,
    kinds={"parquet"},
    pool="model_registry",
    code_version=code_version("assets.training.models"),
)
def model_registry(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult:
    """Every student ever finished, one row per specification; rows are added and never changed."""
    store = lake.open()
    stage = Stage(context, store)
    known = {row["model_id"]: row for row in store.rows_or_empty(MODEL_REGISTRY)}
    finished = [row for recipe in store.partitions(FINE_TUNED_MODEL) for row in store.rows(FINE_TUNED_MODEL, recipe)]
    fresh = {row["model_id"]: row for row in finished if row["model_id"] not in known}
    return stage.finish(
        MODEL_REGISTRY,
        [*known.values(), *fresh.values()],
        {
            "added": sorted(fresh),
            "not real models": sorted(key for key, row in {**known, **fresh}.items() if row["stamp"]),
        },
        sample=("model_id", "recipe", "backend", "base_model", "stamp", "metrics"),
    )


@contextmanager
def _told_as_failures() -> Generator[None]:
    """What stands in the way, in its own words: for good, or until somebody tries again."""
    try:
        yield
    except (CapacityLacking, TrainingUnreachable) as error:
        raise dg.Failure(str(error)) from error
    except (TrainingFailed, TrainingRejected, SettingsError) as error:
        raise dg.Failure(str(error), allow_retries=False) from error


@contextmanager
def _cancelling(context: dg.AssetExecutionContext, watch: JobWatch, idem: str) -> Generator[None]:
    """A run that a person cancels takes its job with it; one that is merely interrupted leaves it at its service."""
    try:
        yield
    except (dg.DagsterExecutionInterruptedError, KeyboardInterrupt):
        job = watch.book.last(idem)
        if job and job.open and _is_cancelled(context):
            watch.cancel(job, "cancelled")
        raise


def _is_cancelled(context: dg.AssetExecutionContext) -> bool:
    run = context.instance.get_run_by_id(context.run.run_id)
    return run is not None and run.status in _CANCELLED


def _log_lines(context: dg.AssetExecutionContext) -> Callable[[JobEvent], None]:
    """Events of a job as lines of the run's log."""
    levels = {"info": context.log.info, "warning": context.log.warning, "error": context.log.error}
    return lambda event: levels[event.level](event.message)


def _observe(context: dg.AssetExecutionContext, metadata: dict[str, Any]) -> None:
    """Shows on the asset's page what became of it without a model."""
    context.log.info("; ".join(f"{name}: {value}" for name, value in metadata.items()))
    context.log_event(
        dg.AssetObservation(asset_key=context.asset_key, partition=context.partition_key, metadata=metadata)
    )
