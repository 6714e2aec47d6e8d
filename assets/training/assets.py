"""Students as assets: one trained per recipe, and the registry of all that ever were."""

import time

import dagster as dg

from assets.groups import TRAINING
from assets.partitions import training_recipes
from assets.raft.assets import raft_dataset
from assets.raft.recipe_files import recipe_named
from assets.training.models import model_row, specification, training_data
from assets.training.plots import plot_curve
from assets.training.stamps import emulator_stamp
from resources.code_version import code_version
from resources.folders import FoldersResource
from resources.lake.metadata import image
from resources.lake.resource import LakeResource
from resources.lake.stage import Stage
from resources.lake.tables import FINE_TUNED_MODEL, MODEL_REGISTRY, RAFT_DATASET
from resources.llm.resource import ModelsResource
from resources.training.base import SUCCEEDED, JobHandle, Trainer, TrainingFailed
from resources.training.resource import TrainersResource

POLL_SECONDS = 5.0


@dg.asset(
    partitions_def=training_recipes,
    deps=[raft_dataset],
    group_name=TRAINING,
    kinds={"model"},
    pool="training",
    code_version=code_version("assets.training.models", "resources.training"),
)
def fine_tuned_model(
    context: dg.AssetExecutionContext,
    lake: LakeResource,
    folders: FoldersResource,
    models: ModelsResource,
    trainers: TrainersResource,
) -> dg.MaterializeResult:
    """The student of one recipe. A finished run of the same specification is adopted and costs nothing."""
    store = lake.open()
    recipe = recipe_named(folders.recipes_path, context.partition_key)
    trainer = trainers.get(recipe.training.backend)
    stage = Stage(context, store, observed={"trainer": trainer.code_version()})
    data = training_data(store.rows(RAFT_DATASET, recipe.name))
    spec = specification(recipe, store.version(RAFT_DATASET, recipe.name) or "", trainer)
    trainer.preflight(spec, data)
    adopted = trainer.find(spec)
    handle = adopted or trainer.submit(spec, data)
    _wait(trainer, handle, context)
    artifact = trainer.artifact(handle)
    stamp = emulator_stamp(store, models.not_real_models())
    return stage.finish(
        FINE_TUNED_MODEL,
        [model_row(recipe.name, spec, artifact, data, stamp)],
        {
            "model": spec.idem(),
            **({"not a real model": stamp} if stamp else {}),
            "adopted a finished run": adopted is not None,
            "rows": len(data.train),
            "validation rows": len(data.validation),
            "metrics": dg.MetadataValue.json(dict(artifact.metrics)),
            **({"loss": image(plot_curve(artifact.curve), "loss by step")} if artifact.curve else {}),
        },
    )


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
    known = {row["model_id"]: {"stamp": None, **row} for row in store.rows_or_empty(MODEL_REGISTRY)}
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


def _wait(trainer: Trainer, handle: JobHandle, context: dg.AssetExecutionContext) -> None:
    """Polls until the job ends. Raises `dg.Failure` without retry on any end but success."""
    state = trainer.poll(handle)
    while not state.terminal:
        context.log.info(f"job {handle.job_id}: {state.status} {state.message}".rstrip())
        time.sleep(POLL_SECONDS)
        state = trainer.poll(handle)
    if state.status != SUCCEEDED:
        problem = TrainingFailed(f"job {handle.job_id} {state.status}: {state.message}")
        raise dg.Failure(str(problem), allow_retries=False)
