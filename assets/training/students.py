"""Students behind rows: what is deployed of a finished model or of an untrained base, and whether it still can be."""

import json
from collections.abc import Mapping
from contextlib import closing
from typing import Any

from assets.raft.recipes import Recipe
from resources.errors import RaftlineError
from resources.training.base import TrainingData, TrainingFailed
from resources.training.endpoints import EndpointBook
from resources.training.resource import TrainersResource
from resources.training.serving import ChatTarget, DeploymentFailed, EndpointHandle, StudentModel

Row = Mapping[str, Any]


def student_of(row: Row) -> StudentModel:
    """The student of a row of `fine_tuned_model` or `model_registry`, with the hashes that its files must have."""
    return StudentModel(
        row["backend"],
        row["base_model"],
        row["model_id"],
        row["artifact"],
        dict(zip(row["artifact_files"], row["artifact_hashes"], strict=True)),
        json.loads(row["provenance"]).get("service", {}),
    )


def base_student(recipe: Recipe) -> StudentModel:
    """The untrained model of a recipe. Its provenance holds what the recipe agreed to, such as an end-user licence."""
    training = recipe.training
    agreed = {
        key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in training.options.items()
    }
    return StudentModel(training.backend, training.base_model, provenance=agreed)


def stands_here(student: StudentModel, trainers: TrainersResource, data: TrainingData | None = None) -> ChatTarget:
    """A student that this process holds itself. Raises `TrainingFailed` if its files are torn, gone or of another version."""
    in_process = EndpointHandle(student.backend, "", student.model_id, "evaluation", usd_per_hour=0.0)
    return trainers.deployer(student.backend).target(in_process, student, data or TrainingData((), ()))


def standing(student: StudentModel, trainers: TrainersResource, data: TrainingData) -> ChatTarget:
    """A student that can be asked as things stand: in this process, or behind the serving endpoint. Deploys nothing.

    Raises `DeploymentFailed` in words if it would have to be.
    """
    if trainers.get(student.backend).runs_here:
        return stands_here(student, trainers, data)
    with closing(EndpointBook(trainers.ledger())) as book:
        endpoint = book.serving()
    if endpoint is None or (endpoint.backend, endpoint.model_id) != (student.backend, student.model_id):
        raise DeploymentFailed(_not_served(student, trainers, endpoint))
    return trainers.deployer(student.backend).target(endpoint, student, data)


def _not_served(student: StudentModel, trainers: TrainersResource, endpoint: EndpointHandle | None) -> str:
    """Why a hosted student cannot be asked, and what to do."""
    told = f"{student.name} ({student.backend}) is the champion, and no endpoint serves it"
    if not trainers.serving.champion:
        return f"{told}: set `serving.champion: true` to keep it deployed (it bills by the hour on most services)"
    if endpoint:
        return f"{told} yet: {endpoint.name} still serves {endpoint.model_id}; run `raftline refresh` and wait for it"
    return f"{told} yet: run `raftline refresh`, which brings it up"


def exchanged(row: Row, trainers: TrainersResource) -> str:
    """Why a registered student is not what its job left at its service, or an empty text.

    Nor is anything said of a service that cannot be asked now: who deploys the student looks again.
    """
    try:
        trainers.deployer(row["backend"]).verify(student_of(row))
    except TrainingFailed as error:
        return str(error)
    except RaftlineError:
        return ""
    return ""


def unusable(row: Row, trainers: TrainersResource) -> str:
    """Why a registered student can no longer be asked (torn, gone, of another code version), or an empty text.

    Of a hosted one nothing is known before it is deployed: nobody is contacted.
    """
    if not trainers.get(row["backend"]).runs_here:
        return ""
    try:
        stands_here(student_of(row), trainers)
    except TrainingFailed as error:
        return str(error)
    return ""
