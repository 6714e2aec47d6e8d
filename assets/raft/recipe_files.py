"""Recipe files as rows: the valid ones with their content, the others with the reason."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from assets.raft.recipes import Recipe, load_recipes
from resources.errors import SettingsError
from resources.hashing import canonical_json, content_hash, well_formed
from resources.training.resource import TrainersResource
from resources.training.trainer import Trainer

VALID, INVALID = "valid", "invalid"


def valid_recipes(folder: Path) -> dict[str, Recipe]:
    """The usable recipes by name: the partitions of `training_recipes`."""
    return load_recipes(folder)[0]


def recipe_named(folder: Path, name: str) -> Recipe:
    """The recipe behind a partition. Raises `SettingsError` if no valid file holds it any more."""
    recipe = valid_recipes(folder).get(name)
    if recipe is None:
        raise SettingsError(f"recipe {name!r} has no valid file in {folder}; the asset `recipes` says what is wrong")
    return recipe


def no_fault(_recipe: Recipe) -> str:
    """Finds nothing wrong with a recipe beyond its file."""
    return ""


def options_fault(recipe: Recipe, trainers: TrainersResource) -> str:
    """Why a recipe's backend cannot take its options, or is not set up; or an empty text. Contacts nobody."""
    try:
        trainer = trainers.get(recipe.training.backend)
        trainer.data_format(recipe.training.options)
    except SettingsError as error:
        return f"recipe {recipe.name}: {error}"
    fault = parent_fault(recipe, trainer)
    return f"recipe {recipe.name}: {fault}" if fault else ""


def parent_fault(recipe: Recipe, trainer: Trainer) -> str:
    """Why a backend cannot go on from a trained model, if the recipe wants that; or an empty text."""
    if not recipe.training.parent or "parent" in trainer.capabilities:
        return ""
    return f"training.parent: {trainer.backend} cannot go on from a trained model; leave it out"


def recipe_rows(folder: Path, fault_of: Callable[[Recipe], str] = no_fault) -> list[dict[str, Any]]:
    """One row per recipe, and one per file that cannot be used. `fault_of` looks at what a file alone does not tell."""
    recipes, problems = load_recipes(folder)
    faults = {name: fault_of(recipe) for name, recipe in recipes.items()}
    good = [
        {
            "file": name,
            "name": name,
            "recipe": canonical_json(recipe.model_dump()),
            "status": INVALID if faults[name] else VALID,
            "error": well_formed(faults[name]) or None,
        }
        for name, recipe in recipes.items()
    ]
    bad = [
        {
            "file": well_formed(problem.file),
            "name": None,
            "recipe": "",
            "status": INVALID,
            "error": well_formed(problem.reason),
        }
        for problem in problems
    ]
    return good + bad


def recipe_version(recipe: Recipe) -> str:
    """Changes when anything in the recipe does."""
    return content_hash(recipe.model_dump())


def recipes_version(folder: Path) -> str:
    """Changes when any recipe does."""
    return content_hash(recipe_rows(folder))
