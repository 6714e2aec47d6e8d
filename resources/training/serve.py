"""Endpoints of one run: brought up, awaited, taken down, and booked at every step.

An evaluation's endpoint lives inside `serve`; whatever ends the run, its booking carries an expiry for the sweeper.
"""

import logging
import time
import uuid
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import dagster as dg

from resources.hashing import short_id
from resources.llm.providers.words import scrubbed
from resources.training.base import CapacityLacking, TrainingData, TrainingRejected, TrainingUnreachable
from resources.training.endpoints import REMOVED, REMOVING, EndpointBook, utc_now
from resources.training.resource import TrainersResource
from resources.training.serving import (
    ChatTarget,
    Deployer,
    DeploymentFailed,
    EndpointHandle,
    EndpointState,
    Purpose,
    StudentModel,
)

_log = logging.getLogger("raftline.endpoints")


@dataclass
class Endpoints:
    """Brings students up for one run. Endpoints in this process are neither named nor booked: no book is opened."""

    trainers: TrainersResource
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    warn: Callable[[str], None] = _log.warning
    clock: Callable[[], datetime] = utc_now
    sleep: Callable[[float], None] = time.sleep
    tell: Callable[[str], None] = _log.info
    _up: dict[str, tuple[EndpointHandle, int]] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def book(self) -> EndpointBook:
        """Opened when the first endpoint needs it."""
        return EndpointBook(self.trainers.ledger(), self.clock)

    def metadata(self) -> dict[str, Any]:
        """What an asset shows of the endpoints that its run brought up so far; nothing if there were none."""
        if "book" not in vars(self):
            return {}
        now = self.clock()
        lived = self.book.of_run(self.run_id)
        costs = {one.handle.name: one.usd(now) for one in lived}
        return {
            "endpoints": dg.MetadataValue.json(
                {name: "price not known" if usd is None else round(usd, 4) for name, usd in costs.items()}
            ),
            "endpoints (USD)": round(sum(usd or 0.0 for usd in costs.values()), 4),
        }

    def close(self) -> None:
        """Lets go of the book. What is up stays up."""
        if "book" in vars(self):
            self.book.close()

    @contextmanager
    def serve(self, student: StudentModel, data: TrainingData | None = None) -> Generator[ChatTarget]:
        """A student that can be asked until the block ends, however it ends.

        Raises `DeploymentFailed` with the service's words if it cannot be brought up, `TrainingUnreachable` if the
        service cannot be asked, `TrainingFailed` if the artifact is not what was registered.
        """
        with self.brought_up(student) as endpoint:
            yield self.ready(endpoint, student, data or TrainingData((), ()))

    def ready(self, endpoint: EndpointHandle, student: StudentModel, data: TrainingData) -> ChatTarget:
        """The student behind an endpoint, once that is up. Raises as `wait_ready` does."""
        self.wait_ready(endpoint)
        with _refused(endpoint.name):
            return self.trainers.deployer(student.backend).target(endpoint, student, data)

    @contextmanager
    def brought_up(self, student: StudentModel) -> Generator[EndpointHandle]:
        """An evaluation's endpoint, on its way up. The same student twice in a run shares one."""
        place = f"{student.backend} {student.name}"
        handle, users = self._up.get(place, (None, 0))
        expires_at = self.clock() + timedelta(minutes=self.trainers.serving.evaluation_ttl_minutes)
        endpoint = handle or self.begin(student, "evaluation", expires_at)
        self._up[place] = (endpoint, users + 1)
        try:
            yield endpoint
        finally:
            _, users = self._up.pop(place)
            if users > 1:
                self._up[place] = (endpoint, users - 1)
            else:
                self.end(endpoint)

    def begin(self, student: StudentModel, purpose: Purpose, expires_at: datetime | None) -> EndpointHandle:
        """Begins to bring a student up: intent, deployment, handle. What a refusal leaves behind is taken down."""
        deployer = self.trainers.deployer(student.backend)
        if self.trainers.get(student.backend).runs_here:
            endpoint = deployer.deploy(student, "", purpose, expires_at, self._tags())
            return self._booked(endpoint) if endpoint.name else endpoint
        name = endpoint_name(student, purpose, self.run_id)
        intent = EndpointHandle(student.backend, name, student.model_id, purpose, self.clock(), expires_at)
        self.book.intend(intent, self.trainers.options.jobs.owner, self.run_id)
        self.tell(f"bringing up endpoint {name} ({student.backend}) for {student.name}")
        try:
            with _refused(name):
                endpoint = deployer.deploy(student, name, purpose, expires_at, self._tags())
        except BaseException:
            self.end(intent)
            raise
        return self._booked(endpoint)

    def wait_ready(self, endpoint: EndpointHandle) -> None:
        """Waits until an endpoint answers. Raises `DeploymentFailed` if it never will or the patience is over.

        By then it is taken down, or booked for the sweeper. A service that cannot be asked meanwhile is waited for.
        """
        try:
            self._wait(self.trainers.deployer(endpoint.backend), endpoint)
        except DeploymentFailed:
            self.end(endpoint)
            raise
        if endpoint.name:
            self.tell(f"endpoint {endpoint.name} is up")

    def end(self, endpoint: EndpointHandle) -> bool:
        """Takes an endpoint down; whether it is gone. What cannot be deleted yet stays booked for the sweeper."""
        if not endpoint.name:
            return True
        try:
            gone = take_down(self.book, self.trainers.deployer(endpoint.backend), endpoint)
            self.tell(
                f"endpoint {endpoint.name} is {'gone' if gone else 'being removed; the sweeper sees to the rest'}"
            )
            return gone
        except Exception as error:
            # Often on the way out of another error, which this one must not replace.
            self.warn(
                f"endpoint {endpoint.name} ({endpoint.backend}) is not taken down yet, and is swept later: {error}"
            )
            return False

    def _wait(self, deployer: Deployer, endpoint: EndpointHandle) -> None:
        patience = self.trainers.serving.ready_minutes
        deadline = self.clock() + timedelta(minutes=patience)
        missing = 0
        while True:
            state = _asked(deployer, endpoint)
            missing = missing + 1 if state.phase == "gone" else 0
            if state.phase == "ready":
                return
            if state.phase in ("failed", "deleting") or missing > 1:  # right after its creation a listing may lag
                raise DeploymentFailed(f"endpoint {endpoint.name} is {state.phase}: {state.message}".rstrip(": "))
            if self.clock() >= deadline:
                raise DeploymentFailed(
                    f"endpoint {endpoint.name} was not up after {patience:g} minutes (serving.ready_minutes): "
                    f"{state.phase} {state.message}".rstrip()
                )
            self.sleep(self.trainers.options.jobs.poll_seconds)

    def _booked(self, endpoint: EndpointHandle) -> EndpointHandle:
        return self.book.up(endpoint, self.trainers.options.jobs.owner, self.run_id).handle

    def _tags(self) -> dict[str, str]:
        return {"owner": self.trainers.options.jobs.owner, "run": self.run_id}


