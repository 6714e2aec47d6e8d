"""Recipe files as rows: the valid ones with their content, the others with the reason."""

from pathlib import Path
from typing import Any

from assets.raft.recipes import Recipe, load_recipes
from resources.errors import SettingsError
from resources.hashing import canonical_json, content_hash, well_formed

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


def recipe_rows(folder: Path) -> list[dict[str, Any]]:
    """One row per recipe, and one per file that cannot be used."""
    recipes, problems = load_recipes(folder)
    good = [
        {"file": name, "name": name, "recipe": canonical_json(recipe.model_dump()), "status": VALID, "error": None}
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
