"""Who meets whom: the base, the candidates, the champion, and how one candidate is selected on validation."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assets.corpus import versions_of
from assets.evaluation.answering import answer_items
from assets.evaluation.arms import BASE_RAG, TUNED_RAG, applicable
from assets.evaluation.comparison import Contender, board_of
from assets.raft.recipes import Recipe
from assets.training.models import latest_dataset, registered
from resources.errors import LakeError
from resources.lake.lake import Lake
from resources.lake.tables import ANSWER_SCORES, CHAMPION_MODEL, CORPUS, FINE_TUNED_MODEL
from resources.llm.gateway import ChatProvider
from resources.llm.resource import Models
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
    """A student under the tuned arm; stamped if its backend does not train real models."""
    real = trainers is None or trainers.get(row["backend"]).real_model
    label = f"{row['recipe']} ({row['model_id'][:8]}) + documents"
    return Contender(row["model_id"], TUNED_RAG.name, label, "" if real else f"backend {row['backend']}")


def select(
    lake: Lake, items: Sequence[Mapping[str, Any]], recipes: Iterable[str], options: EvaluationOptions
) -> Selection:
    """The model with the highest mean utility over the validation questions; ties go to the first recipe by name.

    Raises `LakeError` if no recipe has a model with scores.
    """
    table, best, best_value = [], None, None
    for recipe in sorted(recipes):
        rows = lake.rows_or_empty(FINE_TUNED_MODEL, recipe)
        if not rows:
            continue
        contender = tuned_contender(rows[0])
        board = board_of(
            items, lake.rows_or_empty(ANSWER_SCORES, recipe), "validation", options.seed, options.bootstrap_draws
        )
        interval = board.interval(contender.key, "utility", lambda _: True)
        if interval.mean is None:
            continue
        table.append({"model": contender.label, "utility": f"{interval.mean:.3f}", "items": str(interval.n)})
        if best_value is None or interval.mean > best_value:
            best, best_value = rows[0], interval.mean
    if best is None:
        raise LakeError("no recipe has a trained and scored model: run the job train_recipe first")
    return Selection(best, tuple(table))


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
    versions = versions_of(lake.rows(CORPUS))
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
