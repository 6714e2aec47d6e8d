"""The champion's one serving deployment: new up, smoke question, pointer, old down. A new one that fails changes nothing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Literal

from resources.training.base import TrainingData, TrainingFailed
from resources.training.endpoints import EndpointBook
from resources.training.resource import TrainersResource
from resources.training.serve import Endpoints
from resources.training.serving import ChatTarget, DeploymentFailed, EndpointHandle, StudentModel

Row = dict[str, Any]
State = Literal["in process", "deployed", "not kept"]
IN_PROCESS: State = "in process"
DEPLOYED: State = "deployed"
NOT_KEPT: State = "not kept"

Smoke = Callable[[ChatTarget, str], None]
"""Puts a question to a student behind an endpoint, given a text that no earlier question had; raises `DeploymentFailed`."""


@dataclass(frozen=True)
class Kept:
    """How the champion is served, and what was done for it."""

    student: StudentModel
    state: State
    endpoint: EndpointHandle | None = None
    target: ChatTarget | None = None
    done: tuple[str, ...] = ()


def serving_inputs(trainers: TrainersResource) -> dict[str, str]:
    """What `model_endpoint` depends on besides tables, for its fingerprint."""
    return {"serving.champion": str(trainers.serving.champion)}


def keep_up(
    student: StudentModel,
    data: TrainingData,
    endpoints: Endpoints,
    smoke: Smoke,
    previous: Mapping[str, Any] | None = None,
) -> Kept:
    """Sees to it that the champion is served as the settings want it. `previous` is the row of the last time.

    Raises `DeploymentFailed` if a new endpoint does not come up or does not answer: the old one goes on serving then.
    """
    trainers = endpoints.trainers
    if trainers.get(student.backend).runs_here:
        return _served_here(student, data, endpoints, previous)
    if not trainers.serving.champion:
        return _let_go(endpoints, Kept(student, NOT_KEPT))
    old = endpoints.book.serving()
    if old and _still_serves(old, student, endpoints, previous):
        try:
            kept = Kept(student, DEPLOYED, old, _target(endpoints, old, student, data))
        except DeploymentFailed as error:  # somebody had it load another model
            endpoints.warn(f"it is replaced: {error}")
        else:
            return _pointed_to(kept, endpoints)
    return _replace(student, data, endpoints, smoke, old)


def may_be_deployed(trainers: TrainersResource, row: Mapping[str, Any] | None) -> bool:
    """Whether there may be endpoints: a home that only ever served in process opens no book for them."""
    return bool(trainers.hosted()) or bool(row and row["state"] == DEPLOYED)


def out_of_service(rows: Sequence[Mapping[str, Any]], trainers: TrainersResource) -> bool:
    """Whether the book points elsewhere than the table says. Asks no service."""
    served = {(row["backend"], row["model_id"]) for row in rows if row["state"] == DEPLOYED}
    if not served:
        return False
    book = EndpointBook(trainers.ledger())
    try:
        serving = book.serving()
    finally:
        book.close()
    return serving is None or (serving.backend, serving.model_id) not in served


def endpoint_row(kept: Kept, recipe: str) -> Row:
    """The row of `model_endpoint`: nothing in it differs between equal runs. The endpoint's name is in the book."""
    student = kept.student
    return {
        "model_id": student.model_id,
        "recipe": recipe,
        "backend": student.backend,
        "base_model": student.base_model,
        "state": kept.state,
    }


def _served_here(
    student: StudentModel, data: TrainingData, endpoints: Endpoints, previous: Mapping[str, Any] | None
) -> Kept:
    """Nothing to bring up."""
    endpoint = endpoints.begin(student, "serving", None)
    if endpoint.name:
        return _pointed_to(Kept(student, DEPLOYED, endpoint, _target(endpoints, endpoint, student, data)), endpoints)
    kept = Kept(student, IN_PROCESS)
    return _let_go(endpoints, kept) if may_be_deployed(endpoints.trainers, previous) else kept


def _still_serves(
    endpoint: EndpointHandle, student: StudentModel, endpoints: Endpoints, previous: Mapping[str, Any] | None
) -> bool:
    if (endpoint.backend, endpoint.model_id) != (student.backend, student.model_id):
        return False
    if previous and previous["base_model"] != student.base_model:
        return False
    return endpoints.trainers.deployer(endpoint.backend).status(endpoint).phase == "ready"


def _replace(
    student: StudentModel, data: TrainingData, endpoints: Endpoints, smoke: Smoke, old: EndpointHandle | None
) -> Kept:
    """New up, asked, pointed to; then every other one down. Until it is pointed to, the new one carries an expiry."""
    trainers = endpoints.trainers
    patience = timedelta(minutes=trainers.serving.ready_minutes + trainers.serving.evaluation_ttl_minutes)
    try:
        new = endpoints.begin(student, "serving", endpoints.clock() + patience)
        try:
            endpoints.wait_ready(new)
            target = _target(endpoints, new, student, data)
            smoke(target, new.name)
        except BaseException:
            endpoints.end(new)
            raise
    except (DeploymentFailed, TrainingFailed) as error:
        left = f"; {old.name} goes on serving {old.model_id}" if old else ""
        raise DeploymentFailed(
            f"the endpoint for champion {student.model_id} did not come up: {error}{left}"
        ) from error
    return _pointed_to(Kept(student, DEPLOYED, new, target, (f"{new.name} came up and answered",)), endpoints)


def _pointed_to(kept: Kept, endpoints: Endpoints) -> Kept:
    """The endpoint as the champion's: without an expiry, and nothing else up."""
    assert kept.endpoint is not None
    endpoints.book.serve_by(kept.endpoint)
    deployer = endpoints.trainers.deployer(kept.endpoint.backend)
    renewed = endpoints.book.up(deployer.renew(kept.endpoint, None)).handle
    return replace(kept, endpoint=renewed, done=(*kept.done, *_others_taken_down(endpoints, renewed)))


def _let_go(endpoints: Endpoints, kept: Kept) -> Kept:
    endpoints.book.serve_by(None)
    return replace(kept, done=(*kept.done, *_others_taken_down(endpoints, None)))


def _others_taken_down(endpoints: Endpoints, kept: EndpointHandle | None) -> list[str]:
    """Takes down every serving endpoint of this home but one: the former champion's, and what a killed run left behind."""
    done = []
    for handle in (booking.handle for booking in endpoints.book.bookings() if not booking.found):
        if handle.purpose == "serving" and (kept is None or handle.name != kept.name):
            gone = endpoints.end(handle)
            done.append(f"{handle.name} {'taken down' if gone else 'not gone yet: the sweeper tries again'}")
    return done


def _target(endpoints: Endpoints, endpoint: EndpointHandle, student: StudentModel, data: TrainingData) -> ChatTarget:
    return endpoints.trainers.deployer(endpoint.backend).target(endpoint, student, data)
