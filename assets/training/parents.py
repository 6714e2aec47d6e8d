"""The model that a student goes on from: the champion, resolved once per dataset and kept from then on."""

from collections.abc import Iterable, Mapping
from typing import Any

from assets.evaluation.contenders import champion_row
from assets.raft.recipes import Recipe
from assets.training.learned import contamination, held_out, line_of, parent_of
from assets.training.models import registered
from resources.lake.lake import Lake
from resources.lake.tables import FINE_TUNED_MODEL, MODEL_REGISTRY, QUESTION_BANK
from resources.training.base import TrainingRejected
from resources.training.book_tables import Job
from resources.training.trainer import Trainer

Row = Mapping[str, Any]


def parent_of_recipe(lake: Lake, recipe: Recipe, trainer: Trainer, dataset_version: str, jobs: Iterable[Job]) -> str:
    """The model id of the parent; empty where training begins at the base. `jobs` are those that no run has told yet.

    A parent is kept while the dataset is the same: a champion that changes meanwhile, perhaps because this very student
    was promoted, trains nothing again. Nor does one go on from a champion that learned this dataset, itself or
    before it. Raises `TrainingRejected` if the champion cannot be the parent.
    """
    if not recipe.training.parent:
        return ""
    kept = _kept(lake, recipe, dataset_version, jobs)
    champion = champion_row(lake)
    if kept or champion is None:
        return kept
    if dataset_version in _learned_by(lake, champion):
        return ""
    problem = _unfit(lake, recipe, trainer, champion)
    if problem:
        raise TrainingRejected(
            f"recipe {recipe.name}: training.parent: the champion {champion['model_id']} cannot be the parent: {problem}"
        )
    return champion["model_id"]


def stamp_of_parent(lake: Lake, parent: str) -> str:
    """Why the parent is no real model, which its student inherits; or an empty text."""
    row = registered(lake, parent) if parent else None
    return f"it went on from {parent}, which is no real model: {row['stamp']}" if row and row["stamp"] else ""


def _kept(lake: Lake, recipe: Recipe, dataset_version: str, jobs: Iterable[Job]) -> str:
    """The parent of this recipe's job or student on this dataset, if it has one."""
    wanted = (recipe.training.backend, recipe.training.base_model, dataset_version)
    for job in jobs:
        if recipe.name in job.wanted_by and (job.backend, job.spec.base_model, job.spec.dataset_version) == wanted:
            return job.spec.parent
    students = lake.rows_or_empty(FINE_TUNED_MODEL, recipe.name)
    same = (row for row in students if (row["backend"], row["base_model"], row["dataset_version"]) == wanted)
    return next(map(parent_of, same), "")


def _learned_by(lake: Lake, champion: Row) -> set[str]:
    """The datasets that the champion and its parents learned."""
    line = set(line_of(lake, champion["model_id"]))
    return {row["dataset_version"] for row in lake.rows_or_empty(MODEL_REGISTRY) if row["model_id"] in line}


def _unfit(lake: Lake, recipe: Recipe, trainer: Trainer, champion: Row) -> str:
    training = recipe.training
    if (champion["backend"], champion["base_model"]) != (training.backend, training.base_model):
        return (
            f"it is {champion['base_model']} of {champion['backend']}, and this recipe trains {training.base_model} "
            f"of {training.backend}; leave training.parent out to begin at the base"
        )
    if champion["stamp"] and not trainer.not_real():
        return f"it is not a real model: {champion['stamp']}"
    kept = (row for row in lake.rows_or_empty(QUESTION_BANK) if row["status"] == "kept")
    return contamination(lake, champion["model_id"], held_out(kept))
