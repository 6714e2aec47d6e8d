"""Students that meet questions: each is brought up if the ledger cannot answer for it, asked under its arms, taken down."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

from assets.corpus import versions_ever
from assets.evaluation.answering import answer_items, requests_of, worked_examples
from assets.evaluation.arms import BASE_ARMS, FEW_SHOT, FEW_SHOT_RAG, TUNED_ARMS, Arm, applicable
from assets.evaluation.contenders import Selection
from assets.raft.recipes import Recipe
from assets.training.models import latest_dataset
from assets.training.students import base_student, student_of
from resources.egress.policy import EgressDenied
from resources.errors import SettingsError
from resources.lake.lake import Lake
from resources.llm.lanes import ModelCallFailed
from resources.llm.models import ChatModel, Models
from resources.training.base import TrainingData, TrainingFailed, TrainingUnreachable
from resources.training.resource import TrainersResource
from resources.training.serve import Endpoints
from resources.training.serving import DeploymentFailed, StudentModel

NOT_SERVED = (DeploymentFailed, TrainingUnreachable)
"""What a service says when it cannot bring a student up now; another student's service may."""

OUT_OF_REACH = (*NOT_SERVED, TrainingFailed, ModelCallFailed, SettingsError, EgressDenied)
"""Why a student that the evaluation can do without does not take part."""

SAMPLING = (("max_tokens", 1024), ("temperature", 0.0))
"""How a student that writes freely is asked. The reader, which only quotes, takes no parameters."""

Row = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True)
class Participant:
    """A student and the arms under which it is asked.

    `data` is what an untrained one may be tuned on and takes its worked examples from. Without one that is not `needed`
    the evaluation goes on.
    """

    student: StudentModel
    arms: tuple[Arm, ...]
    data: TrainingData = field(default_factory=lambda: TrainingData((), ()))
    parameters: tuple[tuple[str, float | int | str], ...] = ()
    needed: bool = True

    @property
    def examples(self) -> list[Mapping[str, Any]]:
        return list(worked_examples(self.data.train)) if FEW_SHOT_RAG in self.arms else []


def base_of(recipe: Recipe, lake: Lake, trainers: TrainersResource, recipes: Sequence[str] = ()) -> Participant:
    """The untrained model of a recipe; a reader's threshold is chosen on the first dataset there is among `recipes`."""
    data = latest_dataset(lake, recipes or [recipe.name])
    found = _participant(base_student(recipe), BASE_ARMS, trainers, data)
    return found if found.examples else replace(found, arms=tuple(arm for arm in found.arms if arm is not FEW_SHOT_RAG))


def tuned(row: Mapping[str, Any], trainers: TrainersResource, needed: bool = True) -> Participant:
    """A trained student by its row."""
    participant = _participant(student_of(row), TUNED_ARMS, trainers, TrainingData((), ()))
    return replace(participant, needed=needed)


def answer_all(
    participants: Iterable[Participant],
    items: Sequence[Mapping[str, Any]],
    lake: Lake,
    models: Models,
    endpoints: Endpoints,
) -> list[Row]:
    """What the participants answer to the items, each under its arms.

    All that need an endpoint come up together; each goes down after its last answer, or when anything fails. Raises one
    of `OUT_OF_REACH` if a participant that is needed cannot be asked.
    """
    versions, rows = versions_ever(lake), []
    with ExitStack() as everything:
        entered = []
        for one in participants:
            own = everything.enter_context(ExitStack())
            beginning = partial(_begin, one, items, versions, models, endpoints, own)
            entered.append((one, own, _unless_absent(one, beginning, endpoints.warn)))
        for one, own, model_of in entered:
            if model_of is not None:
                asking = partial(_ask, one, items, versions, model_of)
                rows += _unless_absent(one, asking, endpoints.warn) or []
            own.close()
    return rows


def answer_test(
    selection: Selection,
    champion: Mapping[str, Any] | None,
    recipes: Mapping[str, Recipe],
    items: Sequence[Mapping[str, Any]],
    lake: Lake,
    models: Models,
    endpoints: Endpoints,
) -> list[Row]:
    """What base, champion and the selected candidate answer to the test items.

    If the candidate's service cannot bring it up, the next one on validation takes its place; without the champion's the
    report goes on. Raises the last reason if no candidate is left.
    """
    trainers, reasons = endpoints.trainers, []
    for candidate in (selection.model, *selection.others):
        meeting = [base_of(recipes[candidate["recipe"]], lake, trainers), tuned(candidate, trainers)]
        if champion and champion["model_id"] != candidate["model_id"]:
            meeting.append(tuned(champion, trainers, needed=False))
        try:
            return answer_all(meeting, items, lake, models, endpoints)
        except NOT_SERVED as error:
            endpoints.warn(f"{candidate['recipe']} ({candidate['model_id']}) does not take part: {error}")
            reasons.append(error)
    raise reasons[-1]


def _begin(
    one: Participant,
    items: Sequence[Mapping[str, Any]],
    versions: Mapping[str, str],
    models: Models,
    endpoints: Endpoints,
    own: ExitStack,
) -> Callable[[], ChatModel]:
    """How to get at the student's model: from the ledger if that knows every answer, else through an endpoint, which is
    on its way up when this returns and goes down with `own`.
    """
    identity = endpoints.trainers.deployer(one.student.backend).identity(one.student)
    if identity:
        recorded = models.recorded(identity, one.parameters)
        requests = [
            request for arm in one.arms for request in requests_of(recorded, arm, items, versions, one.examples)
        ]
        if not recorded.unanswered(requests):
            return lambda: recorded
    endpoint = own.enter_context(endpoints.brought_up(one.student))

    def once_up() -> ChatModel:
        target = endpoints.ready(endpoint, one.student, one.data)
        return models.target(target.provider, one.parameters, target.price)

    return once_up


def _ask(
    one: Participant,
    items: Sequence[Mapping[str, Any]],
    versions: Mapping[str, str],
    model_of: Callable[[], ChatModel],
) -> list[Row]:
    model = model_of()
    return [
        row for arm in one.arms for row in answer_items(model, one.student.model_id, arm, items, versions, one.examples)
    ]


def _unless_absent(one: Participant, work: Callable[[], T], warn: Callable[[str], None]) -> T | None:
    """What the work brings; None, with a warning, of a participant that is out of reach and not needed."""
    try:
        return work()
    except OUT_OF_REACH as error:
        if one.needed:
            raise
        warn(f"{one.student.name} ({one.student.backend}) does not take part: {error}")
        return None


def _participant(
    student: StudentModel, arms: Sequence[Arm], trainers: TrainersResource, data: TrainingData
) -> Participant:
    capabilities = trainers.get(student.backend).capabilities
    can = tuple(arm for arm in arms if applicable(arm, capabilities))
    return Participant(student, can, data, SAMPLING if FEW_SHOT in capabilities else ())