def take_down(book: EndpointBook, deployer: Deployer, endpoint: EndpointHandle) -> bool:
    """Asks a service to remove an endpoint; whether it is gone. The booking says how far that is.

    Raises what the service raised, with its words booked.
    """
    booking = book.find(endpoint.backend, endpoint.name)
    if booking is None:
        return True
    booking = book.note(booking, REMOVING, booking.message)
    try:
        deployer.undeploy(endpoint)
        state = deployer.status(endpoint)
    except Exception as error:
        book.note(booking, REMOVING, scrubbed(str(error), ()))
        raise
    gone = state.phase == "gone"
    book.note(booking, REMOVED if gone else REMOVING, state.message)
    return gone


def endpoint_name(student: StudentModel, purpose: Purpose, run_id: str) -> str:
    """A name that every service takes: lower-case letters, digits and hyphens, at most 36 characters."""
    return f"raftline-{purpose}-{short_id(student.backend, student.name, run_id)}"


@contextmanager
def _refused(name: str) -> Generator[None]:
    """What a service refuses an endpoint is a failed deployment, whatever it calls that: quota, permissions, terms."""
    try:
        yield
    except (CapacityLacking, TrainingRejected) as error:
        raise DeploymentFailed(f"endpoint {name}: {error}") from error


def _asked(deployer: Deployer, endpoint: EndpointHandle) -> EndpointState:
    try:
        return deployer.status(endpoint)
    except TrainingUnreachable as error:
        return EndpointState("creating", str(error))
