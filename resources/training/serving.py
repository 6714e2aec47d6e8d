"""Serving seen from the assets: a student (tuned or base) behind an endpoint, asked like any chat model."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import dagster as dg

from resources.errors import RaftlineError
from resources.llm.prices import FREE, Price
from resources.llm.provider import ChatProvider
from resources.llm.request import ModelIdentity
from resources.training.base import TrainingData

BASE = "base"
"""The `model_id` of an untrained model."""

Purpose = Literal["evaluation", "serving", "smoke"]
EndpointPhase = Literal["creating", "ready", "failed", "deleting", "gone"]


class DeploymentFailed(RaftlineError):
    """An endpoint that could not be brought up or taken down, with the service's own words."""


@dataclass(frozen=True)
class StudentModel:
    """What is deployed: a trained artifact, verified against `files` first, or the base model (`location` is empty)."""

    backend: str
    base_model: str
    model_id: str = BASE
    location: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    provenance: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The model's part of a `ModelIdentity`: never a deployment's name, so a redeployed student inherits no answers."""
        return f"{self.base_model}@{self.model_id}"


@dataclass(frozen=True)
class EndpointHandle:
    """An endpoint that we own. `expires_at` is None for the one that is renewed; `usd_per_hour` None if not known.

    An endpoint without a `name` is in this process: it costs nothing and there is nothing to sweep.
    """

    backend: str
    name: str
    model_id: str
    purpose: Purpose
    created_at: datetime | None = None
    expires_at: datetime | None = None
    usd_per_hour: float | None = None
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class EndpointState:
    """What the service says of an endpoint: its phase and its own words."""

    phase: EndpointPhase
    message: str = ""


@dataclass(frozen=True)
class ChatTarget:
    """A student that can be asked. `address` and `model` are what an OpenAI client would be given; empty in process.

    `key_variable` names the environment variable that holds its key, if it takes one. `price` is that of its tokens: none
    where the endpoint itself is paid for by the hour, or runs here.
    """

    provider: ChatProvider
    address: str = ""
    model: str = ""
    key_variable: str = ""
    price: Price = FREE


class Deployer(dg.ConfigurableResource, ABC):
    """Where students are served. Every endpoint carries an owner, a purpose and an expiry as tags at the service."""

    @property
    @abstractmethod
    def backend(self) -> str: ...

    def identity(self, model: StudentModel) -> ModelIdentity | None:
        """Under which its answers are filed, where that is known before it is deployed: what the ledger can answer
        alone then needs no endpoint. Equal to that of its `ChatTarget`. None where only an endpoint tells.
        """
        return None

    def verify(self, model: StudentModel) -> None:
        """Raises `TrainingFailed` if what its service keeps of a trained model is not what its job left there, as far as
        that shows before it is deployed. `deploy` looks itself.
        """

    @abstractmethod
    def deploy(
        self, model: StudentModel, name: str, purpose: Purpose, expires_at: datetime | None, tags: Mapping[str, str]
    ) -> EndpointHandle:
        """Begins to bring up an endpoint of this name; the one there is if it serves this model already.

        Raises `TrainingFailed` if the artifact does not match its manifest, `DeploymentFailed` if the service refuses.
        """

    @abstractmethod
    def status(self, endpoint: EndpointHandle) -> EndpointState: ...

    @abstractmethod
    def renew(self, endpoint: EndpointHandle, expires_at: datetime | None) -> EndpointHandle:
        """The same endpoint with another expiry, written to its tags."""

    @abstractmethod
    def undeploy(self, endpoint: EndpointHandle) -> None:
        """Takes everything of an endpoint down. Harmless for one that is gone.

        Raises `DeploymentFailed` where the service cannot delete it yet; the sweeper tries again.
        """

    @abstractmethod
    def list_owned(self) -> Sequence[EndpointHandle]:
        """Every endpoint at the service that carries our tags, whoever brought it up and whether or not it is known here."""

    @abstractmethod
    def target(self, endpoint: EndpointHandle, model: StudentModel, data: TrainingData) -> ChatTarget:
        """The student behind an endpoint that is ready. `data` is what an untrained model may be tuned on (a threshold)."""

    def loaded(self, endpoint: EndpointHandle) -> str:
        """What the service says that an endpoint has loaded, in the words of `StudentModel.location`.

        Empty where the files themselves are verified instead.
        """
        return ""


class StandingDeployer(Deployer):
    """Where nothing has to be brought up: students answer in this process or on a server that is given, at no cost."""

    def status(self, endpoint: EndpointHandle) -> EndpointState:
        return EndpointState("ready")

    def renew(self, endpoint: EndpointHandle, expires_at: datetime | None) -> EndpointHandle:
        return endpoint

    def undeploy(self, endpoint: EndpointHandle) -> None:
        """Holds nothing: a model in memory is freed when it is idle, and a given server is not ours."""

    def list_owned(self) -> Sequence[EndpointHandle]:
        return ()
