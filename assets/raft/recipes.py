"""A training recipe: how a RAFT dataset is composed and which student learns from it, read from `recipes/*.yaml`.

Add a field here when a new knob becomes part of what is trained; it then enters the fingerprint of the model.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from resources.errors import SettingsError
from resources.lake.lake import WHOLE


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class DatasetRecipe(_Strict):
    """How rows are composed from the question bank."""

    strategy: Literal["raft", "ra_dit", "sft"] = Field(
        "raft", description="raft: oracle and distractors; ra_dit: what retrieval returns; sft: no documents"
    )
    p: float = Field(0.8, ge=0, le=1, strict=False, description="share of answerable rows that show their oracle")
    k: int = Field(4, ge=1, le=20, description="documents per row, the oracle included")
    distractors: Literal["random", "hard", "same_document", "mixed"] = Field(
        "mixed", description="where the other documents come from"
    )
    absent_policy: Literal["memorise", "refuse", "mix"] = Field(
        "refuse", description="what a row without its oracle teaches: the answer all the same, or to decline"
    )
    refuse_share: float = Field(
        0.5, ge=0, le=1, strict=False, description="share of the rows without oracle that refuse, under `mix`"
    )
    seed: int = Field(0, ge=0, description="decides distractors, positions and which rows show their oracle")
    max_tokens: int = Field(4096, ge=64, description="a row that is longer with its answer is left out")


class TermsRecipe(_Strict):
    """Which terms were read and accepted before this student is trained; recorded with the model."""

    eula_accepted_by: str = Field("", description="who accepted the base model's end-user licence, as name or e-mail")
    student_licence: str = Field("", description="the licence under which the base model may be tuned and used")
    teacher_terms: str = Field("", description="the terms of a hosted teacher that let its output train other models")


class TrainingRecipe(_Strict):
    """Which student is trained, and how."""

    backend: Literal["embedded", "azure_openai", "sagemaker_jumpstart", "local"] = Field(
        "embedded", description="the service or library that trains"
    )
    base_model: str = Field("extractive-reader", min_length=1, description="the model that training starts from")
    parent: Literal["", "champion"] = Field(
        "", description="champion: training goes on from the champion, where it is a student of this backend"
    )
    hyperparameters: dict[str, bool | int | float | str] = Field(
        default_factory=dict, description="passed to the backend, which refuses what it does not know"
    )
    options: dict[str, bool | int | float | str] = Field(
        default_factory=dict, description="the backend's own settings that change the result, such as the data format"
    )
    seed: int = Field(0, ge=0, description="the training's own randomness")
    terms: TermsRecipe = Field(default_factory=TermsRecipe, description="what was agreed to, and by whom")


class Recipe(_Strict):
    """One student: its name is also its partition of `training_recipes`."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$", description="lower case letters, digits, - and _")
    dataset: DatasetRecipe = Field(default_factory=DatasetRecipe)
    training: TrainingRecipe = Field(default_factory=TrainingRecipe)

    @field_validator("name")
    @classmethod
    def _is_no_reserved_partition(cls, value: str) -> str:
        if value == WHOLE:
            raise ValueError("this name stands for tables without partitions; choose another")
        return value


@dataclass(frozen=True)
class RecipeProblem:
    """A recipe file that cannot be used, and why."""

    file: str
    reason: str


def parse_recipe(text: str, file: str) -> Recipe:
    """The recipe in a YAML text. Raises `SettingsError` naming the file, the key and what is allowed."""
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise SettingsError(f"{file}{where}: not valid YAML: {getattr(error, 'problem', None) or error}") from error
    if not isinstance(data, dict):
        raise SettingsError(f"{file}: a recipe is a mapping with the keys {', '.join(Recipe.model_fields)}")
    try:
        return Recipe.model_validate(data)
    except ValidationError as error:
        problems = "; ".join(_explain(dict(problem)) for problem in error.errors(include_url=False))
        raise SettingsError(f"{file}: {problems}") from error


def load_recipes(folder: Path) -> tuple[dict[str, Recipe], list[RecipeProblem]]:
    """The recipes of a folder by name, and the files that cannot be used. A folder that is not there has none."""
    recipes: dict[str, Recipe] = {}
    problems: list[RecipeProblem] = []
    for path in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
        try:
            recipe = parse_recipe(path.read_text(encoding="utf-8-sig"), path.name)
        except SettingsError as error:
            problems.append(RecipeProblem(path.name, str(error)))
        except (OSError, UnicodeDecodeError) as error:
            problems.append(RecipeProblem(path.name, f"{path.name}: cannot be read: {error}"))
        else:
            if recipe.name in recipes:
                problems.append(RecipeProblem(path.name, f"{path.name}: name: {recipe.name!r} is taken"))
            else:
                recipes[recipe.name] = recipe
    return recipes, problems


def _explain(problem: dict[str, Any]) -> str:
    place: Sequence[Any] = problem["loc"]
    key = ".".join(map(str, place)) or "recipe"
    if problem["type"] == "extra_forbidden":
        return f"{key}: unknown key; known: {', '.join(_known_keys(place[:-1]))}"
    if problem["type"] == "missing":
        return f"{key}: is missing"
    return f"{key}: {problem['msg']}, not {problem['input']!r}"


def _known_keys(place: Sequence[Any]) -> list[str]:
    model: Any = Recipe
    for key in place:
        model = model.model_fields[key].annotation
    return list(model.model_fields)
