"""The incumbent: who answers now, the champion or, while there is none, the base."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assets.evaluation.champion import current
from assets.evaluation.participants import Participant, base_of, tuned
from assets.raft.recipes import Recipe
from assets.training.learned import versions_known
from assets.training.models import registered
from assets.training.students import standing
from resources.errors import LakeError
from resources.lake.lake import Lake
from resources.lake.tables import CHAMPION_MODEL, EVAL_REPORT
from resources.llm.models import ChatModel, Models
from resources.training.resource import TrainersResource
from resources.training.serving import EndpointHandle


@dataclass(frozen=True)
class Incumbent:
    """The student that answers, the recipe it comes from, and its name as people read it.

    `versions` are those of the documents that were current when it was trained; None of a base, which learned none.
    """

    participant: Participant
    recipe: str
    label: str
    versions: frozenset[str] | None = None

    def asked_by(self, models: Models, trainers: TrainersResource) -> ChatModel:
        """The student as things stand. Raises `DeploymentFailed`, in words, if it would have to be deployed."""
        target = standing(self.participant.student, trainers, self.participant.data)
        return models.target(target.provider, self.participant.parameters, target.price)


def incumbent_of(lake: Lake, trainers: TrainersResource, recipes: Mapping[str, Recipe]) -> Incumbent:
    """Raises `LakeError` if the champion is in no registry."""
    model_id = current(lake.rows_or_empty(CHAMPION_MODEL))
    if model_id:
        row = registered(lake, model_id)
        if row is None:
            raise LakeError(f"champion {model_id} is not in model_registry: `raftline champion rollback` leaves it")
        label = f"{row['recipe']} ({model_id})"
        return Incumbent(tuned(row, trainers), row["recipe"], label, versions_known(lake, model_id))
    recipe = _reported_recipe(lake, recipes)
    base = base_of(recipe, lake, trainers, [recipe.name, *sorted(recipes)])
    return Incumbent(base, recipe.name, f"{recipe.training.base_model} (base)")


def in_service(
    incumbent: Incumbent, serving: EndpointHandle | None, lake: Lake, trainers: TrainersResource
) -> Incumbent:
    """Who answers applications: the incumbent, or the one before it while its own endpoint has not come up.

    `serving` is where the book of endpoints points to.
    """
    student = incumbent.participant.student
    if serving is None or serving.model_id == student.model_id or trainers.get(student.backend).runs_here:
        return incumbent
    row = registered(lake, serving.model_id)
    return _trained(row, trainers) if row else incumbent


def _trained(row: Mapping[str, Any], trainers: TrainersResource) -> Incumbent:
    return Incumbent(tuned(row, trainers), row["recipe"], f"{row['recipe']} ({row['model_id']})")


def _reported_recipe(lake: Lake, recipes: Mapping[str, Recipe]) -> Recipe:
    """The recipe whose base the latest report measured; before any report, the first by name."""
    reported = [row["recipe"] for row in lake.rows_or_empty(EVAL_REPORT)]
    name = next((name for name in (*reported, *sorted(recipes)) if name in recipes), None)
    return recipes[name] if name else Recipe(name="base")
