"""Who meets whom: the base, the candidates, the champion, and how one candidate is selected on validation."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assets.corpus import versions_ever
from assets.evaluation.answering import answer_items
from assets.evaluation.arms import BASE_RAG, TUNED_RAG, applicable
from assets.evaluation.comparison import Contender, board_of
from assets.raft.recipes import Recipe
from assets.training.models import latest_dataset, registered
from resources.errors import LakeError
from resources.lake.lake import Lake
from resources.lake.tables import ANSWER_SCORES, CHAMPION_MODEL, FINE_TUNED_MODEL
from resources.llm.models import Models
from resources.llm.provider import ChatProvider
from resources.options import EvaluationOptions
from resources.training.base import TrainingFailed
from resources.training.resource import TrainersResource

BASE = "base"
Row = dict[str, Any]


@dataclass(frozen=True)
class Selection:
    """The candidate chosen on the validation questions, and how all of them did."""

    model: Row
    table: tuple[Mapping[str, str], ...]


def base_contender(base_model: str) -> Contender:
    return Contender(BASE, BASE_RAG.name, f"{base_model} (base) + documents")


def tuned_contender(row: Mapping[str, Any], trainers: TrainersResource | None = None) -> Contender:
    """A student under the tuned arm, with its stamp if it learned from an emulator or its backend is none for real."""
    real = trainers is None or trainers.get(row["backend"]).real_model
    label = f"{row['recipe']} ({row['model_id'][:8]}) + documents"
    stamp = row.get("stamp") or ("" if real else f"backend {row['backend']}")
    return Contender(row["model_id"], TUNED_RAG.name, label, stamp)


def select(
    lake: Lake,
    items: Sequence[Mapping[str, Any]],
    recipes: Iterable[str],
    options: EvaluationOptions,
    trainers: TrainersResource | None = None,
    among: Collection[str] | None = None,
) -> Selection:
    """The model with the highest mean utility over the validation questions; ties go to the first recipe by name.

    A stamped model is not ranked: it is chosen only where no real one was scored, and the report says what it is.
    With `among`, the models that the test questions were put to, no other is chosen. Raises `LakeError` if no recipe
    has a model with scores, or none of them is among those.
    """
    table, found = [], []
    for recipe in sorted(recipes):
        rows = lake.rows_or_empty(FINE_TUNED_MODEL, recipe)
        if not rows:
            continue
        contender = tuned_contender(rows[0], trainers)
        board = board_of(
            items, lake.rows_or_empty(ANSWER_SCORES, recipe), "validation", options.seed, options.bootstrap_draws
        )
        interval = board.interval(contender.key, "utility", lambda _: True)
        if interval.mean is None:
            continue
        value = "not a real model: not ranked" if contender.stamp else f"{interval.mean:.3f}"
        table.append({"model": contender.label, "utility": value, "items": str(interval.n)})
        if among is None or rows[0]["model_id"] in among:
            found.append((bool(contender.stamp), -interval.mean, rows[0]))
    if not table:
        raise LakeError("no recipe has a trained and scored model: run the job train_recipe first")
    if not found:
        raise LakeError("the test answers are those of models that were replaced since: run the job publish_report")
    return Selection(min(found, key=lambda entry: entry[:2])[2], tuple(table))


def champion_row(lake: Lake) -> Row | None:
    """The registry row of the current champion; None while it is the base."""
    decisions = lake.rows_or_empty(CHAMPION_MODEL)
    model_id = decisions[-1]["model_id"] if decisions else None
    return registered(lake, model_id) if model_id else None


def answer_all(
    lake: Lake,
    models: Models,
    trainers: TrainersResource,
    recipe: Recipe,
    students: Iterable[Mapping[str, Any]],
    items: Sequence[Mapping[str, Any]],
) -> list[Row]:
    """What the recipe's base and these students answer to the items, each under the arm that it can run."""
    versions = versions_ever(lake)
    base = base_provider(lake, recipe, [recipe.name], trainers)
    entries = [(BASE_RAG, recipe.training.backend, BASE, base)]
    entries += [
        (TUNED_RAG, row["backend"], row["model_id"], provider_of(row, trainers))
        for row in sorted(students, key=lambda row: row["model_id"])
    ]
    return [
        answer
        for arm, backend, model_id, provider in entries
        if applicable(arm, trainers.get(backend).capabilities)
        for answer in answer_items(models.target(provider), model_id, arm, items, versions)
    ]


def provider_of(row: Mapping[str, Any], trainers: TrainersResource) -> ChatProvider:
    """A registered student, its files verified."""
    return trainers.get(row["backend"]).target(row["artifact"], row["model_id"])


def unusable(row: Mapping[str, Any], trainers: TrainersResource) -> str:
    """Why a registered student can no longer be asked (torn, gone, of another code version), or an empty text."""
    try:
        provider_of(row, trainers)
    except TrainingFailed as error:
        return str(error)
    return ""


def base_provider(lake: Lake, recipe: Recipe, recipes: Sequence[str], trainers: TrainersResource) -> ChatProvider:
    """The strongest untrained model of a recipe's backend, its threshold chosen on validation."""
    training = recipe.training
    return trainers.get(training.backend).base_target(training.base_model, latest_dataset(lake, recipes))
