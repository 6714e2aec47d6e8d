"""Between recipes and trainers: the specification of a run, its data, its row, and the students behind a row."""

from collections.abc import Mapping, Sequence
from typing import Any

from assets.raft.recipes import Recipe
from assets.training.uploads import PURPOSE
from resources.egress.policy import EgressOptions
from resources.hashing import canonical_json, content_hash
from resources.lake.lake import Lake
from resources.lake.tables import MODEL_REGISTRY, RAFT_DATASET
from resources.training.base import Artifact, TrainingData, TrainingSpec
from resources.training.trainer import Trainer

Row = dict[str, Any]


def training_data(rows: Sequence[Mapping[str, Any]]) -> TrainingData:
    """The rows of a `raft_dataset` partition by split."""
    by_split = {split: tuple(row for row in rows if row["split"] == split) for split in ("train", "validation")}
    return TrainingData(by_split["train"], by_split["validation"])


def specification(
    recipe: Recipe, dataset_version: str, trainer: Trainer, upload: str = "", parent: str = ""
) -> TrainingSpec:
    """What a recipe trains on a version of its dataset. `upload` names what its rows became, `parent` a model id."""
    return TrainingSpec(
        recipe.training.backend,
        recipe.training.base_model,
        dataset_version,
        tuple(sorted(recipe.training.hyperparameters.items())),
        recipe.training.seed,
        parent,
        trainer.code_version(),
        tuple(sorted(recipe.training.options.items())),
        upload,
    )


def training_inputs(recipe: Recipe, trainer: Trainer, egress: EgressOptions) -> dict[str, str]:
    """What a model depends on besides tables: how it is trained, the code that trains here, the rules for what leaves.

    A dataset may come out equal although its recipe changed, so the recipe is named here, too.
    """
    rules = egress.version(PURPOSE, trainer.destination) if not trainer.runs_here else ""
    how = {"recipe": content_hash(recipe.training.model_dump())}
    return {**how, "trainer": trainer.code_version(), **({"egress": rules} if rules else {})}


def model_row(
    recipe: str,
    spec: TrainingSpec,
    artifact: Artifact,
    data: TrainingData,
    provenance: str = "{}",
    stamp: str | None = None,
) -> Row:
    """The row of a finished model: everything needed to find, verify and reproduce it.

    `stamp` says why it is not a real model; a stamped one is never ranked, promoted or recommended.
    """
    names = sorted(artifact.files)
    return {
        "model_id": spec.idem(),
        "recipe": recipe,
        "backend": spec.backend,
        "base_model": spec.base_model,
        "spec": spec.to_json(),
        "status": "succeeded",
        "artifact": artifact.location,
        "artifact_files": names,
        "artifact_hashes": [artifact.files[name] for name in names],
        "dataset_version": spec.dataset_version,
        "training_rows": sorted(row["row_id"] for row in data.train),
        "metrics": canonical_json(dict(artifact.metrics)),
        "provenance": provenance,
        "stamp": stamp,
    }


def registered(lake: Lake, model_id: str) -> Row | None:
    """A registered model's row."""
    return next((row for row in lake.rows_or_empty(MODEL_REGISTRY) if row["model_id"] == model_id), None)


def latest_dataset(lake: Lake, recipes: Sequence[str]) -> TrainingData:
    """The first dataset there is among these recipes: what base arms choose their threshold on."""
    for recipe in recipes:
        if lake.version(RAFT_DATASET, recipe):
            return training_data(lake.rows(RAFT_DATASET, recipe))
    return TrainingData((), ())
